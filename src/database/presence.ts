import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Database } from './client.js';

/**
 * Shows the other replicas that this process lives: one session that bears its name, gone the moment the process is, however it
 * died. Work leased by a name without a session is free to be taken over.
 */
export class Presence {
  /** This process's name in the database. */
  readonly name = `rollcall ${randomUUID()}`;
  private session: pg.PoolClient | undefined;
  private opening: Promise<void> | undefined;

  constructor(private readonly database: Database) {}

  /** Opens the session, or opens it again after the database was away. */
  async keep(): Promise<void> {
    if (this.session) return;
    this.opening ??= this.open().finally(() => {
      this.opening = undefined;
    });
    await this.opening;
  }

  private async open(): Promise<void> {
    const session = await this.database.pool.connect();
    session.once('error', () => {
      if (this.session !== session) return;
      this.session = undefined;
      session.release(true);
    });
    await session.query(`SELECT set_config('application_name', $1, false)`, [this.name]);
    this.session = session;
  }

  end(): void {
    this.session?.release(true);
    this.session = undefined;
  }
}

/** SQL that tells whether the process named in `column` is gone. The list of those that live is read once a statement. */
export const holderIsGone = (column: string) => `NOT (${column} = ANY (ARRAY(SELECT p.application_name FROM pg_stat_activity p)))`;

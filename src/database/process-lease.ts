import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type pg from 'pg';
import type { Database } from './client.js';

const ASK_AGAIN_MS = 20;

/**
 * Shows the other replicas that this process lives: one session that bears its name, gone the
 * moment the process is, however it died. Work leased by a name without a session is free to be
 * taken over.
 */
export class ProcessLease {
  /** This process's name in the database. */
  readonly name: string;
  private session: pg.PoolClient | undefined;
  private opening: Promise<void> | undefined;
  private asked: Promise<unknown> = Promise.resolve();

  /** @param more what the others should know of this process: 18 letters at most */
  constructor(
    private readonly database: Database,
    more = '',
  ) {
    this.name = `rollcall ${randomUUID()} ${more}`.trimEnd();
  }

  /** Opens the session, or opens it again after the database was away. */
  async renew(): Promise<void> {
    if (this.session) return;
    this.opening ??= this.open().finally(() => {
      this.opening = undefined;
    });
    await this.opening;
  }

  /**
   * Runs `work` while no other process holds `name`, and waits its turn. All names are held by the
   * one session, so however many there are they take no connection from others; within this process
   * the caller sees to it that one name is asked for once at a time.
   */
  async withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    while (
      !(await this.ask('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held', name))
    ) {
      await setTimeout(ASK_AGAIN_MS);
    }
    try {
      return await work();
    } finally {
      // With a session that broke its locks went too.
      await this.ask('SELECT pg_advisory_unlock(hashtextextended($1, 0)) AS held', name).catch(
        () => undefined,
      );
    }
  }

  /** One question after the other, as a session takes them. */
  private ask(text: string, name: string): Promise<boolean> {
    const answer = this.asked.then(async () => {
      await this.renew();
      const answered = await this.session?.query<{ held: boolean }>(text, [name]);
      return answered?.rows[0]?.held ?? false;
    });
    this.asked = answer.catch(() => undefined);
    return answer;
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

/**
 * SQL: whether the process named in `column` is gone. The list of living processes is read
 * once a statement, so it lacks those that begin later. A row that the statement reads and then
 * locks may have been leased to one of them in between: it is gone only if it held the row when the
 * statement began.
 *
 * @param lockedTable the table of the column, which has an `id`, where its rows are read and locked
 * in one statement
 */
export const leaseHolderIsGone = (column: string, lockedTable?: string): string => {
  const isUnlisted = `NOT (${column} = ANY (ARRAY(SELECT p.application_name FROM pg_stat_activity p)))`;
  if (lockedTable === undefined) return isUnlisted;
  // A subquery sees the row as it was when the statement began.
  return `(${isUnlisted} AND ${column} =
    (SELECT seen.${column} FROM ${lockedTable} seen WHERE seen.id = ${lockedTable}.id))`;
};

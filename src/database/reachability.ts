import pg from 'pg';
import type { DatabaseConnection } from './connection.js';

const MAX_MS = 2_000;

/**
 * Whether the database answers, asked over a connection of its own, so that it can answer while all
 * others are in use.
 */
export class Reachability {
  private readonly pool: pg.Pool;
  private asked: Promise<boolean> | undefined;

  constructor(connection: DatabaseConnection) {
    this.pool = new pg.Pool({
      ...connection,
      max: 1,
      connectionTimeoutMillis: MAX_MS,
      query_timeout: MAX_MS,
      application_name: 'rollcall reachability',
    });
    this.pool.on('error', () => undefined);
  }

  /** Whether it answers and is migrated. Those who ask at once share one question. */
  isReachable(): Promise<boolean> {
    this.asked ??= this.ask().finally(() => {
      this.asked = undefined;
    });
    return this.asked;
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private ask(): Promise<boolean> {
    return this.pool.query('SELECT 1 FROM pgboss.version, teams LIMIT 1').then(
      () => true,
      () => false,
    );
  }
}

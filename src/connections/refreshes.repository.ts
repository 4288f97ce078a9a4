import type pg from 'pg';
import { type Database, leaseHolderIsGone } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import { connectionDeleted } from './connection-problems.js';

/** A connection as far as its credentials are refreshed. */
export interface RefreshRow {
  readonly id: string;
  readonly credentials: Uint8Array<ArrayBuffer>;
  readonly tokenExpiresAt: Date | null;
  readonly tokenRefreshAt: Date | null;
  readonly leasedBy: string | null;
  readonly isLeaseHolderGone: boolean;
  readonly refreshLostAt: Date | null;
}

const LOCKED = `SELECT id, credentials, token_expires_at AS "tokenExpiresAt",
  token_refresh_at AS "tokenRefreshAt", refresh_leased_by AS "leasedBy",
  ${leaseHolderIsGone('refresh_leased_by', { table: 'connections', key: 'id' })} AS "isLeaseHolderGone",
  refresh_lost_at AS "refreshLostAt"
  FROM connections WHERE id = $1 FOR UPDATE`;

/** Which process refreshes the credentials of which connection, and the result. */
export class RefreshesRepository {
  constructor(private readonly database: Database) {}

  /**
   * Runs `decide` with the connection locked.
   * @throws Problem 404 when it is deleted
   */
  begin<Result>(
    id: string,
    decide: (row: RefreshRow, client: pg.ClientBase) => Promise<Result>,
  ): Promise<Result> {
    return withTransaction(this.database.pool, async (client) =>
      decide(await this.lock(client, id), client),
    );
  }

  /** Notes that a process is about to send the refresh token. */
  async lease(client: pg.ClientBase, id: string, process: string): Promise<void> {
    await client.query(
      'UPDATE connections SET refresh_leased_by = $2, refresh_lost_at = NULL WHERE id = $1',
      [id, process],
    );
  }

  /** Notes that a process is gone that had sent it. */
  async markLost(client: pg.ClientBase, id: string, at: Date): Promise<void> {
    await client.query(
      'UPDATE connections SET refresh_leased_by = NULL, refresh_lost_at = $2 WHERE id = $1',
      [id, at],
    );
  }

  /** The token was not spent. */
  async release(id: string, process: string): Promise<void> {
    await this.database.pool.query(
      'UPDATE connections SET refresh_leased_by = NULL WHERE id = $1 AND refresh_leased_by = $2',
      [id, process],
    );
  }

  /** The answer to the token is lost. */
  async loseOwn(id: string, process: string, at: Date): Promise<void> {
    await this.database.pool.query(
      `UPDATE connections SET refresh_leased_by = NULL, refresh_lost_at = $3
       WHERE id = $1 AND refresh_leased_by = $2`,
      [id, process, at],
    );
  }

  /** Stores what was refreshed: what `seal` makes of the row, where it makes anything. */
  store<Result>(
    id: string,
    times: { readonly tokenExpiresAt: Date | null; readonly tokenRefreshAt: Date | null },
    seal: (row: RefreshRow) => {
      readonly sealed: Uint8Array<ArrayBuffer> | null;
      readonly result: Result;
    },
  ): Promise<Result> {
    return withTransaction(this.database.pool, async (client) => {
      const { sealed, result } = seal(await this.lock(client, id));
      if (sealed !== null)
        await client.query(
          `UPDATE connections SET credentials = $2, token_expires_at = $3, token_refresh_at = $4,
             refresh_leased_by = NULL, refresh_lost_at = NULL WHERE id = $1`,
          [id, sealed, times.tokenExpiresAt, times.tokenRefreshAt],
        );
      return result;
    });
  }

  private async lock(client: pg.ClientBase, id: string): Promise<RefreshRow> {
    const { rows } = await client.query<RefreshRow>(LOCKED, [id]);
    const [row] = rows;
    if (!row) throw connectionDeleted(id);
    return row;
  }
}

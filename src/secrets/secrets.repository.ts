import type pg from 'pg';
import { type Database, LIVING_PROCESSES } from '../database/index.js';
import {
  findSealed,
  replaceSealed,
  type SealedColumn,
  type SealedValue,
} from '../database/sealed-column.js';
import { withTransaction } from '../database/transact.js';

/** A secret that values of this database are or were sealed with. */
export interface KnownSecret {
  readonly id: string;
  /** Sealed with the secret itself. `null`: nothing is sealed with it any more. */
  readonly canary: Buffer | null;
  /** The public half of the key of its receipts, sealed; only where `canary` is null. */
  readonly receipt_key: Buffer | null;
  /** `null`: before secrets were written down. */
  readonly since: Date | null;
  readonly replaced_at: Date | null;
}

/** A process of the gateway that runs now, by its name in the database. */
const GATEWAY = '^rollcall [0-9a-f]{8}-[0-9a-f-]{27}';

/** The rows of the secrets in use, and of all that they seal. */
export class SecretsRepository {
  constructor(private readonly database: Database) {}

  /** Runs `work` as one transaction, while no other process does the same. */
  alone<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    return withTransaction(this.database.pool, async (client) => {
      await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('secrets', 0))`);
      return work(client);
    });
  }

  async known(client: pg.ClientBase | pg.Pool = this.database.pool): Promise<KnownSecret[]> {
    const { rows } = await client.query<KnownSecret>(
      `SELECT id, canary, receipt_key, since, replaced_at FROM secret_keys
       ORDER BY since NULLS FIRST, id`,
    );
    return rows;
  }

  async add(
    client: pg.ClientBase,
    id: string,
    canary: Uint8Array,
    since: Date | null,
  ): Promise<void> {
    await client.query('INSERT INTO secret_keys (id, canary, since) VALUES ($1, $2, $3)', [
      id,
      Buffer.from(canary),
      since,
    ]);
  }

  /** From now on no gateway starts that seals with any secret but this one. */
  async replaceOthers(client: pg.ClientBase, id: string, at: Date): Promise<void> {
    await client.query(
      'UPDATE secret_keys SET replaced_at = $2 WHERE id <> $1 AND replaced_at IS NULL',
      [id, at],
    );
  }

  /** Nothing is sealed with the secret any more: it need not be known to start. */
  async retire(client: pg.ClientBase, id: string, receiptKey: Uint8Array): Promise<void> {
    await client.query('UPDATE secret_keys SET canary = NULL, receipt_key = $2 WHERE id = $1', [
      id,
      Buffer.from(receiptKey),
    ]);
  }

  /** The names of the gateways that run on this database. */
  async gateways(client: pg.ClientBase): Promise<string[]> {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM (${LIVING_PROCESSES}) living WHERE name ~ $1`,
      [GATEWAY],
    );
    return rows.map(({ name }) => name);
  }

  /** See `findSealed`. */
  sealed(
    column: SealedColumn,
    after: readonly string[] | undefined,
    limit: number,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<SealedValue[]> {
    return findSealed(client, column, after, limit);
  }

  /** See `replaceSealed`. */
  replace(
    column: SealedColumn,
    values: readonly (SealedValue & { readonly resealed: Uint8Array })[],
  ): Promise<number> {
    return replaceSealed(this.database.pool, column, values);
  }
}

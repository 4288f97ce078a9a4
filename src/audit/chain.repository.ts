import type pg from 'pg';
import type { Database } from '../database/index.js';
import { utc } from '../database/sql.js';
import { transact, unlessTaken } from '../database/transact.js';
import { type ChainedEntry, type Link, type SignedLink, START } from './chain.js';

/** An entry whole, as one text that is the same whenever it is read. */
const ENTRY_TEXT = `jsonb_build_array(e.id, e.team_id, e.key_id, e.key_name, e.request_id, e.action,
  e.target_type, e.target_id, e.before, e.after, e.reason, ${utc('e.at')})::text`;

/** A link with the entry that it is of; `text` is null when that is gone. */
interface StoredLink extends Link {
  readonly event_id: string;
  readonly text: string | null;
}

/** How many entries there are, and in which state. */
export interface AuditCounts {
  readonly entries: number;
  readonly sealed: number;
  readonly waiting: number;
  /** The oldest entry that waits. */
  readonly waiting_since: Date | null;
}

interface HeadRow {
  readonly position: string;
  readonly hash: Buffer;
  readonly at: Date;
  readonly key_id: string;
  readonly signature: string;
}

/** The rows of the audit log's hash chain. */
export class ChainRepository {
  constructor(private readonly database: Database) {}

  /**
   * Runs `work` in one transaction, while no other process does.
   * @returns `undefined` when another one does
   */
  alone<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result | undefined> {
    return unlessTaken(this.database.pool, 'audit chain', work);
  }

  /** Runs `work` on the state of one moment. */
  async atOneMoment<Result>(work: (client: pg.ClientBase) => Promise<Result>): Promise<Result> {
    const client = await this.database.pool.connect();
    try {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      return await work(client);
    } finally {
      // The transaction ends with its session.
      client.release(true);
    }
  }

  async last(client: pg.ClientBase): Promise<Link> {
    const { rows } = await client.query<{ position: string; hash: Buffer }>(
      'SELECT position, hash FROM audit_chain ORDER BY position DESC LIMIT 1',
    );
    return rows[0] ? { position: Number(rows[0].position), hash: rows[0].hash } : START;
  }

  head(client: pg.ClientBase): Promise<SignedLink | undefined> {
    return this.signedLink(client, 'audit_head');
  }

  /** Where the chain begins; `undefined`: at its first entry. */
  anchor(client: pg.ClientBase): Promise<SignedLink | undefined> {
    return this.signedLink(client, 'audit_anchor');
  }

  private async signedLink(
    client: pg.ClientBase,
    table: 'audit_head' | 'audit_anchor',
  ): Promise<SignedLink | undefined> {
    const { rows } = await client.query<HeadRow>(
      `SELECT position, hash, at, key_id, signature FROM ${table}`,
    );
    const [row] = rows;
    if (!row) return undefined;
    const signature = { algorithm: 'Ed25519', key_id: row.key_id, value: row.signature } as const;
    return { position: Number(row.position), hash: row.hash, at: row.at, signature };
  }

  /** Up to `limit` entries that wait, oldest first. */
  async waiting(client: pg.ClientBase, limit: number): Promise<ChainedEntry[]> {
    const { rows } = await client.query<ChainedEntry>(
      `SELECT e.id, ${ENTRY_TEXT} AS text FROM audit_unsealed u JOIN audit_events e ON e.id = u.event_id
       ORDER BY u.event_id LIMIT $1`,
      [limit],
    );
    return rows;
  }

  /** Adds links to the chain; their entries wait no longer. */
  async append(
    client: pg.ClientBase,
    links: readonly (Link & { readonly id: string })[],
  ): Promise<void> {
    const ids = links.map(({ id }) => id);
    await client.query(
      `INSERT INTO audit_chain (position, event_id, hash)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::bytea[])`,
      [links.map(({ position }) => position), ids, links.map(({ hash }) => hash)],
    );
    await client.query('DELETE FROM audit_unsealed WHERE event_id = ANY ($1)', [ids]);
  }

  async setHead(client: pg.ClientBase, head: SignedLink): Promise<void> {
    const { position, hash, at, signature } = head;
    await client.query(
      `INSERT INTO audit_head (position, hash, at, key_id, signature) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET position = $1, hash = $2, at = $3, key_id = $4, signature = $5`,
      [position, hash, at, signature.key_id, signature.value],
    );
  }

  async counts(client: pg.ClientBase): Promise<AuditCounts> {
    const { rows } = await client.query<Record<keyof AuditCounts, string | Date | null>>(
      `SELECT (SELECT count(*) FROM audit_events) AS entries,
         (SELECT count(*) FROM audit_chain) AS sealed,
         (SELECT count(*) FROM audit_unsealed) AS waiting,
         (SELECT min(e.at) FROM audit_unsealed u JOIN audit_events e ON e.id = u.event_id)
           AS waiting_since`,
    );
    const [row] = rows;
    return {
      entries: Number(row?.entries),
      sealed: Number(row?.sealed),
      waiting: Number(row?.waiting),
      waiting_since: (row?.waiting_since ?? null) as Date | null,
    };
  }

  /** The links after a position, with their entries. */
  async links(client: pg.ClientBase, after: number, limit: number): Promise<StoredLink[]> {
    const { rows } = await client.query<Omit<StoredLink, 'position'> & { position: string }>(
      `SELECT c.position, c.event_id, c.hash, CASE WHEN e.id IS NOT NULL THEN ${ENTRY_TEXT} END AS text
       FROM audit_chain c LEFT JOIN audit_events e ON e.id = c.event_id
       WHERE c.position > $1 ORDER BY c.position LIMIT $2`,
      [after, limit],
    );
    return rows.map((row) => ({ ...row, position: Number(row.position) }));
  }

  /** The last position up to which all entries are older than `time`, the last of all aside. */
  async lastBefore(client: pg.ClientBase, time: Date): Promise<number> {
    const { rows } = await client.query<{ position: string | null }>(
      `SELECT LEAST(
         (SELECT min(c.position) FROM audit_chain c JOIN audit_events e ON e.id = c.event_id
          WHERE e.at >= $1),
         (SELECT max(position) FROM audit_chain)) - 1 AS position`,
      [time],
    );
    return Number(rows[0]?.position ?? 0);
  }

  /**
   * Deletes the entries and links up to a position, and has the chain begin after it.
   * @param client of the owner, as triggers refuse it to everyone else
   * @param sign signs the last link that is deleted
   */
  async cut(
    client: pg.ClientBase,
    position: number,
    sign: (link: Link) => SignedLink,
  ): Promise<void> {
    await transact(client, async () => {
      await client.query(`SET LOCAL lock_timeout = '10s'`);
      for (const table of ['audit_events', 'audit_chain'])
        await client.query(`ALTER TABLE ${table} DISABLE TRIGGER ${table}_append_only`);
      const { rows } = await client.query<{ hash: Buffer }>(
        'SELECT hash FROM audit_chain WHERE position = $1',
        [position],
      );
      const [row] = rows;
      if (!row) throw new Error(`the chain has no position ${position}`);
      const { hash, at, signature } = sign({ position, hash: row.hash });
      await client.query(
        `INSERT INTO audit_anchor (position, hash, at, key_id, signature)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (id) DO UPDATE
         SET position = $1, hash = $2, at = $3, key_id = $4, signature = $5`,
        [position, hash, at, signature.key_id, signature.value],
      );
      await client.query(
        `WITH cut AS (DELETE FROM audit_chain WHERE position <= $1 RETURNING event_id)
         DELETE FROM audit_events WHERE id IN (SELECT event_id FROM cut)`,
        [position],
      );
      for (const table of ['audit_events', 'audit_chain'])
        await client.query(`ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${table}_append_only`);
    });
  }

  /** Entries that are neither sealed nor waiting, and ids that wait without an entry. */
  async strays(client: pg.ClientBase, limit: number): Promise<{ id: string; is_gone: boolean }[]> {
    const { rows } = await client.query<{ id: string; is_gone: boolean }>(
      `(SELECT e.id, FALSE AS is_gone FROM audit_events e
        WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.event_id = e.id)
          AND NOT EXISTS (SELECT FROM audit_unsealed u WHERE u.event_id = e.id) LIMIT $1)
       UNION ALL
       (SELECT u.event_id, TRUE FROM audit_unsealed u
        WHERE NOT EXISTS (SELECT FROM audit_events e WHERE e.id = u.event_id) LIMIT $1)`,
      [limit],
    );
    return rows;
  }
}

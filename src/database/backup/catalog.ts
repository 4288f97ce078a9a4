import pg from 'pg';

/** A table whose rows are kept in a backup. */
interface TableShape {
  /** As SQL names it. */
  readonly table: string;
  /** Those that are stored, as SQL names them. */
  readonly columns: readonly string[];
}

/** A part of a partitioned table. */
interface PartitionShape {
  readonly table: string;
  readonly parent: string;
  /** What belongs into it, as SQL says it. */
  readonly bound: string;
}

/** A sequence, and where it stands. */
interface SequenceState {
  readonly sequence: string;
  readonly last: string;
  readonly isCalled: boolean;
}

/** Written by who migrates, in a restored database as in any. */
const OF_MIGRATIONS = ['_prisma_migrations', 'schema_releases'];

/**
 * The tables of the gateway in the current schema, partitioned ones as one; without unlogged ones,
 * which hold what a crash may take.
 */
export async function tablesOf(client: pg.ClientBase): Promise<TableShape[]> {
  const { rows } = await client.query<TableShape>(
    `SELECT c.oid::regclass::text AS table, array_agg(quote_ident(attname) ORDER BY attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND c.relpersistence = 'p' AND NOT (c.relname = ANY ($1))
       AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
     GROUP BY c.oid ORDER BY c.relname`,
    [OF_MIGRATIONS],
  );
  return rows;
}

/** The parts of partitioned tables, those of parts after them. */
export async function partitionsOf(client: pg.ClientBase): Promise<PartitionShape[]> {
  const { rows } = await client.query<PartitionShape>(
    `SELECT c.oid::regclass::text AS table, inhparent::regclass::text AS parent,
       pg_get_expr(c.relpartbound, c.oid) AS bound
     FROM pg_class c JOIN pg_inherits ON inhrelid = c.oid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relispartition
       AND c.relkind IN ('r', 'p')
     ORDER BY c.oid`,
  );
  return rows;
}

/** Sequences as they stand: what a row of the snapshot has taken of one is behind it. */
export async function sequencesOf(client: pg.ClientBase): Promise<SequenceState[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT oid::regclass::text AS name FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S' ORDER BY relname`,
  );
  const states: SequenceState[] = [];
  for (const { name } of rows) {
    const { rows: found } = await client.query<Omit<SequenceState, 'sequence'>>(
      `SELECT last_value::text AS last, is_called AS "isCalled" FROM ${name}`,
    );
    states.push(...found.map((state) => ({ sequence: name, ...state })));
  }
  return states;
}

/** The names of the migrations that the database has; none where it has no record of them. */
export async function migrationsOf(client: pg.ClientBase): Promise<readonly string[]> {
  const { rows: found } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`,
  );
  if (!found[0]?.exists) return [];
  const { rows } = await client.query<{ name: string }>(
    `SELECT migration_name AS name FROM _prisma_migrations
     WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY migration_name`,
  );
  return rows.map(({ name }) => name);
}

/** What would refuse or repeat what rows of a backup bring with them. */
interface Guards {
  /** Statements that take them away, for as long as rows are loaded. */
  readonly down: readonly string[];
  /** Statements that put them back. */
  readonly up: readonly string[];
}

/** The triggers and foreign keys of the tables. */
export async function guardsOf(client: pg.ClientBase): Promise<Guards> {
  const { rows: triggers } = await client.query<{ table: string; name: string; kind: string }>(
    `SELECT tgrelid::regclass::text AS table, tgname AS name, tgenabled AS kind
     FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
     WHERE c.relnamespace = current_schema()::regnamespace AND NOT tgisinternal
       AND tgparentid = 0 AND tgenabled <> 'D'`,
  );
  const { rows: keys } = await client.query<{ table: string; name: string; rule: string }>(
    `SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS rule
     FROM pg_constraint
     WHERE connamespace = current_schema()::regnamespace AND contype = 'f' AND conparentid = 0`,
  );
  const quote = pg.escapeIdentifier;
  const enable: Readonly<Record<string, string>> = { A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };
  return {
    down: [
      ...triggers.map(({ table, name }) => `ALTER TABLE ${table} DISABLE TRIGGER ${quote(name)}`),
      ...keys.map(({ table, name }) => `ALTER TABLE ${table} DROP CONSTRAINT ${quote(name)}`),
    ],
    up: [
      ...keys.map(
        ({ table, name, rule }) => `ALTER TABLE ${table} ADD CONSTRAINT ${quote(name)} ${rule}`,
      ),
      ...triggers.map(
        ({ table, name, kind }) =>
          `ALTER TABLE ${table} ${enable[kind] ?? 'ENABLE'} TRIGGER ${quote(name)}`,
      ),
    ],
  };
}

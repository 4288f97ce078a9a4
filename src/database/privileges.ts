import pg from 'pg';
import { StartError } from '../lib/start-error.js';
import type { DatabaseConnection } from './hosts.js';
import { openWritable } from './hosts.js';
import { withMigrationLock, withSession } from './migrate.js';

/** Tables to which the gateway adds rows and never changes one. */
const APPEND_ONLY = ['audit_events', 'audit_chain'];
/** Tables that are the owner's alone. */
const READ_ONLY = ['_prisma_migrations', 'schema_releases', 'audit_anchor'];
/** PostgreSQL 17 is the first in which others than the owner may be let analyze a table. */
const MAINTAIN_VERSION = 170_000;

const READ = ['SELECT'];
const ADD = [...READ, 'INSERT'];
const WRITE = [...ADD, 'UPDATE', 'DELETE'];
const UNWANTED = ['TRUNCATE', 'TRIGGER', 'REFERENCES'];

/** A table or sequence, and what the gateway's role may do with it. */
interface Relation {
  readonly name: string;
  /** As SQL names it. */
  readonly quoted: string;
  readonly is_sequence: boolean;
  readonly rights: readonly string[];
}

/**
 * Gives the role of `gateway` what it needs of the owner's tables and no more: entries of the audit
 * log it may read and add, but neither change nor delete. What it has already stays as it is.
 *
 * @returns whether the role could change or delete entries of the audit log still, as it can where
 * it owns the tables
 * @throws StartError when the two lead to different databases
 */
export async function grantTo(
  gateway: DatabaseConnection,
  owner: DatabaseConnection,
): Promise<boolean> {
  const { role, mayChange, isComplete } = await rightsOf(gateway, owner);
  if (isComplete) return mayChange;
  await withMigrationLock(owner, async (client) => {
    const statements = await lackingFor(client, role);
    if (statements.length > 0) await client.query(['BEGIN', ...statements, 'COMMIT'].join('; '));
  });
  return mayChangeAudit(gateway);
}

/** What the role of `gateway` may do with the owner's tables. */
interface Rights {
  readonly role: string;
  /** Whether it could change or delete entries of the audit log. */
  readonly mayChange: boolean;
  /** Whether it has what it needs and no more, or owns the tables. */
  readonly isComplete: boolean;
}

/** @throws StartError when the two lead to different databases, or no table is there yet */
export async function rightsOf(
  gateway: DatabaseConnection,
  owner: DatabaseConnection,
): Promise<Rights> {
  const { role, is_owner: isOwner, may_change: mayChange } = await roleOf(gateway);
  if (isOwner) return { role, mayChange: true, isComplete: true };
  const lacking = await withSession(owner, (client) => lackingFor(client, role));
  return { role, mayChange, isComplete: lacking.length === 0 };
}

/** The statements by which the role gets what it needs and no more. */
async function lackingFor(client: pg.Client, role: string): Promise<string[]> {
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  const canMaintain = (rows[0]?.version ?? 0) >= MAINTAIN_VERSION;
  const wanted = canMaintain ? [...WRITE, 'MAINTAIN'] : WRITE;
  const found = await relations(client, role, [...wanted, ...UNWANTED]);
  const to = pg.escapeIdentifier(role);
  return found.flatMap((relation) => statementsFor(relation, to, wanted));
}

/** Whether the gateway's role could change or delete entries of the audit log. */
export async function mayChangeAudit(gateway: DatabaseConnection): Promise<boolean> {
  const { is_owner: isOwner, may_change: mayChange } = await roleOf(gateway);
  return isOwner || mayChange;
}

interface Role {
  readonly role: string;
  /** Whether it owns the tables, or can make itself their owner. */
  readonly is_owner: boolean;
  readonly may_change: boolean;
}

async function roleOf(gateway: DatabaseConnection): Promise<Role> {
  const client = await openWritable(gateway, { application_name: 'rollcall migrate' });
  try {
    const { rows } = await client.query<Role>(
      `SELECT current_user AS role, pg_has_role(current_user, relowner, 'MEMBER') AS is_owner,
         has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE') AS may_change
       FROM pg_class WHERE oid = to_regclass('audit_events')`,
    );
    if (rows[0]) return rows[0];
    throw new StartError(
      'ROLLCALL_MIGRATE_URL: it leads to another database, or another schema, than DATABASE_URL.',
    );
  } finally {
    await client.end();
  }
}

/** Without partitions: what the gateway may do with a table it does with the whole of it. */
async function relations(
  client: pg.Client,
  role: string,
  rights: readonly string[],
): Promise<Relation[]> {
  const { rows } = await client.query<Relation>(
    `SELECT c.relname AS name, c.oid::regclass::text AS quoted, c.relkind = 'S' AS is_sequence,
       ARRAY(SELECT r FROM unnest($2::text[]) r WHERE CASE
         WHEN c.relkind <> 'S' THEN has_table_privilege($1, c.oid, r)
         ELSE r IN ('SELECT', 'UPDATE') AND has_sequence_privilege($1, c.oid, r) END) AS rights
     FROM pg_class c
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S')
       AND NOT c.relispartition AND pg_has_role(current_user, c.relowner, 'USAGE')`,
    [role, rights],
  );
  return rows;
}

/** What is lacking and what is too much; nothing where it is as it should be. */
function statementsFor(
  { name, quoted, is_sequence: isSequence, rights }: Relation,
  role: string,
  writable: readonly string[],
): string[] {
  if (isSequence)
    return rights.includes('UPDATE')
      ? []
      : [`GRANT SELECT, UPDATE ON SEQUENCE ${quoted} TO ${role}`];
  const wanted = wantedFor(name, writable);
  const lacking = wanted.filter((right) => !rights.includes(right));
  const excess = rights.filter((right) => !wanted.includes(right));
  return [
    ...(excess.length > 0 ? [`REVOKE ${excess.join(', ')} ON ${quoted} FROM ${role}`] : []),
    ...(lacking.length > 0 ? [`GRANT ${lacking.join(', ')} ON ${quoted} TO ${role}`] : []),
  ];
}

function wantedFor(name: string, writable: readonly string[]): readonly string[] {
  if (READ_ONLY.includes(name)) return READ;
  return APPEND_ONLY.includes(name) ? ADD : writable;
}

import type pg from 'pg';

/** The name of no process: what was leased to one when the backup was made is free. */
const NOBODY = 'restored';

/**
 * The gateways continued to run after the backup. What was in progress or waiting then may have
 * been done since, so it is checked first:
 *
 * - Steps of disconnects look at their account, and if it is gone, a delete of ours may have done
 *   it.
 * - A refresh token that was due for use since, or was being used, may have been used: it is not
 *   sent.
 * - Whatever was leased is leased to nobody.
 */
export async function markForDoubt(client: pg.ClientBase, now: Date): Promise<void> {
  await client.query(
    `UPDATE disconnect_steps SET looks_first = TRUE, outcome = 'disconnected'
     WHERE state IN ('pending', 'running')`,
  );
  await client.query(
    `UPDATE connections SET refresh_leased_by = NULL, refresh_lost_at = $1
     WHERE refresh_lost_at IS NULL AND (token_refresh_at <= $1 OR refresh_leased_by IS NOT NULL)`,
    [now],
  );
  for (const { table, nullable } of await leasedTables(client))
    await client.query(
      `UPDATE ${table} SET leased_by = ${nullable ? 'NULL' : `'${NOBODY}'`}
       WHERE leased_by IS NOT NULL`,
    );
}

async function leasedTables(
  client: pg.ClientBase,
): Promise<readonly { readonly table: string; readonly nullable: boolean }[]> {
  const { rows } = await client.query<{ table: string; nullable: boolean }>(
    `SELECT attrelid::regclass::text AS table, NOT attnotnull AS nullable
     FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
     WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND attname = 'leased_by'`,
  );
  return rows;
}

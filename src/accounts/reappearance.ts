import type pg from 'pg';

/**
 * Notes on the disconnects that ended these accounts that a later look showed them again.
 * @param client within the look's transaction
 */
export async function noteReappearance(
  client: pg.ClientBase,
  accountIds: readonly string[],
  at: Date,
): Promise<void> {
  if (accountIds.length === 0) return;
  await client.query(
    `UPDATE disconnect_steps SET reappeared_at = $2 WHERE account_id = ANY($1) AND state = 'succeeded' AND reappeared_at IS NULL`,
    [accountIds, at],
  );
}

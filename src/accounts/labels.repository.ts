import type pg from 'pg';
import { recordAccountEvents } from '../events/index.js';

/** Ids that stand for nobody in particular. */
const NOBODY = '^([0-]*|null|none|undefined|unknown|anonymous|user|deleted.*)$';
/** `o` is the account that `n` was at the provider before it was connected anew, by another id. */
const SAME_IDENTITY = `o.team_id = n.team_id AND o.provider = n.provider AND o.id <> n.id
  AND o.platform = n.platform AND o.platform_user_id = n.platform_user_id
  AND o.platform_user_id !~* '${NOBODY}'`;
const FORMER = `FROM accounts o
  WHERE ${SAME_IDENTITY} AND o.status = 'disconnected' AND o.labels <> '{}'`;

/**
 * Gives new accounts the labels of the disconnected account with the same platform identity at the
 * same provider, which has given a reconnected account a new id.
 * @param client within the transaction that adds them
 * @returns the ids of those that got labels
 */
export async function inheritLabels(
  client: pg.ClientBase,
  accountIds: readonly string[],
): Promise<string[]> {
  if (accountIds.length === 0) return [];
  const { rows } = await client.query<{ id: string }>(
    `UPDATE accounts n SET labels = (
       SELECT o.labels ${FORMER} ORDER BY o.disconnected_at DESC, o.id DESC LIMIT 1)
     WHERE n.id = ANY($1) AND n.labels = '{}' AND EXISTS (SELECT ${FORMER}) RETURNING n.id`,
    [accountIds],
  );
  return rows.map(({ id }) => id);
}

/**
 * Hands the labels of accounts that are gone on to those that were connected in their place before
 * they were known to be gone.
 * @param client within the transaction that marks them as disconnected
 */
export async function passLabelsOn(
  client: pg.ClientBase,
  goneIds: readonly string[],
  at: Date,
): Promise<void> {
  if (goneIds.length === 0) return;
  const { rows } = await client.query<{ id: string }>(
    `SELECT DISTINCT n.id FROM accounts o JOIN accounts n ON ${SAME_IDENTITY}
     WHERE o.id = ANY($1) AND o.labels <> '{}' AND n.labels = '{}' AND n.status <> 'disconnected'
       AND n.created_at > o.created_at`,
    [goneIds],
  );
  const labelled = await inheritLabels(
    client,
    rows.map(({ id }) => id),
  );
  const event = { type: 'account.updated' as const, data: { changed: ['labels'] } };
  const events = labelled.map((accountId) => ({ ...event, accountId }));
  await recordAccountEvents(client, events, at);
}

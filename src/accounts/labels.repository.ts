import type pg from 'pg';
import { actorOf, recordAudit } from '../audit/index.js';
import { recordAccountEvents } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import { invalidField } from '../http/problem.js';
import { MAX_LABELS, UNKNOWN_PLATFORM } from '../model/index.js';
import { NOBODY } from './nobody.js';

/** `o` is the account that `n` was at the provider before it was connected anew, by another id. */
const SAME_IDENTITY = `o.team_id = n.team_id AND o.provider = n.provider AND o.id <> n.id
  AND o.platform = n.platform AND o.platform <> '${UNKNOWN_PLATFORM}'
  AND o.platform_user_id = n.platform_user_id
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

interface LabelChanges {
  readonly caller: Caller;
  /** Of the account. */
  readonly id: string;
  /** A label of null is taken off. */
  readonly changes: Readonly<Record<string, string | null>>;
  readonly at: Date;
}

/**
 * Merges labels over those that an account has.
 * @param client within a transaction
 * @throws Problem 422 where they would be too many
 */
export async function mergeLabels(
  client: pg.ClientBase,
  { caller, id, changes, at }: LabelChanges,
): Promise<void> {
  const { rows } = await client.query<{ labels: Record<string, string> }>(
    'SELECT labels FROM accounts WHERE id = $1 FOR UPDATE',
    [id],
  );
  const before = rows[0]?.labels ?? {};
  const merged = Object.entries({ ...before, ...changes }).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  if (merged.length > MAX_LABELS)
    throw invalidField('labels', `must have at most ${MAX_LABELS} labels in total`);
  const after = Object.fromEntries(merged);
  await client.query('UPDATE accounts SET labels = $2, updated_at = $3 WHERE id = $1', [
    id,
    JSON.stringify(after),
    at,
  ]);
  const event = { type: 'account.updated', accountId: id, data: { changed: ['labels'] } } as const;
  await recordAccountEvents(client, [event], at);
  const entry = {
    action: 'account.labels_changed',
    targetType: 'account',
    targetId: id,
    before: { labels: before },
    after: { labels: after },
  } as const;
  await recordAudit(client, actorOf(caller), [entry], at);
}

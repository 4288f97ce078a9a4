import type pg from 'pg';
import { type AccountEvent, recordAccountEvents } from '../events/index.js';
import { newId } from '../lib/ids.js';
import type { HealthReason, HealthStatus } from '../model/index.js';

/** What a write changed on one account: the stuff of history and events. */
export interface AccountChange {
  readonly id: string;
  readonly kind: 'added' | 'changed' | 'reappeared';
  readonly healthBefore: HealthStatus | null;
  readonly reasonBefore: HealthReason | null;
  readonly verdictChanged: boolean;
  /** Fields of the Account that differ, its verdict aside. */
  readonly fields: readonly string[];
  /** Nothing but metrics changed. `toTell`: what they are now, once a day; otherwise `null`. */
  readonly metricsAlone?: { readonly toTell: object | null };
}

/**
 * Adds changes to the health history and to the outbox, from the rows as they now stand.
 * @param client within the transaction of the write
 * @param evidence why the verdicts changed, where it was no look at the accounts
 */
export async function recordChanges(
  client: pg.ClientBase,
  teamId: string,
  changes: readonly AccountChange[],
  at: Date,
  evidence?: object,
): Promise<void> {
  await recordTransitions(
    client,
    teamId,
    changes.filter((change) => change.verdictChanged),
    at,
    evidence,
  );
  await recordAccountEvents(client, changes.flatMap(eventsOf), at);
}

function eventsOf(change: AccountChange): AccountEvent[] {
  const accountId = change.id;
  if (change.kind === 'added') return [{ type: 'account.discovered', accountId }];
  if (change.metricsAlone) {
    const { toTell } = change.metricsAlone;
    if (toTell === null) return [];
    return [{ type: 'account.metrics_changed', accountId, data: { metrics: toTell } }];
  }
  const events: AccountEvent[] =
    change.kind === 'reappeared' ? [{ type: 'account.reappeared', accountId }] : [];
  if (change.verdictChanged) {
    events.push({
      type: 'account.health_changed',
      accountId,
      data: { from: { status: change.healthBefore, reason: change.reasonBefore } },
    });
  }
  if (change.fields.length > 0)
    events.push({ type: 'account.updated', accountId, data: { changed: change.fields } });
  return events;
}

async function recordTransitions(
  client: pg.ClientBase,
  teamId: string,
  changes: readonly AccountChange[],
  at: Date,
  evidence?: object,
): Promise<void> {
  if (changes.length === 0) return;
  const transitions = changes.map((change) => ({
    id: newId('hlt'),
    account_id: change.id,
    from_status: change.healthBefore,
  }));
  await client.query(
    `INSERT INTO health_transitions (id, team_id, account_id, from_status, to_status, reason, fault, evidence, at)
     SELECT t.id, $2, a.id, t.from_status, a.health_status, a.health_reason, a.health_fault, COALESCE($4, ${LOOK}), $3
     FROM jsonb_to_recordset($1::jsonb) AS t(id text, account_id text, from_status text) JOIN accounts a ON a.id = t.account_id
     ORDER BY t.id`,
    [JSON.stringify(transitions), teamId, at, evidence],
  );
}

/** What the provider said, as far as a verdict rests on it. */
const LOOK = `jsonb_build_object('provider_status', a.provider_status, 'token_valid', a.token_valid,
  'advice', (SELECT jsonb_agg(advice -> 'message') FROM jsonb_array_elements(a.recommendations) AS advice))`;

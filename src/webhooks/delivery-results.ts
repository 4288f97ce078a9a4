import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { Webhook } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import { recordEvents } from '../events/index.js';
import type { DeliveryAttempt } from './webhook-sender.js';
import { originOf } from './webhook-url.js';

/** What an attempt leads to. */
export interface Outcome {
  readonly state: 'pending' | 'succeeded' | 'failed';
  readonly nextAttemptAt: Date | null;
  /** Why the webhook gets nothing any more; `null`: it goes on. */
  readonly disable: 'gone' | 'failing' | null;
}

/** An attempt at a delivery, and what it leads to. */
export interface DeliveryResult {
  readonly webhook: Webhook;
  readonly id: string;
  /** This one included. */
  readonly attempts: number;
  readonly attempt: DeliveryAttempt;
  readonly outcome: Outcome;
}

/**
 * Writes down attempts at deliveries, of any webhooks, and what they lead to for their webhooks:
 * all in one transaction.
 */
export async function writeResults(
  { pool }: Database,
  results: readonly DeliveryResult[],
): Promise<void> {
  const unsuccessful = results.filter(({ outcome }) => outcome.state !== 'succeeded');
  // One statement is a transaction of its own, and mostly all goes well.
  if (unsuccessful.length === 0) return writeAttempts(pool, results);
  await withTransaction(pool, async (client) => {
    await writeAttempts(client, results);
    await noteFailures(client, unsuccessful);
    for (const { webhook, attempt, outcome } of unsuccessful) {
      if (outcome.disable) await disable(client, webhook, outcome.disable, attempt.at);
    }
  });
}

/** A success ends the time for which its webhook has been failing. */
async function writeAttempts(
  client: pg.Pool | pg.ClientBase,
  results: readonly DeliveryResult[],
): Promise<void> {
  const rows = results.map(({ webhook, id, attempts, attempt, outcome }) => ({
    id,
    webhook_id: webhook.id,
    attempts,
    state: outcome.state,
    entry: logEntry(attempt),
    next_attempt_at: outcome.nextAttemptAt,
    finished_at: outcome.state === 'pending' ? null : attempt.at,
  }));
  await client.query({
    name: 'write-attempts',
    text: `WITH result AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(id text, webhook_id text, attempts int, state text,
        entry jsonb, next_attempt_at timestamptz, finished_at timestamptz)),
      written AS (
        UPDATE webhook_deliveries d SET state = s.state, attempts = s.attempts, log = d.log || s.entry, next_attempt_at = s.next_attempt_at,
          finished_at = s.finished_at, leased_by = NULL, leased_until = NULL FROM result s WHERE d.id = s.id)
      UPDATE webhooks w SET failing_since = NULL
      WHERE w.failing_since IS NOT NULL AND w.id IN (SELECT s.webhook_id FROM result s WHERE s.state = 'succeeded')`,
    values: [JSON.stringify(rows)],
  });
}

async function noteFailures(
  client: pg.ClientBase,
  unsuccessful: readonly DeliveryResult[],
): Promise<void> {
  const failures = unsuccessful.map(({ webhook, attempt }) => ({ id: webhook.id, at: attempt.at }));
  await client.query(
    `UPDATE webhooks w SET failing_since = f.at
     FROM (SELECT r.id, min(r.at) AS at FROM jsonb_to_recordset($1::jsonb) AS r(id text, at timestamptz) GROUP BY r.id) f
     WHERE w.id = f.id AND w.failing_since IS NULL`,
    [JSON.stringify(failures)],
  );
}

async function disable(
  client: pg.ClientBase,
  webhook: Webhook,
  reason: 'gone' | 'failing',
  at: Date,
): Promise<void> {
  const { rowCount } = await client.query(
    'UPDATE webhooks SET disabled_at = $2, disabled_reason = $3, updated_at = $2 WHERE id = $1 AND disabled_at IS NULL',
    [webhook.id, at, reason],
  );
  if (rowCount === 0) return;
  const data = { webhook: { id: webhook.id, url: originOf(webhook.url) }, reason };
  await recordEvents(
    client,
    webhook.teamId,
    [{ type: 'webhook.disabled', accountId: null, data }],
    at,
  );
}

/** An attempt as the log of its delivery keeps it. */
export function logEntry({ at, status, latencyMs, answer, error }: DeliveryAttempt) {
  return { at: at.toISOString(), status, latency_ms: latencyMs, answer, error };
}

import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { Prisma, WebhookDelivery } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import { recordEventsOfTeams } from '../events/index.js';
import type { Rows } from '../http/page.js';
import { newId } from '../lib/ids.js';
import type { DeliveryResult } from './delivery-outcome.js';
import type { DeliveryAttempt } from './webhook-sender.js';
import { originOf } from './webhook-url.js';
import { MAX_ATTEMPTS } from './webhooks.schema.js';

/** The rows of deliveries: which event was sent, and the result. */
export class DeliveriesRepository {
  constructor(private readonly database: Database) {}

  /**
   * Writes attempts at deliveries, of any webhooks, and what they lead to for their webhooks: all
   * in one transaction.
   * @param holder leaves deliveries that are no longer leased to it as they are
   */
  async recordResults(results: readonly DeliveryResult[], holder: string): Promise<void> {
    const { pool } = this.database;
    const unsuccessful = results.filter(({ outcome }) => outcome.state !== 'succeeded');
    // One statement is a transaction of its own, and mostly all goes well.
    if (unsuccessful.length === 0) return writeAttempts(pool, results, holder);
    await withTransaction(pool, async (client) => {
      await writeAttempts(client, results, holder);
      await noteFailures(client, unsuccessful);
      await disableWebhooks(client, unsuccessful);
    });
  }

  /** Writes a delivery that was sent already and is never repeated. */
  recordSent(
    prisma: Prisma.TransactionClient,
    webhookId: string,
    event: { readonly id: string; readonly type: string },
    attempt: DeliveryAttempt,
  ): Promise<WebhookDelivery> {
    const data = {
      id: newId('dlv'),
      webhookId,
      eventId: event.id,
      eventType: event.type,
      state: attempt.error === null ? 'succeeded' : 'failed',
      attempts: 1,
      log: [logEntry(attempt)],
      createdAt: attempt.at,
      finishedAt: attempt.at,
    };
    return prisma.webhookDelivery.create({ data });
  }

  /** The deliveries of a webhook, newest first. */
  history(webhookId: string): Rows<WebhookDelivery> {
    const { webhookDelivery } = this.database.prisma;
    return {
      read: (beyondId, take) => {
        const where = { webhookId, ...(beyondId !== undefined && { id: { lt: beyondId } }) };
        return webhookDelivery.findMany({ where, orderBy: { id: 'desc' }, take });
      },
      count: () => webhookDelivery.count({ where: { webhookId } }),
    };
  }

  find(
    prisma: Prisma.TransactionClient,
    webhookId: string,
    id: string,
  ): Promise<WebhookDelivery | null> {
    return prisma.webhookDelivery.findFirst({ where: { id, webhookId } });
  }

  /**
   * A second delivery of the same event, due now.
   * @returns `undefined` when the event is no longer kept
   */
  async repeat(
    prisma: Prisma.TransactionClient,
    delivery: WebhookDelivery,
    now: Date,
  ): Promise<WebhookDelivery | undefined> {
    const { webhookId, eventId, eventType } = delivery;
    if ((await prisma.event.count({ where: { id: eventId } })) === 0) return undefined;
    const data = {
      id: newId('dlv'),
      webhookId,
      eventId,
      eventType,
      state: 'pending',
      nextAttemptAt: now,
      createdAt: now,
    };
    return prisma.webhookDelivery.create({ data });
  }

  /**
   * Deletes a batch of deliveries that have ended and were made before `ended`, and of all that were
   * made before `any`: those to disabled webhooks wait until then.
   */
  async delete({ ended, any }: { readonly ended: Date; readonly any: Date }): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM webhook_deliveries WHERE id IN (
         SELECT id FROM webhook_deliveries
         WHERE created_at < $1 AND (state <> 'pending' OR created_at < $2) LIMIT 20000)`,
      [ended, any],
    );
  }
}

/** A success ends the time for which its webhook has been failing. */
async function writeAttempts(
  client: pg.Pool | pg.ClientBase,
  results: readonly DeliveryResult[],
  holder: string,
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
    text: `WITH results AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS r(id text, webhook_id text, attempts int,
          state text, entry jsonb, next_attempt_at timestamptz, finished_at timestamptz)),
      written AS (
        UPDATE webhook_deliveries d SET state = r.state, attempts = r.attempts,
          -- A delivery may be replayed without end: the oldest attempts make room.
          log = CASE WHEN jsonb_array_length(d.log) >= ${MAX_ATTEMPTS} THEN d.log - 0
            ELSE d.log END || r.entry,
          next_attempt_at = r.next_attempt_at, finished_at = r.finished_at, leased_by = NULL,
          leased_until = NULL
        FROM results r WHERE d.id = r.id AND d.leased_by = $2)
      UPDATE webhooks w SET failing_since = NULL WHERE w.failing_since IS NOT NULL
        AND w.id IN (SELECT r.webhook_id FROM results r WHERE r.state = 'succeeded')`,
    values: [JSON.stringify(rows), holder],
  });
}

async function noteFailures(
  client: pg.ClientBase,
  unsuccessful: readonly DeliveryResult[],
): Promise<void> {
  const failures = unsuccessful.map(({ webhook, attempt }) => ({ id: webhook.id, at: attempt.at }));
  await client.query(
    `UPDATE webhooks w SET failing_since = f.at
     FROM (
       SELECT r.id, min(r.at) AS at
       FROM jsonb_to_recordset($1::jsonb) AS r(id text, at timestamptz) GROUP BY r.id) f
     WHERE w.id = f.id AND w.failing_since IS NULL`,
    [JSON.stringify(failures)],
  );
}

/**
 * Disables the webhooks that the results are the end of, each once; not for a spell of failures that
 * is over by now, as when somebody enabled it again while the last of them was on its way.
 */
async function disableWebhooks(
  client: pg.ClientBase,
  results: readonly DeliveryResult[],
): Promise<void> {
  const ended = new Map(
    results.flatMap((result) => (result.outcome.disable ? [[result.webhook.id, result]] : [])),
  );
  if (ended.size === 0) return;
  const rows = [...ended].map(([id, { webhook, attempt, outcome }]) => ({
    id,
    at: attempt.at,
    reason: outcome.disable,
    failing_since: webhook.failingSince,
  }));
  const { rows: disabled } = await client.query<{ id: string }>(
    `UPDATE webhooks w SET disabled_at = r.at, disabled_reason = r.reason, updated_at = r.at
     FROM jsonb_to_recordset($1::jsonb)
       AS r(id text, at timestamptz, reason text, failing_since timestamptz)
     WHERE w.id = r.id AND w.disabled_at IS NULL
       AND (r.reason <> 'failing' OR w.failing_since = r.failing_since) RETURNING w.id`,
    [JSON.stringify(rows)],
  );
  const ids = new Set(disabled.map(({ id }) => id));
  const events = [...ended.values()]
    .filter(({ webhook }) => ids.has(webhook.id))
    .map(({ webhook, outcome }) => {
      const { id, url, teamId, providers } = webhook;
      const data = { webhook: { id, url: originOf(url) }, reason: outcome.disable };
      const event = { type: 'webhook.disabled' as const, accountId: null, providers, data };
      return { teamId, event };
    });
  const at = Math.max(...rows.map((row) => row.at.getTime()));
  await recordEventsOfTeams(client, events, new Date(at));
}

/** An attempt as the log of its delivery keeps it. */
function logEntry({ at, status, latencyMs, answer, error }: DeliveryAttempt) {
  return { at: at.toISOString(), status, latency_ms: latencyMs, answer, error };
}

import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { Prisma, WebhookDelivery } from '../database/prisma-client/client.js';
import { leaseHolderIsGone } from '../database/process-lease.js';
import { withTransaction } from '../database/transact.js';
import type { EventType } from '../events/index.js';
import {
  COMMITTED_BEFORE,
  EVENT_DOCUMENT,
  eventVisibleTo,
  recordEventsOfTeams,
  typesOf,
} from '../events/index.js';
import type { Rows } from '../http/page.js';
import { newId } from '../lib/ids.js';
import type { DeliveryResult } from './delivery-outcome.js';
import type { DeliveryAttempt } from './webhook-sender.js';
import { originOf } from './webhook-url.js';
import { MAX_ATTEMPTS } from './webhooks.schema.js';

const EVENTS_AT_ONCE = 1000;
/** Of a process that lives. One that is gone holds nothing. */
const LEASE_MS = 300_000;

/** The rows of deliveries: what was made of which event, what is due, what came of it. */
export class DeliveriesRepository {
  constructor(private readonly database: Database) {}

  /** Webhooks that have committed events in front of them or a delivery due. */
  async webhooksWithWork(now: Date): Promise<string[]> {
    const { rows } = await this.database.pool.query<{ id: string }>(
      `SELECT w.id FROM webhooks w WHERE w.disabled_at IS NULL AND (EXISTS (
         SELECT FROM events e WHERE e.team_id = w.team_id AND e.transaction_id < ${COMMITTED_BEFORE}
           AND (e.transaction_id, e.id) > (w.position_transaction, w.position_id)) OR EXISTS (
         SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending'
           AND d.next_attempt_at <= $1))`,
      [now],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Makes deliveries of the next events and moves the webhook's position behind them, both in one
   * transaction: each event is made a delivery of once, whichever replica does it and whenever it
   * dies.
   * @returns whether there may be more
   */
  async fanOut(webhookId: string, now: Date): Promise<boolean> {
    return withTransaction(this.database.pool, async (client) => {
      const { rows } = await client.query<WebhookPosition>(
        `SELECT team_id, types, providers, position_transaction, position_id FROM webhooks
         WHERE id = $1 AND disabled_at IS NULL FOR UPDATE SKIP LOCKED`,
        [webhookId],
      );
      const [webhook] = rows;
      if (!webhook) return false;
      const events = await client.query<{
        id: string;
        type: EventType;
        is_visible: boolean;
        transaction_id: string;
      }>(
        `SELECT e.id, e.type, ${eventVisibleTo('$4')} AS is_visible, e.transaction_id FROM events e
         WHERE e.team_id = $1 AND e.transaction_id < ${COMMITTED_BEFORE}
           AND (e.transaction_id, e.id) > ($2::bigint, $3)
         ORDER BY e.transaction_id, e.id LIMIT ${EVENTS_AT_ONCE}`,
        [webhook.team_id, webhook.position_transaction, webhook.position_id, webhook.providers],
      );
      const last = events.rows.at(-1);
      if (!last) return false;
      const types = typesOf(webhook.types);
      const wanted = events.rows.filter(
        ({ type, is_visible }) =>
          is_visible && (webhook.types.length === 0 || types.includes(type)),
      );
      await client.query(
        `INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, state,
           next_attempt_at, created_at)
         SELECT d.id, $2, d.event_id, d.event_type, 'pending', $3, $3
         FROM jsonb_to_recordset($1::jsonb) AS d(id text, event_id text, event_type text)`,
        [
          JSON.stringify(
            wanted.map(({ id, type }) => ({ id: newId('dlv'), event_id: id, event_type: type })),
          ),
          webhookId,
          now,
        ],
      );
      await client.query(
        'UPDATE webhooks SET position_transaction = $2, position_id = $3 WHERE id = $1',
        [webhookId, last.transaction_id, last.id],
      );
      return events.rows.length === EVENTS_AT_ONCE;
    });
  }

  /**
   * Leases up to `limit` due deliveries of a webhook to `holder`: those of a lapsed lease or a dead
   * holder too, and what `holder` itself sent and could not write down, as it claims no more while
   * it sends.
   */
  async claim(
    webhookId: string,
    limit: number,
    holder: string,
    now: Date,
  ): Promise<ClaimedDelivery[]> {
    const { rows } = await this.database.pool.query<ClaimedDelivery>(
      `WITH claimed AS (
         UPDATE webhook_deliveries SET leased_by = $3, leased_until = $5 WHERE id IN (
           SELECT d.id FROM webhook_deliveries d WHERE d.webhook_id = $1 AND d.state = 'pending'
             AND d.next_attempt_at <= $4
             AND (d.leased_by IS NULL OR d.leased_by = $3 OR d.leased_until < $4
               OR ${leaseHolderIsGone('d.leased_by')})
           ORDER BY d.next_attempt_at, d.id LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING id, event_id, attempts)
       SELECT c.id, c.event_id, c.attempts, ${EVENT_DOCUMENT} AS body
       FROM claimed c JOIN events e ON e.id = c.event_id ORDER BY c.id`,
      [webhookId, limit, holder, now, new Date(now.getTime() + LEASE_MS)],
    );
    return rows;
  }

  /** Ends leases of deliveries that were not sent. */
  async release(deliveries: readonly ClaimedDelivery[]): Promise<void> {
    if (deliveries.length === 0) return;
    await this.database.pool.query(
      'UPDATE webhook_deliveries SET leased_by = NULL, leased_until = NULL WHERE id = ANY($1)',
      [deliveries.map(({ id }) => id)],
    );
  }

  /**
   * Writes attempts at deliveries, of any webhooks, and what they lead to for their webhooks: all
   * in one transaction.
   */
  async recordResults(results: readonly DeliveryResult[]): Promise<void> {
    const { pool } = this.database;
    const unsuccessful = results.filter(({ outcome }) => outcome.state !== 'succeeded');
    // One statement is a transaction of its own, and mostly all goes well.
    if (unsuccessful.length === 0) return writeAttempts(pool, results);
    await withTransaction(pool, async (client) => {
      await writeAttempts(client, results);
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

  /** Deletes a batch of deliveries that were made before `time` and have ended. */
  async delete(time: Date): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM webhook_deliveries WHERE id IN (
         SELECT id FROM webhook_deliveries WHERE created_at < $1 AND state <> 'pending'
         LIMIT 20000)`,
      [time],
    );
  }
}

interface WebhookPosition {
  readonly team_id: string;
  readonly types: string[];
  readonly providers: string[];
  readonly position_transaction: string;
  readonly position_id: string;
}

/** A delivery that this process is to send, with the text to send: the same each time. */
export interface ClaimedDelivery {
  readonly id: string;
  readonly event_id: string;
  /** Made so far. */
  readonly attempts: number;
  readonly body: string;
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
        FROM results r WHERE d.id = r.id)
      UPDATE webhooks w SET failing_since = NULL WHERE w.failing_since IS NOT NULL
        AND w.id IN (SELECT r.webhook_id FROM results r WHERE r.state = 'succeeded')`,
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
     FROM (
       SELECT r.id, min(r.at) AS at
       FROM jsonb_to_recordset($1::jsonb) AS r(id text, at timestamptz) GROUP BY r.id) f
     WHERE w.id = f.id AND w.failing_since IS NULL`,
    [JSON.stringify(failures)],
  );
}

/** Disables the webhooks that the results are the end of, each once. */
async function disableWebhooks(
  client: pg.ClientBase,
  results: readonly DeliveryResult[],
): Promise<void> {
  const ended = new Map(
    results.flatMap((result) => (result.outcome.disable ? [[result.webhook.id, result]] : [])),
  );
  if (ended.size === 0) return;
  const rows = [...ended].map(([id, { attempt, outcome }]) => ({
    id,
    at: attempt.at,
    reason: outcome.disable,
  }));
  const { rows: disabled } = await client.query<{ id: string }>(
    `UPDATE webhooks w SET disabled_at = r.at, disabled_reason = r.reason, updated_at = r.at
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, at timestamptz, reason text)
     WHERE w.id = r.id AND w.disabled_at IS NULL RETURNING w.id`,
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

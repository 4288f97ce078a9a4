import type { Database } from '../database/index.js';
import type { Webhook } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import type { EventType } from '../events/index.js';
import {
  EVENT_DOCUMENT,
  eventVisibleTo,
  type FeedRepository,
  NEWEST_HISTORY,
  placeOf,
  typesOf,
} from '../events/index.js';
import { newId } from '../lib/ids.js';
import type { Sealer } from '../lib/seal.js';
import {
  type DueLane,
  type DueLanesQuestion,
  isFree,
  LeasedRows,
  type TakeRequest,
  type WorkDepth,
  type WorkQueue,
} from '../work/index.js';
import { openUrl } from './webhook-url.js';
import type { WebhooksRepository } from './webhooks.repository.js';

const EVENTS_AT_ONCE = 1000;
/** Extended for as long as the process is at it; ends at once should that die. */
const LEASE_MS = 60_000;

/** What deliveries that were taken together share. */
export interface DeliveryBatch {
  /** With its URL in clear. */
  readonly webhook: Webhook;
  /** The webhook is disabled by now: nothing more is sent. */
  isOver: boolean;
}

/** A delivery that this process is to send, with the text to send: the same each time. */
export interface TakenDelivery extends DeliveryRow {
  readonly batch: DeliveryBatch;
}

interface DeliveryRow {
  readonly id: string;
  readonly event_id: string;
  /** Made so far. */
  readonly attempts: number;
  readonly body: string;
}

interface DeliveryQueueParts {
  readonly database: Database;
  readonly webhooks: WebhooksRepository;
  readonly feed: FeedRepository;
  readonly sealer: Sealer;
}

/**
 * Deliveries as work: a lane for each webhook. Its committed events are work too, as deliveries are
 * made of them when the lane is taken.
 */
export class DeliveryQueue implements WorkQueue<TakenDelivery> {
  private readonly rows: LeasedRows<DeliveryRow>;

  constructor(private readonly parts: DeliveryQueueParts) {
    this.rows = new LeasedRows(parts.database.pool, {
      table: 'webhook_deliveries',
      lane: 'webhook_id',
      dueAt: 'next_attempt_at',
      isOpen: `state = 'pending'`,
      shares: `SELECT ARRAY['team ' || w.team_id] FROM webhooks w WHERE w.id = due.lane`,
      onTake: '',
      onRelease: '',
      select: `SELECT t.id, t.event_id, t.attempts, ${EVENT_DOCUMENT} AS body
        FROM taken t JOIN events e ON e.id = t.event_id ORDER BY t.id`,
      leaseMs: LEASE_MS,
    });
  }

  /** Webhooks that have committed events in front of them or a delivery due. */
  async dueLanes(question: DueLanesQuestion): Promise<readonly DueLane[]> {
    await this.parts.feed.publish();
    const { rows } = await this.parts.database.pool.query<DueLane>({
      name: 'due-webhooks',
      text: `SELECT due.id AS lane, s.shares FROM webhooks due
        CROSS JOIN LATERAL (SELECT ARRAY['team ' || due.team_id] AS shares) s
        LEFT JOIN LATERAL (
          SELECT d.next_attempt_at AS at FROM webhook_deliveries d
          WHERE d.webhook_id = due.id AND d.state = 'pending' AND d.next_attempt_at <= $1
            AND ${isFree()}
          ORDER BY d.next_attempt_at LIMIT 1) delivery ON TRUE
        WHERE due.disabled_at IS NULL AND due.id <> ALL($4) AND NOT s.shares && $5::text[]
          AND (delivery.at IS NOT NULL OR EXISTS (
            SELECT FROM events e
            WHERE e.team_id = due.team_id AND (${placeOf('e')}, e.id) > ${positionOf('due')}
              AND ${placeOf('e')} <= (SELECT position FROM ${NEWEST_HISTORY} n)))
        ORDER BY delivery.at NULLS LAST LIMIT $6`,
      values: [
        question.now,
        question.holder,
        question.working,
        question.fullLanes,
        question.fullShares,
        question.limit,
      ],
    });
    return rows;
  }

  async take(request: TakeRequest): Promise<TakenDelivery[]> {
    const taken: DeliveryRow[] = [];
    for (let isMore = true; isMore && taken.length < request.limit; ) {
      isMore = await this.fanOut(request.lane, request.now);
      const limit = request.limit - taken.length;
      const working = [...request.working, ...taken.map(({ id }) => id)];
      taken.push(...(await this.rows.take({ ...request, limit, working })));
    }
    if (taken.length === 0) return [];
    const webhook = await this.parts.webhooks.findEnabled(request.lane);
    if (webhook === null) {
      const ids = taken.map(({ id }) => id);
      await this.rows.release(ids, request.holder, null);
      return [];
    }
    const batch = { webhook: openUrl(this.parts.sealer, webhook), isOver: false };
    return taken.map((row) => ({ ...row, batch }));
  }

  extend(ids: readonly string[], holder: string, now: Date): Promise<ReadonlySet<string>> {
    return this.rows.extend(ids, holder, now);
  }

  release(ids: readonly string[], holder: string, dueAt: Date | null): Promise<void> {
    return this.rows.release(ids, holder, dueAt);
  }

  /** Deliveries to webhooks that are disabled wait for no one. */
  async depth(now: Date): Promise<WorkDepth> {
    const isDue = 'd.leased_by IS NULL AND d.next_attempt_at <= $1';
    const { rows } = await this.parts.database.pool.query<WorkDepth>({
      name: 'depth-of-enabled-webhooks',
      text: `SELECT (count(*) FILTER (WHERE ${isDue}))::int AS due,
          (count(*) FILTER (WHERE d.leased_by IS NOT NULL))::int AS leased,
          min(d.next_attempt_at) FILTER (WHERE ${isDue}) AS "oldestDueAt"
        FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
        WHERE d.state = 'pending' AND w.disabled_at IS NULL`,
      values: [now],
    });
    return rows[0] ?? { due: 0, leased: 0, oldestDueAt: null };
  }

  /**
   * Makes deliveries of the next events and moves the webhook's position behind them, both in one
   * transaction: each event is made a delivery of once, whichever replica does it and whenever it
   * dies.
   * @returns whether there may be more
   */
  private async fanOut(webhookId: string, now: Date): Promise<boolean> {
    return withTransaction(this.parts.database.pool, async (client) => {
      const { rows } = await client.query<WebhookRow>(
        `SELECT w.team_id, w.types, w.providers FROM webhooks w
         WHERE w.id = $1 AND w.disabled_at IS NULL FOR UPDATE SKIP LOCKED`,
        [webhookId],
      );
      const [webhook] = rows;
      if (!webhook) return false;
      const events = await client.query<{
        id: string;
        type: EventType;
        is_wanted: boolean;
        position: string | null;
        transaction_id: string;
      }>(
        `SELECT e.id, e.type, ${eventVisibleTo('$2')} AND NOT ${IS_DELIVERED} AS is_wanted,
           e.position, e.transaction_id
         FROM webhooks w JOIN events e ON e.team_id = w.team_id
         WHERE w.id = $1 AND (${placeOf('e')}, e.id) > ${positionOf('w')}
           AND ${placeOf('e')} <= (SELECT position FROM ${NEWEST_HISTORY} n)
         ORDER BY ${placeOf('e')}, e.id LIMIT ${EVENTS_AT_ONCE}`,
        [webhookId, webhook.providers],
      );
      const last = events.rows.at(-1);
      if (!last) return false;
      const types = typesOf(webhook.types);
      const wanted = events.rows.filter(
        ({ type, is_wanted }) => is_wanted && (webhook.types.length === 0 || types.includes(type)),
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
      if (last.position === null)
        await client.query(
          'UPDATE webhooks SET position_transaction = $2, position_id = $3 WHERE id = $1',
          [webhookId, last.transaction_id, last.id],
        );
      else await client.query(MOVE, [webhookId, last.position]);
      return events.rows.length === EVENTS_AT_ONCE;
    });
  }
}

interface WebhookRow {
  readonly team_id: string;
  readonly types: string[];
  readonly providers: string[];
}

/** SQL: the place and the id beyond which a webhook has had no event. @param row its alias */
const positionOf = (row: string) =>
  `(COALESCE(${row}.feed_position + 1, ${row}.position_transaction),
    CASE WHEN ${row}.feed_position IS NULL THEN ${row}.position_id ELSE '' END)`;

/**
 * SQL: whether the release before has made the delivery of `e` to the webhook `w`, in its order. A
 * transaction that is not there yet is of another server, from which the rows were copied.
 */
const IS_DELIVERED = `((w.feed_position IS NULL OR w.position_id <> '')
  AND (e.transaction_id, e.id) <= (w.position_transaction, w.position_id)
  AND w.position_transaction < pg_snapshot_xmax(pg_current_snapshot())::text::bigint)`;

/**
 * Moves a webhook behind a position, and in the order of the release before as far as all is
 * delivered there: should that one go on, it may repeat deliveries and leaves none out.
 */
const MOVE = `UPDATE webhooks w SET feed_position = $2, position_id = '',
  position_transaction = LEAST(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, (
    SELECT e.transaction_id FROM events e
    WHERE e.team_id = w.team_id AND e.transaction_id >= w.position_transaction
      AND ${placeOf('e')} > $2
    ORDER BY e.transaction_id LIMIT 1))
  WHERE id = $1`;

import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import {
  EVENT_DOCUMENT,
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
import { EVENTS_AT_ONCE, NextEvents, type NextEventsQuestion } from './next-events.repository.js';
import { openUrl } from './webhook-url.js';
import { TO_SEND, type WebhooksRepository, type WebhookToSend } from './webhooks.repository.js';

/** Extended for as long as the process is at it; ends at once should that die. */
const LEASE_MS = 60_000;

/** What deliveries that were taken together share. */
interface DeliveryBatch {
  /** With its URL in clear. */
  readonly webhook: WebhookToSend;
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

/** A delivery that is due, perhaps so late that its event is kept no longer: `body` is `null`. */
type DueDelivery = Omit<DeliveryRow, 'body'> & { readonly body: string | null };

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
  private readonly rows: LeasedRows<DueDelivery>;
  private readonly nextEvents = new NextEvents();

  constructor(private readonly parts: DeliveryQueueParts) {
    this.rows = new LeasedRows(parts.database.pool, {
      table: 'webhook_deliveries',
      lane: 'webhook_id',
      dueAt: 'next_attempt_at',
      isOpen: `state = 'pending'`,
      shares: `SELECT ARRAY['team ' || w.team_id] FROM webhooks w WHERE w.id = due.lane`,
      onTake: '',
      onRelease: '',
      select: `SELECT t.id, t.event_id, t.attempts,
          CASE WHEN e.id IS NOT NULL THEN ${EVENT_DOCUMENT} END AS body
        FROM taken t LEFT JOIN events e ON e.id = t.event_id ORDER BY t.id`,
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
            WHERE e.team_id = due.team_id AND (${placeOf('e')}, e.id) > (${placeIn('due')}, ${placeIdIn('due')})
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
    if (rows.length === 0) this.nextEvents.forget();
    return rows;
  }

  /** First what is due of deliveries that were made before: of events no more than are taken. */
  async take(request: TakeRequest): Promise<TakenDelivery[]> {
    const due = await this.rows.take(request);
    const taken = due.filter(hasBody);
    await this.endUnsendable(due, request);
    let locked: WebhookToSend | undefined;
    for (let isMore = true; isMore && taken.length < request.limit; ) {
      const made = await this.fanOut({ ...request, limit: request.limit - taken.length });
      taken.push(...made.deliveries);
      ({ isMore, webhook: locked = locked } = made);
    }
    if (taken.length === 0) return [];
    const webhook = locked ?? (await this.parts.webhooks.findEnabled(request.lane));
    if (webhook === undefined) {
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

  /** Ends those of these deliveries whose event is kept no longer: else they were due for ever. */
  private async endUnsendable(
    due: readonly DueDelivery[],
    { holder, now }: TakeRequest,
  ): Promise<void> {
    const ids = due.flatMap((row) => (hasBody(row) ? [] : [row.id]));
    if (ids.length === 0) return;
    const error = 'The event is kept no longer.';
    const entry = { at: now.toISOString(), status: null, latency_ms: 0, answer: null, error };
    await this.parts.database.pool.query(
      `UPDATE webhook_deliveries SET state = 'failed', log = log || $4::jsonb, finished_at = $3,
         next_attempt_at = NULL, leased_by = NULL, leased_until = NULL
       WHERE id = ANY($1) AND leased_by = $2`,
      [ids, holder, now, JSON.stringify([entry])],
    );
  }

  /**
   * Makes deliveries of the next events, leased to who asks, and moves the webhook's position behind
   * them, all in one transaction: each event is made a delivery of once, whichever replica does it
   * and whenever it dies.
   */
  private fanOut({ lane: webhookId, limit, holder, now }: TakeRequest): Promise<FannedOut> {
    return withTransaction(this.parts.database.pool, async (client) => {
      const { rows } = await client.query<LockedWebhook>({
        name: 'lock-webhook',
        text: LOCK,
        values: [webhookId],
      });
      const [locked] = rows;
      if (!locked) return NOTHING;
      const events = await this.nextEvents.read(client, {
        ...locked,
        types: locked.types.length === 0 ? null : typesOf(locked.types),
        limit,
      });
      const last = events.at(-1);
      if (last === undefined) return { ...NOTHING, webhook: locked };
      const made = events.flatMap(({ id, type, body }) =>
        body === null ? [] : [{ id: newId('dlv'), event_id: id, attempts: 0, body, type }],
      );
      const isNumbered = last.position !== null;
      await client.query({
        name: isNumbered ? 'add-deliveries-and-move' : 'add-deliveries-and-move-by-transaction',
        text: `WITH made AS (
            INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, state,
              next_attempt_at, created_at, leased_by, leased_until)
            SELECT d.id, $1, d.event_id, d.type, 'pending', $2, $2, $3, $4
            FROM unnest($5::text[], $6::text[], $7::text[]) AS d(id, event_id, type))
          ${isNumbered ? MOVE : MOVE_BY_TRANSACTION}`,
        values: [
          ...[webhookId, now, holder, new Date(now.getTime() + LEASE_MS)],
          ...[made.map(({ id }) => id), made.map((one) => one.event_id)],
          made.map(({ type }) => type),
          ...(isNumbered ? [last.position] : [last.transaction_id, last.id]),
        ],
      });
      const isMore = events.length === EVENTS_AT_ONCE;
      return { deliveries: made, isMore, webhook: locked };
    });
  }
}

const hasBody = (row: DueDelivery): row is DeliveryRow => row.body !== null;

interface FannedOut {
  readonly deliveries: readonly DeliveryRow[];
  /** Whether there may be more. */
  readonly isMore: boolean;
  /** As it was then; absent: it is disabled, or another process is at it. */
  readonly webhook?: WebhookToSend;
}

const NOTHING: FannedOut = { deliveries: [], isMore: false };

interface LockedWebhook
  extends WebhookToSend,
    Omit<NextEventsQuestion, 'types' | 'limit' | 'providers'> {
  readonly types: string[];
}

/** SQL: the place and the id beyond which a webhook has had no event. @param row its alias */
const placeIn = (row: string) => `COALESCE(${row}.feed_position + 1, ${row}.position_transaction)`;
const placeIdIn = (row: string) =>
  `CASE WHEN ${row}.feed_position IS NULL THEN ${row}.position_id ELSE '' END`;

/**
 * Keeps others from moving the webhook, and tells where it stands, and up to where the release before
 * has made its deliveries. A transaction that is not there yet is of another server, from which the
 * rows were copied.
 */
const LOCK = `SELECT ${TO_SEND}, w.types, ${placeIn('w')} AS place, ${placeIdIn('w')} AS "placeId",
    n.number || '.' || n.id AS history, n.position AS published,
    CASE WHEN (w.feed_position IS NULL OR w.position_id <> '')
      AND w.position_transaction < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
      THEN w.position_transaction END AS "madeTransaction", w.position_id AS "madeId"
  FROM webhooks w CROSS JOIN ${NEWEST_HISTORY} n
  WHERE w.id = $1 AND w.disabled_at IS NULL FOR UPDATE OF w SKIP LOCKED`;

/**
 * Moves a webhook behind a position, and in the order of the release before as far as all is
 * delivered there: should that one go on, it may repeat deliveries and leaves none out.
 */
const MOVE = `UPDATE webhooks w SET feed_position = $8, position_id = '',
  position_transaction = LEAST(pg_snapshot_xmin(pg_current_snapshot())::text::bigint, (
    SELECT e.transaction_id FROM events e
    WHERE e.team_id = w.team_id AND e.transaction_id >= w.position_transaction
      AND ${placeOf('e')} > $8
    ORDER BY e.transaction_id LIMIT 1))
  WHERE id = $1`;

/** Behind an event from before there were positions. */
const MOVE_BY_TRANSACTION =
  'UPDATE webhooks SET position_transaction = $8, position_id = $9 WHERE id = $1';

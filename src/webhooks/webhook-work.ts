import { batched } from '../lib/batched.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { Tracing } from '../lib/tracing.js';
import { type AnyWorkKind, type WorkEnd, type WorkResult, workKind } from '../work/index.js';
import type { DeliveriesRepository } from './deliveries.repository.js';
import { type DeliveryResult, outcomeOf } from './delivery-outcome.js';
import type { DeliveryQueue, TakenDelivery } from './delivery-queue.repository.js';
import { postEvent } from './post-event.js';
import type { WebhookSender } from './webhook-sender.js';

const MAX_PER_WEBHOOK = 8;
const MAX_IN_ALL = 512;
/** Of all places; the others are left to other teams. */
const MAX_SHARE = 3 / 4;
/** Deliveries of a webhook that one statement takes, and attempts that share a write. */
const BATCH_SIZE = 128;
/** Nothing waits for a write but the lease. */
const WRITE_PAUSE_MS = 25;
/** A request ends earlier, so that its result can still be written. */
const DEADLINE_MS = 60_000;
const POLL_MS = 1_000;

interface WebhookWorkParts {
  readonly queue: DeliveryQueue;
  readonly deliveries: DeliveriesRepository;
  readonly sender: WebhookSender;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly tracing: Tracing;
  /** What this process is called in leases. */
  readonly holder: string;
}

/** Deliveries as work: a lane for each webhook, so that a slow one holds up no other. */
export function webhookWork(parts: WebhookWorkParts): AnyWorkKind {
  const { deliveries, holder, queue } = parts;
  // For all webhooks together, so that many attempts share a write.
  const write = async (results: readonly DeliveryResult[]) => {
    await deliveries.recordResults(results, holder);
    return results;
  };
  const record = batched(BATCH_SIZE, write, WRITE_PAUSE_MS);
  return workKind({
    name: 'webhook_deliveries',
    queue,
    maxPerLane: () => MAX_PER_WEBHOOK,
    maxInAll: MAX_IN_ALL,
    maxPerShare: () => MAX_IN_ALL * MAX_SHARE,
    takenAtOnce: BATCH_SIZE,
    deadlineMs: DEADLINE_MS,
    pollMs: POLL_MS,
    finishesOnStop: true,
    run: (delivery, _lane, end) => deliver(parts, record, delivery, end),
  });
}

function deliver(
  parts: WebhookWorkParts,
  record: (result: DeliveryResult) => Promise<unknown>,
  delivery: TakenDelivery,
  end: WorkEnd,
): Promise<WorkResult> {
  const { id, event_id: eventId, body, batch } = delivery;
  const { webhook } = batch;
  if (batch.isOver) return Promise.resolve({ state: 'left', dueAt: null });
  const facts = {
    'rollcall.webhook_id': webhook.id,
    'rollcall.event_id': eventId,
    'rollcall.team_id': webhook.teamId,
  };
  return parts.tracing.root('webhook delivery', facts, async () => {
    const attempts = delivery.attempts + 1;
    const attempt = await postEvent(parts, webhook, { id: eventId, body }, end);
    if (end.hasCome) throw new Error('the delivery was ended');
    const outcome = outcomeOf(webhook, attempts, attempt);
    if (outcome.disable !== null) batch.isOver = true;
    const written = record({ webhook, id, attempts, attempt, outcome });
    return { state: 'done' as const, dueAt: outcome.nextAttemptAt ?? undefined, written };
  });
}

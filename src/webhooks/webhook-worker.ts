import type { Database } from '../database/index.js';
import type { Webhook } from '../database/prisma-client/client.js';
import type { ProcessLease } from '../database/process-lease.js';
import { batched } from '../lib/batched.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Sealer } from '../lib/seal.js';
import type { Tracing } from '../lib/tracing.js';
import type { ClaimedDelivery, DeliveriesRepository } from './deliveries.repository.js';
import { type DeliveryResult, type Outcome, writeResults } from './delivery-results.js';
import { isHopeless, nextAttemptAt } from './retry-schedule.js';
import { signedHeaders } from './signature.js';
import type { DeliveryAttempt, WebhookSender } from './webhook-sender.js';
import { openUrl } from './webhook-url.js';

const ROUND_EVERY_MS = 1_000;
/** Requests to one webhook at a time. */
const QUEUE_WIDTH = 8;
/**
 * Deliveries of one webhook that are leased at a time. Should each take its whole deadline, the
 * last is sent while the lease holds.
 */
const BATCH = 128;
const DELIVERIES_KEPT_DAYS = 30;
const GONE = 410;

interface WebhookWorkerParts {
  readonly database: Database;
  readonly deliveries: DeliveriesRepository;
  readonly sender: WebhookSender;
  readonly sealer: Sealer;
  readonly lease: ProcessLease;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tracing: Tracing;
}

/** Brings events to webhooks: a queue for each, so that a slow one holds up no other. */
export class WebhookWorker {
  private readonly queues = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private rounds: Promise<void> = Promise.resolve();
  /** Of all queues together, so that many attempts share a write. */
  private readonly write = batched(BATCH, async (results: readonly DeliveryResult[]) => {
    await writeResults(this.parts.database, results);
    return results;
  });

  constructor(private readonly parts: WebhookWorkerParts) {}

  /** Goes round every second until it is stopped. */
  work(): void {
    this.rounds = this.goRound();
  }

  /** Takes no new delivery; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.rounds;
    await Promise.all(this.queues.values());
    await this.parts.sender.close();
  }

  /** Starts on whatever there is to do. Queues that run on are not waited for. */
  async round(): Promise<void> {
    for (const webhookId of await this.parts.deliveries.withWork(this.parts.clock.now()))
      this.startQueue(webhookId);
  }

  /** Resolves when no queue runs. */
  async idle(): Promise<void> {
    while (this.queues.size > 0) await Promise.all(this.queues.values());
  }

  async prune(): Promise<void> {
    await this.parts.deliveries.delete(
      new Date(this.parts.clock.now().getTime() - DELIVERIES_KEPT_DAYS * 86_400_000),
    );
  }

  private async goRound(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.round().catch((error: unknown) => this.report(error));
      await this.parts.clock.sleep(ROUND_EVERY_MS, signal).catch(() => undefined);
    }
  }

  private startQueue(webhookId: string): void {
    if (this.queues.has(webhookId) || this.stopping.signal.aborted) return;
    const queue = this.drain(webhookId)
      .catch((error: unknown) => this.report(error))
      .finally(() => this.queues.delete(webhookId));
    this.queues.set(webhookId, queue);
  }

  /** Makes deliveries of what is new and sends what is due, until there is neither. */
  private async drain(webhookId: string): Promise<void> {
    for (let isMore = true; isMore && !this.stopping.signal.aborted; ) {
      const isBehind = await this.parts.deliveries.fanOut(webhookId, this.parts.clock.now());
      const webhook = await this.parts.database.prisma.webhook.findFirst({
        where: { id: webhookId, disabledAt: null },
      });
      if (!webhook) return;
      const claimed = await this.parts.deliveries.claim(
        webhookId,
        BATCH,
        this.parts.lease.name,
        this.parts.clock.now(),
      );
      await this.deliverAll(openUrl(this.parts.sealer, webhook), claimed);
      isMore = isBehind || claimed.length > 0;
    }
  }

  /**
   * What is left when this process stops, or when the webhook has been given up, goes back to be
   * claimed again.
   */
  private async deliverAll(webhook: Webhook, claimed: ClaimedDelivery[]): Promise<void> {
    let isGivenUp = false;
    const takeTurns = async () => {
      while (!isGivenUp && !this.stopping.signal.aborted) {
        const delivery = claimed.shift();
        if (!delivery) return;
        const facts = {
          'rollcall.webhook_id': webhook.id,
          'rollcall.event_id': delivery.event_id,
          'rollcall.team_id': webhook.teamId,
        };
        isGivenUp = await this.parts.tracing.root('webhook delivery', facts, () =>
          this.deliver(webhook, delivery),
        );
      }
    };
    const turns = await Promise.allSettled(Array.from({ length: QUEUE_WIDTH }, takeTurns));
    await this.parts.deliveries.release(claimed);
    const failed = turns.find((turn) => turn.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** @returns whether the webhook is given up with it */
  private async deliver(webhook: Webhook, delivery: ClaimedDelivery): Promise<boolean> {
    const attempts = delivery.attempts + 1;
    const attempt = await this.post(webhook, delivery.event_id, delivery.body);
    const outcome = outcomeOf(webhook, attempts, attempt);
    await this.write({ webhook, id: delivery.id, attempts, attempt, outcome });
    return outcome.disable !== null;
  }

  /** Sends one event to a webhook now, signed. */
  post(webhook: Webhook, eventId: string, body: string): Promise<DeliveryAttempt> {
    const now = this.parts.clock.now();
    const sealed = [
      webhook.secret,
      ...(webhook.formerSecret && webhook.formerUntil && webhook.formerUntil > now
        ? [webhook.formerSecret]
        : []),
    ];
    const secrets = sealed.map((secret) => this.parts.sealer.open(secret, webhook.id));
    return this.parts.sender.post(webhook.url, signedHeaders(eventId, now, body, secrets), body);
  }

  private report(error: unknown): void {
    this.parts.logger.error('webhook worker failed', {
      error: error instanceof Error ? String(error.stack) : 'not an Error',
    });
  }
}

/**
 * Pure but for the jitter. A webhook that says it is gone, or has done nothing but fail for five
 * days, gets nothing any more.
 */
export function outcomeOf(
  webhook: Pick<Webhook, 'failingSince'>,
  attempts: number,
  attempt: DeliveryAttempt,
): Outcome {
  if (attempt.error === null) return { state: 'succeeded', nextAttemptAt: null, disable: null };
  if (attempt.status === GONE) return { state: 'failed', nextAttemptAt: null, disable: 'gone' };
  const next = nextAttemptAt(attempts, attempt.at, attempt.retryAfterSeconds);
  const disable =
    webhook.failingSince && isHopeless(webhook.failingSince, attempt.at) ? 'failing' : null;
  return { state: next ? 'pending' : 'failed', nextAttemptAt: next ?? null, disable };
}

import type { Webhook } from '../database/prisma-client/client.js';
import type { ProcessLease } from '../database/process-lease.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { Tracing } from '../lib/tracing.js';
import type { ClaimedDelivery, DeliveriesRepository } from './deliveries.repository.js';
import { type DeliveryResult, outcomeOf } from './delivery-outcome.js';
import { postEvent } from './post-event.js';
import type { WebhookSender } from './webhook-sender.js';
import { openUrl } from './webhook-url.js';
import type { WebhooksRepository } from './webhooks.repository.js';

const MAX_REQUESTS = 8;
/**
 * Deliveries that are leased at a time. Should each take its whole deadline, the last is sent while
 * the lease holds.
 */
const MAX_CLAIMED = 128;

export interface WebhookQueueParts {
  readonly webhooks: WebhooksRepository;
  readonly deliveries: DeliveriesRepository;
  readonly sender: WebhookSender;
  readonly sealer: Sealer;
  readonly lease: ProcessLease;
  readonly clock: Clock;
  readonly tracing: Tracing;
  /** Writes what an attempt leads to. */
  readonly record: (result: DeliveryResult) => Promise<unknown>;
  /** Aborts when this process stops. */
  readonly stopping: AbortSignal;
}

/** The deliveries of one webhook, sent by this process, several at a time. */
export class WebhookQueue {
  constructor(
    private readonly webhookId: string,
    private readonly parts: WebhookQueueParts,
  ) {}

  /** Makes deliveries of new events and sends what is due, until there is neither. */
  async drain(): Promise<void> {
    const { clock, deliveries, lease, sealer, stopping, webhooks } = this.parts;
    for (let isMore = true; isMore && !stopping.aborted; ) {
      const isBehind = await deliveries.fanOut(this.webhookId, clock.now());
      const webhook = await webhooks.findEnabled(this.webhookId);
      if (!webhook) return;
      const claimed = await deliveries.claim(this.webhookId, MAX_CLAIMED, lease.name, clock.now());
      await this.sendAll(openUrl(sealer, webhook), claimed);
      isMore = isBehind || claimed.length > 0;
    }
  }

  /**
   * What is left when this process stops, or when the webhook is disabled, is released to be
   * claimed again.
   */
  private async sendAll(webhook: Webhook, claimed: ClaimedDelivery[]): Promise<void> {
    const { deliveries, stopping, tracing } = this.parts;
    let isDisabled = false;
    const sendNext = async () => {
      while (!isDisabled && !stopping.aborted) {
        const delivery = claimed.shift();
        if (!delivery) return;
        const facts = {
          'rollcall.webhook_id': webhook.id,
          'rollcall.event_id': delivery.event_id,
          'rollcall.team_id': webhook.teamId,
        };
        isDisabled = await tracing.root('webhook delivery', facts, () =>
          this.send(webhook, delivery),
        );
      }
    };
    const senders = await Promise.allSettled(Array.from({ length: MAX_REQUESTS }, sendNext));
    await deliveries.release(claimed);
    const failed = senders.find((sender) => sender.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** @returns whether the webhook is disabled by it */
  private async send(webhook: Webhook, delivery: ClaimedDelivery): Promise<boolean> {
    const attempts = delivery.attempts + 1;
    const attempt = await postEvent(this.parts, webhook, delivery.event_id, delivery.body);
    const outcome = outcomeOf(webhook, attempts, attempt);
    await this.parts.record({ webhook, id: delivery.id, attempts, attempt, outcome });
    return outcome.disable !== null;
  }
}

import { batched } from '../lib/batched.js';
import type { Logger } from '../lib/logger.js';
import type { DeliveryResult } from './delivery-outcome.js';
import { WebhookQueue, type WebhookQueueParts } from './webhook-queue.js';

const LOOK_EVERY_MS = 1_000;
/** Attempts that share a write. */
const MAX_RECORDED = 128;
const RETENTION_DAYS = 30;

interface WebhookWorkerParts extends Omit<WebhookQueueParts, 'record' | 'stopping'> {
  readonly logger: Logger;
}

/** Brings events to webhooks: a queue for each, so that a slow one holds up no other. */
export class WebhookWorker {
  /** Of webhooks that have work, until they have none. */
  private readonly queues = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private looking: Promise<void> = Promise.resolve();
  /** For all queues together, so that many attempts share a write. */
  private readonly record = batched(MAX_RECORDED, async (results: readonly DeliveryResult[]) => {
    await this.parts.deliveries.recordResults(results);
    return results;
  });

  constructor(private readonly parts: WebhookWorkerParts) {}

  /** Looks for work every second until it is stopped. */
  work(): void {
    this.looking = this.look();
  }

  /** Takes no new delivery; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.looking;
    await Promise.all(this.queues.values());
    await this.parts.sender.close();
  }

  /** Deletes a batch of old deliveries. */
  async prune(): Promise<void> {
    const { clock, deliveries } = this.parts;
    await deliveries.delete(new Date(clock.now().getTime() - RETENTION_DAYS * 86_400_000));
  }

  private async look(): Promise<void> {
    const { clock, deliveries } = this.parts;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        for (const webhookId of await deliveries.webhooksWithWork(clock.now()))
          this.start(webhookId);
      } catch (error) {
        this.report(error);
      }
      await clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
    }
  }

  /** Starts the queue of a webhook, unless it runs. It is not waited for. */
  private start(webhookId: string): void {
    if (this.queues.has(webhookId) || this.stopping.signal.aborted) return;
    const { record } = this;
    const queue = new WebhookQueue(webhookId, {
      ...this.parts,
      record,
      stopping: this.stopping.signal,
    });
    const running = queue
      .drain()
      .catch((error: unknown) => this.report(error))
      .finally(() => this.queues.delete(webhookId));
    this.queues.set(webhookId, running);
  }

  private report(error: unknown): void {
    this.parts.logger.error('webhook worker failed', {
      error: error instanceof Error ? String(error.stack) : 'not an Error',
    });
  }
}

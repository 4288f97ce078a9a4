import type pg from 'pg';
import type { Database, ProcessLease } from '../database/index.js';
import type { FeedRepository } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { Tracing } from '../lib/tracing.js';
import type { RecurringJob } from '../work/index.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import { DeliveryQueue } from './delivery-queue.repository.js';
import type { WebhookAddresses } from './webhook-address.js';
import { WebhookSender } from './webhook-sender.js';
import { webhookWork } from './webhook-work.js';
import { WebhooksRepository } from './webhooks.repository.js';
import { webhookEndpoints } from './webhooks.routes.js';
import { WebhooksService } from './webhooks.service.js';

export { WebhookAddresses } from './webhook-address.js';
export { SEALED_WEBHOOK_VALUES } from './webhook-url.js';

interface WebhooksParts {
  readonly database: Database;
  readonly lease: ProcessLease;
  readonly feed: FeedRepository;
  readonly addresses: WebhookAddresses;
  readonly sealer: Sealer;
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly tracing: Tracing;
  /** Keeps the caller's key from being revoked until the transaction ends. @throws Problem 409 */
  readonly requireLiveKey: (client: pg.ClientBase, caller: Caller) => Promise<void>;
}

/** Addresses that events are posted to, and the deliveries. */
export function createWebhooks(parts: WebhooksParts) {
  const { database, lease, feed, addresses, sealer, cursors, clock, tracing } = parts;
  const webhooks = new WebhooksRepository(database);
  const deliveries = new DeliveriesRepository(database);
  const sender = new WebhookSender(addresses, clock);
  const service = new WebhooksService({
    database,
    feed,
    webhooks,
    deliveries,
    sender,
    addresses,
    sealer,
    clock,
    requireLiveKey: parts.requireLiveKey,
  });
  const jobs: readonly RecurringJob[] = [
    { name: 'webhooks.seal_urls', everyMs: 15_000, run: () => service.sealUrls() },
    { name: 'webhooks.prune', everyMs: 15_000, run: () => service.prune() },
  ];
  return {
    service,
    endpoints: { webhooks: webhookEndpoints(service, cursors) },
    jobs,
    work: webhookWork({
      queue: new DeliveryQueue({ database, webhooks, feed, sealer }),
      deliveries,
      sender,
      sealer,
      clock,
      tracing,
      holder: lease.name,
    }),
    /** Waits for what is on its way. */
    stop: () => sender.close(),
  };
}

import type { Database, ProcessLease } from '../database/index.js';
import type { FeedRepository } from '../events/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Sealer } from '../lib/seal.js';
import type { Tracing } from '../lib/tracing.js';
import type { RecurringJob } from '../work/index.js';
import { DeliveriesRepository } from './deliveries.repository.js';
import type { WebhookAddresses } from './webhook-address.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookWorker } from './webhook-worker.js';
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
  readonly logger: Logger;
  readonly tracing: Tracing;
}

/** Addresses that events are posted to, and the deliveries. */
export function createWebhooks(parts: WebhooksParts) {
  const { database, lease, feed, addresses, sealer, cursors, clock, logger, tracing } = parts;
  const webhooks = new WebhooksRepository(database);
  const deliveries = new DeliveriesRepository(database);
  const sender = new WebhookSender(addresses, clock);
  const worker = new WebhookWorker({
    webhooks,
    deliveries,
    sender,
    sealer,
    lease,
    clock,
    logger,
    tracing,
  });
  const service = new WebhooksService({
    database,
    feed,
    webhooks,
    deliveries,
    sender,
    addresses,
    sealer,
    clock,
  });
  const jobs: readonly RecurringJob[] = [
    { name: 'webhooks.seal_urls', everyMs: 15_000, run: () => service.sealUrls() },
    { name: 'webhooks.prune', everyMs: 15_000, run: () => worker.prune() },
  ];
  return {
    endpoints: { webhooks: webhookEndpoints(service, cursors) },
    jobs,
    start: () => worker.work(),
    stop: () => worker.stop(),
  };
}

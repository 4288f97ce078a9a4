import { actorOf, auditRow } from '../audit/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { Prisma, Webhook, WebhookDelivery } from '../database/prisma-client/client.js';
import type { FeedRepository } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Sealer } from '../lib/seal.js';
import type { DeliveriesRepository } from './deliveries.repository.js';
import { newSecret } from './signature.js';
import type { WebhookChange, WebhookRequest } from './webhook.schema.js';
import { ForbiddenAddress, type WebhookAddresses } from './webhook-address.js';
import { openUrl, originOf, sealUrl, sealUrls } from './webhook-url.js';
import type { WebhookWorker } from './webhook-worker.js';

const MAX_WEBHOOKS = 50;
/** How long the former secret signs too. */
const ROTATION_MS = 86_400_000;

/** A webhook and its secret, in the one response that shows both. */
export interface Revealed {
  readonly webhook: Webhook;
  readonly secret: string;
}

interface WebhooksServiceParts {
  readonly database: Database;
  readonly feed: FeedRepository;
  readonly deliveries: DeliveriesRepository;
  readonly worker: WebhookWorker;
  readonly addresses: WebhookAddresses;
  readonly sealer: Sealer;
  readonly clock: Clock;
}

/** A team's webhooks. */
export class WebhooksService {
  constructor(private readonly parts: WebhooksServiceParts) {}

  /**
   * Makes a webhook that gets whatever happens from now on. Its address must have been found to be
   * allowed.
   */
  async create(
    { prisma, client }: Transaction,
    caller: Caller,
    request: WebhookRequest,
  ): Promise<Revealed> {
    if ((await prisma.webhook.count({ where: { teamId: caller.teamId } })) >= MAX_WEBHOOKS) {
      throw new Problem(
        'conflict',
        `The team already has ${MAX_WEBHOOKS} webhooks. Delete one first.`,
      );
    }
    const position = await this.parts.feed.end(client);
    const id = newId('whk');
    const secret = newSecret();
    const now = this.parts.clock.now();
    const { url, types, description } = request;
    const data = {
      id,
      teamId: caller.teamId,
      ...sealUrl(this.parts.sealer, id, url),
      types,
      description,
      providers: [...caller.key.providers],
      secret: this.parts.sealer.seal(secret, id),
      positionTransaction: BigInt(position.value ?? 0),
      positionId: position.id,
      createdAt: now,
      updatedAt: now,
    };
    const webhook = await prisma.webhook.create({ data });
    await this.audited(
      caller,
      'webhook.created',
      id,
      { ...request, url: originOf(url) },
      now,
      prisma,
    );
    return { webhook: openUrl(this.parts.sealer, webhook), secret };
  }

  async get(
    caller: Caller,
    id: string,
    prisma: Prisma.TransactionClient = this.parts.database.prisma,
  ): Promise<Webhook> {
    const row = await prisma.webhook.findFirst({ where: { id, ...seenBy(caller) } });
    if (!row) throw notFound(`Webhook ${id}`);
    return openUrl(this.parts.sealer, row);
  }

  /** The team's webhooks, oldest first. */
  all(caller: Caller): Rows<Webhook> {
    const { webhook } = this.parts.database.prisma;
    const where = seenBy(caller);
    return {
      read: async (beyondId, take) => {
        const rows = await webhook.findMany({
          where: { ...where, id: { gt: beyondId ?? '' } },
          orderBy: { id: 'asc' },
          take,
        });
        return rows.map((row) => openUrl(this.parts.sealer, row));
      },
      count: () => webhook.count({ where }),
    };
  }

  /** When enabled again, it also gets the events in between. */
  async change(caller: Caller, id: string, change: WebhookChange): Promise<Webhook> {
    const row = await this.get(caller, id);
    if (change.url !== undefined) await this.requireAllowed(change.url);
    const { enabled, url, types, description } = change;
    const now = this.parts.clock.now();
    const data = {
      ...(url !== undefined && sealUrl(this.parts.sealer, id, url)),
      ...(types !== undefined && { types }),
      ...(description !== undefined && { description }),
      ...(enabled === true && { disabledAt: null, disabledReason: null, failingSince: null }),
      ...(enabled === false &&
        row.disabledAt === null && { disabledAt: now, disabledReason: 'requested' }),
      updatedAt: now,
    };
    const update = this.parts.database.prisma.webhook.update({ where: { id }, data });
    const facts = { ...change, ...(url !== undefined && { url: originOf(url) }) };
    const [webhook] = await this.parts.database.prisma.$transaction([
      update,
      this.audited(caller, 'webhook.changed', id, facts, now),
    ]);
    return openUrl(this.parts.sealer, webhook);
  }

  async remove(caller: Caller, id: string): Promise<void> {
    const { url } = await this.get(caller, id);
    const gone = this.parts.database.prisma.webhook.delete({ where: { id } });
    await this.parts.database.prisma.$transaction([
      gone,
      this.audited(caller, 'webhook.deleted', id, { url: originOf(url) }, this.parts.clock.now()),
    ]);
  }

  /** Gives the webhook a new secret; the former one signs too for a day. */
  async rotate({ prisma }: Transaction, caller: Caller, id: string): Promise<Revealed> {
    const row = await this.get(caller, id, prisma);
    const secret = newSecret();
    const now = this.parts.clock.now();
    const data = {
      secret: this.parts.sealer.seal(secret, id),
      formerSecret: row.secret,
      formerUntil: new Date(now.getTime() + ROTATION_MS),
      updatedAt: now,
    };
    const webhook = await prisma.webhook.update({ where: { id }, data });
    await this.audited(caller, 'webhook.secret_rotated', id, {}, now, prisma);
    return { webhook: openUrl(this.parts.sealer, webhook), secret };
  }

  /**
   * Sends an event that is only a test, once, and waits for what comes of it.
   * @returns what writes it down
   */
  async test(
    caller: Caller,
    id: string,
  ): Promise<(transaction: Transaction) => Promise<WebhookDelivery>> {
    const webhook = await this.get(caller, id);
    const event = {
      id: newId('evt'),
      type: 'webhook.test',
      timestamp: this.parts.clock.now(),
      account_id: null,
      data: { webhook: { id } },
    };
    const attempt = await this.parts.worker.post(webhook, event.id, JSON.stringify(event));
    return ({ prisma }) =>
      this.parts.deliveries.note(
        prisma,
        id,
        event.id,
        event.type,
        attempt,
        attempt.error === null ? 'succeeded' : 'failed',
      );
  }

  /** The deliveries of a webhook, newest first. */
  history({ id: webhookId }: Webhook): Rows<WebhookDelivery> {
    const { webhookDelivery } = this.parts.database.prisma;
    return {
      read: (beyondId, take) => {
        const where = { webhookId, ...(beyondId !== undefined && { id: { lt: beyondId } }) };
        return webhookDelivery.findMany({ where, orderBy: { id: 'desc' }, take });
      },
      count: () => webhookDelivery.count({ where: { webhookId } }),
    };
  }

  /** Delivers the event of a delivery once more. */
  async replay(
    { prisma }: Transaction,
    caller: Caller,
    id: string,
    deliveryId: string,
  ): Promise<WebhookDelivery> {
    const webhook = await this.get(caller, id, prisma);
    const delivery = await prisma.webhookDelivery.findFirst({
      where: { id: deliveryId, webhookId: id },
    });
    if (!delivery) throw notFound(`Delivery ${deliveryId}`);
    if (webhook.disabledAt)
      throw new Problem(
        'conflict',
        'The webhook is disabled. Enable it first (PATCH {"enabled": true}).',
      );
    const repeated = await this.parts.deliveries.repeat(prisma, delivery, this.parts.clock.now());
    if (!repeated)
      throw new Problem(
        'conflict',
        'The event is not stored: it was a test event, or is more than 90 days old.',
      );
    return repeated;
  }

  /** @throws Problem 422 for an address that events must not be sent to */
  async requireAllowed(url: string): Promise<void> {
    await this.parts.addresses.checkResolved(url).catch((error: unknown) => {
      throw error instanceof ForbiddenAddress ? invalidField('url', error.message) : error;
    });
  }

  /** Seals what a previous version left in clear. */
  sealUrls(): Promise<void> {
    return sealUrls(this.parts.database, this.parts.sealer);
  }

  private audited(
    caller: Caller,
    action: string,
    targetId: string,
    after: object,
    at: Date,
    prisma: Prisma.TransactionClient = this.parts.database.prisma,
  ) {
    const data = auditRow(actorOf(caller), { action, targetType: 'webhook', targetId, after }, at);
    return prisma.auditEvent.create({ data });
  }
}

/**
 * A key that is limited to some providers sees the webhooks of its like: it must not redirect what
 * it may not read.
 */
function seenBy({ teamId, key }: Caller) {
  return { teamId, ...(key.providers.length > 0 && { providers: { equals: [...key.providers] } }) };
}

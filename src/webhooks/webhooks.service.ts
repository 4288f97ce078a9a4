import type pg from 'pg';
import { type AuditEntry, actorOf, recordAudit } from '../audit/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { Prisma, Webhook, WebhookDelivery } from '../database/prisma-client/client.js';
import { EVENT_RETENTION_DAYS, type FeedRepository } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import type { Position } from '../http/cursor.js';
import type { Rows } from '../http/page.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Sealer } from '../lib/seal.js';
import type { DeliveriesRepository } from './deliveries.repository.js';
import { postEvent } from './post-event.js';
import { newSecret } from './signature.js';
import { ForbiddenAddress, type WebhookAddresses } from './webhook-address.js';
import type { WebhookSender } from './webhook-sender.js';
import { openUrl, originOf, sealUrl } from './webhook-url.js';
import type { WebhooksRepository } from './webhooks.repository.js';
import type { WebhookChange, WebhookRequest } from './webhooks.requests.js';

const DAY_MS = 86_400_000;
const MAX_WEBHOOKS = 50;
/** How long the former secret signs too. */
const ROTATION_MS = DAY_MS;
const SEALED_AT_ONCE = 500;
/** Of deliveries that have ended. */
const RETENTION_DAYS = 30;
/** Of others: by then their events are gone, which go by weeks. */
const MAX_WAIT_DAYS = EVENT_RETENTION_DAYS + 7;

/** A webhook and its secret, in the one response that shows both. */
export interface Revealed {
  readonly webhook: Webhook;
  readonly secret: string;
}

interface WebhooksServiceParts {
  readonly database: Database;
  readonly feed: FeedRepository;
  readonly webhooks: WebhooksRepository;
  readonly deliveries: DeliveriesRepository;
  readonly sender: WebhookSender;
  readonly addresses: WebhookAddresses;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** Keeps the caller's key from being revoked until the transaction ends. @throws Problem 409 */
  readonly requireLiveKey: (client: pg.ClientBase, caller: Caller) => Promise<void>;
}

/** A team's webhooks. */
export class WebhooksService {
  constructor(private readonly parts: WebhooksServiceParts) {}

  /** Where a webhook begins that is made now. */
  endOfFeed(): Promise<Position> {
    return this.parts.feed.end();
  }

  /**
   * Makes a webhook that gets what feeds show after a position. Its address must have been found to
   * be allowed.
   */
  async create(
    transaction: Transaction,
    caller: Caller,
    request: WebhookRequest,
    position: Position,
  ): Promise<Revealed> {
    const { prisma, client } = transaction;
    const { clock, requireLiveKey, sealer, webhooks } = this.parts;
    await requireLiveKey(client, caller);
    if ((await webhooks.countToAdd(transaction, caller.teamId)) >= MAX_WEBHOOKS) {
      throw new Problem(
        'conflict',
        `The team already has ${MAX_WEBHOOKS} webhooks. Delete one first.`,
      );
    }
    const id = newId('whk');
    const secret = newSecret();
    const now = clock.now();
    const { url, types, description } = request;
    const webhook = await webhooks.create(prisma, {
      id,
      teamId: caller.teamId,
      ...sealUrl(sealer, id, url),
      ...setBy(caller),
      types,
      description,
      providers: [...caller.key.providers],
      secret: sealer.seal(secret, id),
      feedPosition: BigInt(position.value ?? 0),
      positionTransaction: await webhooks.oldestTransaction(client),
      positionId: '',
      createdAt: now,
      updatedAt: now,
    });
    const after = { ...request, url: originOf(url) };
    await audit(client, caller, { action: 'webhook.created', targetId: id, after }, now);
    return { webhook: openUrl(sealer, webhook), secret };
  }

  /** @throws Problem 404 */
  async get(caller: Caller, id: string, prisma?: Prisma.TransactionClient): Promise<Webhook> {
    const row = await this.parts.webhooks.find(caller, id, prisma);
    if (!row) throw notFound(`Webhook ${id}`);
    return openUrl(this.parts.sealer, row);
  }

  /** The same, and nobody else changes it until the transaction ends. @throws Problem 404 */
  private async lock(transaction: Transaction, caller: Caller, id: string): Promise<Webhook> {
    const row = await this.parts.webhooks.lock(transaction, caller, id);
    if (!row) throw notFound(`Webhook ${id}`);
    return row;
  }

  /** The team's webhooks, oldest first. */
  list(caller: Caller): Rows<Webhook> {
    const { sealer, webhooks } = this.parts;
    const { read, count } = webhooks.list(caller);
    return {
      read: async (beyondId, take) =>
        (await read(beyondId, take)).map((row) => openUrl(sealer, row)),
      count,
    };
  }

  /** When enabled again, it also gets the events in between. */
  async change(caller: Caller, id: string, change: WebhookChange): Promise<Webhook> {
    const { clock, database, requireLiveKey, sealer, webhooks } = this.parts;
    await this.get(caller, id);
    if (change.url !== undefined) await this.requireAllowed(change.url);
    const { enabled, url, types, description } = change;
    const now = clock.now();
    const columnsOf = (row: Webhook) => ({
      ...(url !== undefined && { ...sealUrl(sealer, id, url), ...setBy(caller) }),
      ...(types !== undefined && { types }),
      ...(description !== undefined && { description }),
      ...(enabled === true && { disabledAt: null, disabledReason: null, failingSince: null }),
      ...(enabled === false &&
        row.disabledAt === null && { disabledAt: now, disabledReason: 'requested' }),
      updatedAt: now,
    });
    const after = { ...change, ...(url !== undefined && { url: originOf(url) }) };
    return database.transaction(async (transaction) => {
      const { prisma, client } = transaction;
      if (url !== undefined) await requireLiveKey(client, caller);
      const row = await this.lock(transaction, caller, id);
      const webhook = await webhooks.update(prisma, id, columnsOf(row));
      await audit(client, caller, { action: 'webhook.changed', targetId: id, after }, now);
      return openUrl(sealer, webhook);
    });
  }

  /**
   * Disables the webhooks whose URL keys gave that are revoked as lost.
   * @param lostId the key with which they are revoked
   * @returns how many
   */
  async disableSetBy(
    { client }: Transaction,
    caller: Caller,
    keyIds: readonly string[],
    lostId: string,
  ): Promise<number> {
    const now = this.parts.clock.now();
    const disabled = await this.parts.webhooks.disableSetBy(client, keyIds, now);
    for (const { id, teamId } of disabled) {
      const after = { reason: 'key_revoked', with: lostId };
      const entry = { action: 'webhook.disabled', targetId: id, after };
      await audit(client, { ...caller, teamId }, entry, now);
    }
    return disabled.length;
  }

  /** Deletes the webhook and its deliveries. */
  async delete(caller: Caller, id: string): Promise<void> {
    const { clock, database, webhooks } = this.parts;
    const { url } = await this.get(caller, id);
    await database.transaction(async ({ prisma, client }) => {
      await webhooks.delete(prisma, id);
      const after = { url: originOf(url) };
      await audit(client, caller, { action: 'webhook.deleted', targetId: id, after }, clock.now());
    });
  }

  /**
   * Gives the webhook a new secret; the former one signs too for a day, or until the next rotation.
   */
  async rotate(transaction: Transaction, caller: Caller, id: string): Promise<Revealed> {
    const { prisma, client } = transaction;
    const { clock, sealer, webhooks } = this.parts;
    const row = await this.lock(transaction, caller, id);
    const secret = newSecret();
    const now = clock.now();
    const webhook = await webhooks.update(prisma, id, {
      secret: sealer.seal(secret, id),
      // Sealed anew, so that no value older than the gateway's secret comes back.
      formerSecret: sealer.seal(sealer.open(row.secret, id), id),
      formerUntil: new Date(now.getTime() + ROTATION_MS),
      updatedAt: now,
    });
    await audit(client, caller, { action: 'webhook.secret_rotated', targetId: id, after: {} }, now);
    return { webhook: openUrl(sealer, webhook), secret };
  }

  /**
   * Sends a test event once and waits for the result.
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
    const attempt = await postEvent(this.parts, webhook, {
      id: event.id,
      body: JSON.stringify(event),
    });
    return ({ prisma }) => this.parts.deliveries.recordSent(prisma, id, event, attempt);
  }

  /** The deliveries of a webhook, newest first. */
  history({ id }: Webhook): Rows<WebhookDelivery> {
    return this.parts.deliveries.history(id);
  }

  /** Delivers the event of a delivery once more. */
  async replay(
    { prisma }: Transaction,
    caller: Caller,
    id: string,
    deliveryId: string,
  ): Promise<WebhookDelivery> {
    const { clock, deliveries } = this.parts;
    const webhook = await this.get(caller, id, prisma);
    const delivery = await deliveries.find(prisma, id, deliveryId);
    if (!delivery) throw notFound(`Delivery ${deliveryId}`);
    if (webhook.disabledAt)
      throw new Problem(
        'conflict',
        'The webhook is disabled. Enable it first (PATCH {"enabled": true}).',
      );
    const repeated = await deliveries.repeat(prisma, delivery, clock.now());
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

  /** Deletes a batch of old deliveries. */
  async prune(): Promise<void> {
    const { clock, deliveries } = this.parts;
    const before = (days: number) => new Date(clock.now().getTime() - days * DAY_MS);
    await deliveries.delete({ ended: before(RETENTION_DAYS), any: before(MAX_WAIT_DAYS) });
  }

  /** Seals the URLs that an earlier version left in clear. */
  async sealUrls(): Promise<void> {
    const { sealer, webhooks } = this.parts;
    const unsealed = await webhooks.findUnsealed(SEALED_AT_ONCE);
    if (unsealed.length === 0) return;
    await webhooks.sealUrls(
      unsealed.map(({ id, url }) => ({ id, url, sealedUrl: sealUrl(sealer, id, url).sealedUrl })),
    );
  }
}

/** @param client within the transaction of the change */
function audit(
  client: pg.ClientBase,
  caller: Caller,
  entry: Omit<AuditEntry, 'targetType'>,
  at: Date,
): Promise<void> {
  return recordAudit(client, actorOf(caller), [{ targetType: 'webhook', ...entry }], at);
}

function setBy({ key }: Caller) {
  return { urlSetById: key.id, urlSetByName: key.name };
}

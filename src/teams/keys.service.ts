import type pg from 'pg';
import { actorOf, recordAudit } from '../audit/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { ApiKey } from '../database/prisma-client/client.js';
import { type Caller, holdsScope, SCOPES } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import { hashOf, makeKey } from './key-format.js';
import type { KeysRepository } from './keys.repository.js';
import type { KeyRequest } from './teams.requests.js';

/**
 * Disables the webhooks whose URL one of these keys gave.
 * @param lostId the key with which they are revoked
 * @returns how many
 */
export type DisableWebhooks = (
  transaction: Transaction,
  caller: Caller,
  keyIds: readonly string[],
  lostId: string,
) => Promise<number>;

/** Keys of one team that are not revoked. */
const MAX_KEYS = 200;

/**
 * The keys of teams as their administrators manage them. Whatever a key does here, it does to keys
 * that are no stronger than itself: to one that is restricted to some providers, those that may see
 * others do not exist.
 */
export class KeysService {
  constructor(
    private readonly database: Database,
    private readonly keys: KeysRepository,
    private readonly clock: Clock,
    private readonly disableWebhooks: DisableWebhooks,
  ) {}

  /** @returns the key's row and the key itself, which is shown only in this response */
  async create(
    { prisma, client }: Transaction,
    caller: Caller,
    request: KeyRequest,
  ): Promise<{ row: ApiKey; key: string }> {
    if (request.expires_at && request.expires_at <= this.clock.now())
      throw invalidField('expires_at', 'must be in the future');
    const stronger = request.scopes.filter((scope) => !holdsScope(caller, scope));
    if (stronger.length > 0)
      throw new Problem(
        'forbidden',
        `A key cannot create a key with more rights than its own: it lacks ${stronger.join(', ')}.`,
      );
    const ownEnd = caller.key.expiresAt;
    if (ownEnd && request.expires_at && request.expires_at > ownEnd) {
      throw new Problem(
        'forbidden',
        `A key cannot create a key that outlives it: it expires at ${ownEnd.toISOString()}.`,
      );
    }
    if (request.rate_limit && !caller.key.isRoot)
      throw new Problem('forbidden', 'Only the root key may set `rate_limit`. Leave it out.');
    const rateLimit = request.rate_limit
      ? { quota: request.rate_limit.quota, windowSeconds: request.rate_limit.window_seconds }
      : caller.key.rateLimit;
    const providers = narrowed(caller.key.providers, request.providers ?? []);
    await this.requireLive(client, caller);
    if ((await this.keys.countToAdd(client, caller.teamId)) >= MAX_KEYS)
      throw new Problem(
        'conflict',
        `The team already has ${MAX_KEYS} keys. Revoke those that are no longer used.`,
      );
    const id = newId('key');
    const key = makeKey(id);
    const now = this.clock.now();
    const rights = {
      name: request.name,
      scopes: SCOPES.filter((scope) => request.scopes.includes(scope)),
      providers,
    };
    const expiresAt = request.expires_at ?? ownEnd;
    const row = await this.keys.create(prisma, {
      id,
      teamId: caller.teamId,
      ...rights,
      createdById: caller.key.id,
      createdByName: caller.key.name,
      secretHash: hashOf(key),
      expiresAt,
      rateQuota: rateLimit?.quota ?? null,
      rateWindowSeconds: rateLimit?.windowSeconds ?? null,
      createdAt: now,
    });
    const after = { ...rights, expires_at: expiresAt };
    const entry = { action: 'key.created', targetType: 'key', targetId: id, after } as const;
    await recordAudit(client, actorOf(caller), [entry], now);
    return { row, key };
  }

  /**
   * Keeps the caller's key from being revoked until the transaction ends, so that whoever revokes it
   * with what it made misses nothing.
   * @throws Problem 409 when it is revoked already
   */
  async requireLive(client: pg.ClientBase, caller: Caller): Promise<void> {
    if (!(await this.keys.lockLive(client, caller.key.id)))
      throw new Problem('conflict', 'The key was revoked in the meantime.');
  }

  /** A live key of the caller's team. @throws Problem 404 */
  async get(caller: Caller, id: string): Promise<ApiKey> {
    const row = await this.keys.find(this.database.prisma, caller, id);
    if (!row || row.revokedAt !== null) throw notFound(`Key ${id}`);
    return row;
  }

  /**
   * The live keys of the caller's team, oldest first.
   * @param createdBy only keys that this key made, which may itself be revoked
   */
  list(caller: Caller, createdBy: string | undefined): Rows<ApiKey> {
    return this.keys.list(caller, createdBy);
  }

  /**
   * Revokes a key.
   * @param withCreated also the keys that it made, those that they made, and so on, and disables the
   * webhooks whose URL any of them gave: also when the key itself is revoked already
   * @throws Problem 404 when nothing is left to revoke, or 409 when the caller's own key is among
   * them
   */
  async revoke(caller: Caller, id: string, withCreated: boolean): Promise<void> {
    const now = this.clock.now();
    await this.database.transaction(async (transaction) => {
      const { prisma, client } = transaction;
      const first = await this.keys.find(prisma, caller, id);
      if (!first || (first.isRoot && !caller.key.isRoot)) throw notFound(`Key ${id}`);
      const { all, revoked } = await this.keys.revoke(client, id, withCreated, now);
      if (revoked.some((key) => key.id === caller.key.id))
        throw new Problem(
          'conflict',
          id === caller.key.id
            ? 'A key cannot revoke itself. Use another key.'
            : 'The key of this request was created by that one, directly or through others, and a key cannot revoke itself. Use another key.',
        );
      const disabled = withCreated ? await this.disableWebhooks(transaction, caller, all, id) : 0;
      if (revoked.length + disabled === 0) throw notFound(`Key ${id}`);
      for (const key of revoked) {
        const actor = { ...actorOf(caller), teamId: key.teamId };
        const after = key.id === id ? undefined : { with: id };
        const entry = {
          action: 'key.revoked',
          targetType: 'key',
          targetId: key.id,
          after,
        } as const;
        await recordAudit(client, actor, [entry], now);
      }
    });
  }
}

/** The providers of a new key, which may be no wider than its maker's. */
function narrowed(own: readonly string[], asked: readonly string[]): string[] {
  if (own.length === 0) return normalized(asked);
  if (asked.length === 0) return [...own];
  const wider = asked.filter((provider) => !own.includes(provider));
  if (wider.length > 0)
    throw new Problem(
      'forbidden',
      `A key cannot create a key with more rights than its own: it may not see ${wider.join(', ')}.`,
    );
  return normalized(asked);
}

/** Each provider once, in one order, so that equal restrictions are equal. */
function normalized(providers: readonly string[]): string[] {
  return [...new Set(providers)].sort();
}

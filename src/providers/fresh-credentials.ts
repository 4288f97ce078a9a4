import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.js';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import { authPartsOf, type ProviderConnection } from './connection.js';
import type { CredentialKeeper, RefreshedCredentials } from './credential-keeper.js';

const MAX_CONNECTIONS = 10_000;
/** After a refresh that failed, while the access token still works. */
const RETRY_MS = 30_000;

type Ask = (held: ProviderConnection) => Promise<RefreshedCredentials>;

/**
 * Credentials that expire, as they are now: refreshed before they end, once for all who ask. What
 * callers hold may be older.
 */
export class FreshCredentials {
  /** What came after credentials that were refreshed, in this process. */
  private readonly successors = new LRUCache<string, ProviderConnection>({ max: MAX_CONNECTIONS });
  private readonly underWay = new Map<string, Promise<ProviderConnection>>();
  /** Until when a refresh that failed is not tried again, in milliseconds since 1970. */
  private readonly pauses = new LRUCache<string, number>({ max: MAX_CONNECTIONS });

  constructor(
    private readonly keeper: CredentialKeeper,
    private readonly clock: Clock,
  ) {}

  /**
   * The connection with an access token that works as far as is known.
   * @throws ProviderError when it has none and gets none
   */
  async current(
    adapter: AnyAdapter,
    connection: ProviderConnection,
    ask: Ask,
  ): Promise<ProviderConnection> {
    const newest = this.newest(connection);
    const now = this.clock.now().getTime();
    const { tokenExpiresAt, tokenRefreshAt } = newest;
    const isThere = hasToken(adapter, newest);
    if (isThere && (tokenRefreshAt == null || now < tokenRefreshAt.getTime())) return newest;
    const works = isThere && tokenExpiresAt != null && now < tokenExpiresAt.getTime();
    if (works && now < (this.pauses.get(keyOf(newest)) ?? 0)) return newest;
    try {
      return await this.refresh(newest, ask);
    } catch (error) {
      // A refresh is early: while the access token works its failure is nobody's.
      if (!works || !(error instanceof ProviderError)) throw error;
      this.pauses.set(keyOf(newest), now + RETRY_MS);
      return newest;
    }
  }

  /**
   * The connection with another access token than the one that was rejected.
   * @throws ProviderError when it gets none
   */
  replaced(rejected: ProviderConnection, ask: Ask): Promise<ProviderConnection> {
    const newest = this.newest(rejected);
    return newest === rejected ? this.refresh(rejected, ask) : Promise.resolve(newest);
  }

  private newest(connection: ProviderConnection): ProviderConnection {
    let newest = connection;
    for (
      let next = this.successors.get(keyOf(newest));
      next !== undefined;
      next = this.successors.get(keyOf(newest))
    )
      newest = next;
    return newest === connection ? connection : { ...connection, ...tokensOf(newest) };
  }

  private refresh(connection: ProviderConnection, ask: Ask): Promise<ProviderConnection> {
    const key = keyOf(connection);
    const known = this.underWay.get(key);
    if (known !== undefined) return known;
    const refreshing = this.keeper
      .refresh(connection, ask)
      .then((refreshed) => {
        if (keyOf(refreshed) !== key) this.successors.set(key, refreshed);
        return refreshed;
      })
      .finally(() => this.underWay.delete(key));
    this.underWay.set(key, refreshing);
    return refreshing;
  }
}

function tokensOf({ credentials, tokenExpiresAt, tokenRefreshAt }: ProviderConnection) {
  return {
    credentials,
    ...(tokenExpiresAt !== undefined && { tokenExpiresAt }),
    ...(tokenRefreshAt !== undefined && { tokenRefreshAt }),
  };
}

/** Whether every credential that proves who asks is there. */
export function hasToken(adapter: AnyAdapter, { credentials }: ProviderConnection): boolean {
  return authPartsOf(adapter).every(
    (part) => part.scheme !== 'bearer' || credentials[part.credential ?? 'api_key'] !== undefined,
  );
}

function keyOf({ id, credentials }: ProviderConnection): string {
  const own = Object.entries(credentials).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([id, own]))
    .digest('base64url');
}

import type { ObservedAccount, ProviderGivenStatus, Verdict } from '../../src/model/index.js';
import { HEALTHY, handle, NO_METRICS, profileUrl, utc } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';
import { pairSchema } from './schema.js';

/** `platform/accountId`, byte for byte. */
export function accountId(pair: { readonly platform: string; readonly accountId: string }): string {
  return `${pair.platform}/${pair.accountId}`;
}

/** The two halves of an account's id. A network's name holds no `/`; a network's id may. */
export function splitAccountId(id: string): readonly [platform: string, accountId: string] {
  const [platform = '', ...accountId] = id.split('/');
  return [platform, accountId.join('/')];
}

/** Joins a health item to its list item: their account's id. */
export function joinKey(item: unknown): string | undefined {
  const pair = pairSchema.safeParse(item);
  return pair.success ? accountId(pair.data) : undefined;
}

/**
 * The provider tells of a token's end in prose alone, such as "Token expires in 3 days." The text
 * is kept; no date is made of it.
 */
const TELLS_OF_EXPIRY = /\btoken\b.*\bexpir/i;

/**
 * Health words are an open set: any but `healthy` is a warning while the token works. No health
 * item: nothing is known.
 */
function mapState({ tokenValid, health, recommendations }: AccountWire): {
  readonly status: ProviderGivenStatus;
  readonly verdict: Verdict;
} {
  if (tokenValid === false) {
    return {
      status: 'reconnect_required',
      verdict: { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
    };
  }
  if (recommendations?.some((text) => TELLS_OF_EXPIRY.test(text))) {
    return {
      status: 'active',
      verdict: { status: 'warning', reason: 'token_expiring', fault: 'account' },
    };
  }
  if (!health)
    return { status: 'active', verdict: { status: 'unknown', reason: null, fault: null } };
  if (health === 'healthy') return { status: 'active', verdict: HEALTHY };
  return {
    status: 'active',
    verdict: { status: 'warning', reason: 'provider_warning', fault: 'account' },
  };
}

export function mapAccount(wire: AccountWire): ObservedAccount {
  const platform = wire.platform.toLowerCase();
  const username = handle(wire.username);
  return {
    providerAccountId: accountId(wire),
    platform,
    platformUserId: wire.accountId,
    username,
    // Facebook pages carry their title where others carry a handle.
    displayName: username === null ? wire.username?.trim() || null : null,
    avatarUrl: null,
    profileUrl: profileUrl(platform, username),
    isVerified: null,
    ...mapState(wire),
    providerStatus: wire.health || null,
    tokenValid: wire.tokenValid ?? null,
    permissions: wire.permissions ?? null,
    // Told only in the prose of `recommendations`, which is no data.
    tokenExpiresAt: null,
    advice: wire.recommendations ?? [],
    metrics: NO_METRICS,
    settings: null,
    connectedAt: utc(wire.connectedAt),
    lastUsedAt: null,
    providerUpdatedAt: null,
  };
}

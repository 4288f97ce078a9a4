import type { ObservedAccount, UnreadableFields } from '../../src/model/index.js';
import {
  HEALTHY,
  handle,
  NO_METRICS,
  NOT_TOLD,
  namesExpiry,
  profileUrl,
  UNREADABLE,
} from '../../src/model/index.js';
import type { AccountWire } from './schema.js';
import { pairSchema } from './schema.js';

/** `platform/accountId`, byte for byte. */
export function accountId(pair: { readonly platform: string; readonly accountId: string }): string {
  return `${pair.platform}/${pair.accountId}`;
}

/** The id of the account that an item shows; `undefined` when it shows none. */
export function accountIdIn(item: unknown): string | undefined {
  const pair = pairSchema.safeParse(item);
  return pair.success ? accountId(pair.data) : undefined;
}

/** The two halves of an account's id. A network's name holds no `/`; a network's id may. */
export function splitAccountId(id: string): readonly [platform: string, accountId: string] {
  const [platform = '', ...accountId] = id.split('/');
  return [platform, accountId.join('/')];
}

/** Joins a health item to its list item: their account's id, however the network is spelled. */
export function joinKey(item: unknown): string | undefined {
  const pair = pairSchema.safeParse(item);
  if (!pair.success) return undefined;
  return accountId({ ...pair.data, platform: pair.data.platform.toLowerCase() });
}

/**
 * Health words are an open set: any but `healthy` is a warning while the token works; where the
 * token is not told of, a word that the documentation does not have says nothing. A field that
 * cannot be read leaves open what comes after it. The provider mentions a token's end only in
 * prose, such as "Token expires in 3 days.": that explains a warning and makes none.
 */
function mapState(
  { tokenValid, health, permissions, recommendations }: AccountWire,
  unreadable: UnreadableFields,
): Pick<ObservedAccount, 'status' | 'verdict'> {
  if (tokenValid === false) {
    return {
      status: 'reconnect_required',
      verdict: { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
    };
  }
  const isSilent = [tokenValid, health, permissions, recommendations].every(
    (value) => value === null,
  );
  if (isSilent && !HEALTH_FIELDS.some((name) => unreadable.has(name)))
    return { status: null, verdict: NOT_TOLD };
  if (health === null || unreadable.has('tokenValid')) return { status: null, verdict: UNREADABLE };
  const word = health.toLowerCase();
  if (word === 'healthy') return { status: 'active', verdict: HEALTHY };
  if (tokenValid === null && word !== 'warning') return { status: null, verdict: UNREADABLE };
  const reason = recommendations?.some(namesExpiry) ? 'token_expiring' : 'provider_warning';
  return { status: 'active', verdict: { status: 'warning', reason, fault: 'account' } };
}

const HEALTH_FIELDS = ['tokenValid', 'health', 'permissions', 'recommendations'];

export function mapAccount(
  wire: AccountWire,
  _observedAt: Date,
  unreadable: UnreadableFields,
): ObservedAccount {
  const platform = wire.platform.toLowerCase();
  const username = handle(wire.username);
  return {
    providerAccountId: accountId(wire),
    platform,
    platformUserId: wire.accountId,
    username,
    // Facebook pages carry their title where others carry a handle.
    displayName: username === null ? wire.username : null,
    profileUrl: profileUrl(platform, username),
    ...mapState(wire, unreadable),
    providerStatus: wire.health,
    tokenValid: wire.tokenValid,
    permissions: wire.permissions,
    // Only the prose of `recommendations` mentions it, which is not data.
    advice: wire.recommendations ?? [],
    metrics: NO_METRICS,
    connectedAt: wire.connectedAt,
  };
}

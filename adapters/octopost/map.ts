import type { ObservedAccount, ProviderGivenStatus, Verdict } from '../../src/model/index.js';
import { HEALTHY, handle, NO_METRICS, profileUrl, utc } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

/** `is_active` tells of the token (expired or revoked when false), not of a pause. */
function mapState({ is_active }: AccountWire): {
  readonly status: ProviderGivenStatus;
  readonly verdict: Verdict;
} {
  return is_active
    ? { status: 'active', verdict: HEALTHY }
    : {
        status: 'reconnect_required',
        verdict: { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
      };
}

export function mapAccount(wire: AccountWire): ObservedAccount {
  const username = handle(wire.username);
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    platformUserId: wire.platform_user_id || null,
    username,
    // The docs type it as never null but it may be empty; the username stands in for it.
    displayName: wire.display_name || wire.username || null,
    avatarUrl: wire.avatar_url || null,
    profileUrl: profileUrl(wire.platform, username),
    isVerified: null,
    ...mapState(wire),
    providerStatus: null,
    tokenValid: wire.is_active,
    permissions: null,
    tokenExpiresAt: null,
    advice: [],
    metrics: NO_METRICS,
    settings: null,
    connectedAt: utc(wire.connected_at),
    lastUsedAt: utc(wire.last_used_at),
    providerUpdatedAt: null,
  };
}

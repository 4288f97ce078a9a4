import type { ObservedAccount } from '../../src/model/index.js';
import { HEALTHY, handle, NO_METRICS, profileUrl, UNREADABLE } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

/** `is_active` is about the token (expired or revoked when false), not about a pause. */
function mapState({ is_active }: AccountWire): Pick<ObservedAccount, 'status' | 'verdict'> {
  // It is documented for every account: one without it is answered badly.
  if (is_active === null) return { status: null, verdict: UNREADABLE };
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
    platformUserId: wire.platform_user_id,
    username,
    // The docs type it as never null but it may be empty; the username stands in for it.
    displayName: wire.display_name ?? wire.username,
    avatarUrl: wire.avatar_url,
    profileUrl: profileUrl(wire.platform, username),
    ...mapState(wire),
    tokenValid: wire.is_active,
    advice: [],
    metrics: NO_METRICS,
    connectedAt: wire.connected_at,
    lastUsedAt: wire.last_used_at,
  };
}

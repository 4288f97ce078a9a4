import { handle, type MappedAccount, STATES, type State } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

/** `is_active` is about the token (expired or revoked when false), not about a pause. */
function mapState({ is_active }: AccountWire): State {
  // It is documented for every account: one without it is answered badly.
  if (is_active === null) return STATES.answer_unreadable;
  return is_active ? STATES.healthy : STATES.token_invalid;
}

export function mapAccount(wire: AccountWire): MappedAccount {
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    platformUserId: wire.platform_user_id,
    username: handle(wire.username),
    // The docs type it as never null but it may be empty; the username stands in for it.
    displayName: wire.display_name ?? wire.username,
    avatarUrl: wire.avatar_url,
    ...mapState(wire),
    tokenValid: wire.is_active,
    connectedAt: wire.connected_at,
    lastUsedAt: wire.last_used_at,
  };
}

import type { Identity } from '../http/caller.js';
import type { KeyRow } from './keys.repository.js';

/** Whether a key is neither revoked nor expired. */
export function isLive({ revoked_at, expires_at }: KeyRow, now: Date): boolean {
  return revoked_at === null && (expires_at === null || expires_at > now);
}

/** Who a key is, in its own team. */
export function identityOf(row: KeyRow): Identity {
  return {
    teamId: row.team_id,
    teamName: row.team_name,
    teamVersion: row.team_version,
    key: {
      id: row.id,
      name: row.name,
      scopes: row.scopes,
      isRoot: row.is_root,
      expiresAt: row.expires_at,
      providers: row.providers,
      rateLimit:
        row.rate_quota === null || row.rate_window_seconds === null
          ? null
          : { quota: row.rate_quota, windowSeconds: row.rate_window_seconds },
    },
  };
}

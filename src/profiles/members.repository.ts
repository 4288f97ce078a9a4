import type pg from 'pg';
import { FROM_ACCOUNTS, HEALTH_LOOKED_AT, LOOKED_AT } from '../accounts/index.js';
import { ACCOUNT_COLUMNS, DEFAULT_ROLE } from '../model/index.js';
import type { Registry } from '../providers/index.js';
import type { MemberFacts } from './member-facts.js';

const COUNTS = ACCOUNT_COLUMNS.flatMap(({ column, type }) => (type === 'bigint' ? [column] : []));

/** Counts are at most 2^53, so a float carries them exactly. */
const FACTS = `a.id, a.profile_id AS "profileId", a.provider,
  a.provider_account_id AS "providerAccountId", a.platform, a.platform_user_id, a.username,
  a.display_name, a.avatar_url, a.profile_url, a.is_verified, a.status,
  a.health_status AS "healthStatus", a.health_reason AS "healthReason",
  a.health_fault AS "healthFault", a.health_since AS "healthSince",
  ${HEALTH_LOOKED_AT} AS "healthCheckedAt", a.labels,
  ${COUNTS.map((name) => `a.${name}::float8 AS ${name}`).join(', ')},
  a.engagement_rate, a.growth_rate_30d, a.metrics_as_of AS "metricsAsOf",
  ${LOOKED_AT} AS "observedAt", c.sweep_interval_seconds AS "intervalSeconds",
  a.created_at AS "createdAt", a.updated_at AS "updatedAt"`;

/** Reads what the live accounts of profiles say. */
export class MembersRepository {
  constructor(private readonly registry: Registry) {}

  /**
   * The live members of each profile, oldest first. A profile without any is not in the map.
   * @param visibleProviders the only providers whose accounts are told; empty: all
   */
  async membersOf(
    client: pg.ClientBase | pg.Pool,
    profileIds: readonly string[],
    visibleProviders: readonly string[] = [],
  ): Promise<Map<string, MemberFacts[]>> {
    if (profileIds.length === 0) return new Map();
    const { rows } = await client.query<Omit<MemberFacts, 'role'>>({
      name: 'profile-members',
      text: `SELECT ${FACTS} FROM ${FROM_ACCOUNTS}
        WHERE a.profile_id = ANY($1) AND a.status <> 'disconnected'
          AND (cardinality($2::text[]) = 0 OR a.provider = ANY($2)) ORDER BY a.id`,
      values: [profileIds, visibleProviders],
    });
    const byProfile = new Map<string, MemberFacts[]>();
    for (const row of rows) {
      const member = { ...row, role: this.roleOf(row.provider) };
      const others = byProfile.get(row.profileId);
      if (others) others.push(member);
      else byProfile.set(row.profileId, [member]);
    }
    return byProfile;
  }

  /** A provider whose adapter is gone publishes nothing any more, and yet its accounts are held. */
  roleOf(provider: string) {
    return this.registry.get(provider)?.role ?? DEFAULT_ROLE;
  }
}

import type pg from 'pg';
import { FROM_ACCOUNTS, HEALTH_LOOKED_AT, LOOKED_AT } from '../accounts/index.js';
import { ACCOUNT_COLUMNS, DEFAULT_ROLE } from '../model/index.js';
import type { Registry } from '../providers/index.js';
import type { MemberFacts, SummedFacts } from './member-facts.js';

const COUNTS = ACCOUNT_COLUMNS.flatMap(({ column, type }) => (type === 'bigint' ? [column] : []));

/** Counts are at most 2^53, so a float carries them exactly. */
const countOf = (name: string | null) => `a.${name}::float8 AS ${name}`;
const SUMMED_UP = `a.id, a.profile_id AS "profileId", a.provider, a.platform, a.platform_user_id,
  a.username, a.display_name, ${countOf('followers')}, a.health_status AS "healthStatus",
  a.health_reason AS "healthReason", a.health_fault AS "healthFault",
  a.health_since AS "healthSince", ${HEALTH_LOOKED_AT} AS "healthCheckedAt",
  a.metrics_as_of AS "metricsAsOf", ${LOOKED_AT} AS "observedAt",
  c.sweep_interval_seconds AS "intervalSeconds", a.created_at AS "createdAt",
  a.updated_at AS "updatedAt"`;
const FACTS = `${SUMMED_UP}, a.provider_account_id AS "providerAccountId", a.avatar_url,
  a.profile_url, a.is_verified, a.status, a.labels,
  ${COUNTS.filter((name) => name !== 'followers')
    .map(countOf)
    .join(', ')}, a.engagement_rate, a.growth_rate_30d`;

interface MembersQuestion {
  /** Of the statement. */
  readonly name: string;
  /** The columns that are read. */
  readonly facts: string;
  readonly profileIds: readonly string[];
  readonly visibleProviders: readonly string[];
}

/** Reads what the live accounts of profiles say. */
export class MembersRepository {
  constructor(private readonly registry: Registry) {}

  /**
   * The live members of each profile, oldest first. A profile without any is not in the map.
   * @param visibleProviders the only providers whose accounts are told; empty: all
   */
  membersOf(
    client: pg.ClientBase | pg.Pool,
    profileIds: readonly string[],
    visibleProviders: readonly string[] = [],
  ): Promise<Map<string, MemberFacts[]>> {
    const question = { name: 'profile-members', facts: FACTS, profileIds, visibleProviders };
    return this.read<MemberFacts>(client, question);
  }

  /** The same of all providers, as far as `sumUp` needs it: an import asks it of each profile. */
  summedUp(
    client: pg.ClientBase,
    profileIds: readonly string[],
  ): Promise<Map<string, SummedFacts[]>> {
    const name = 'profile-members-summed-up';
    const question = { name, facts: SUMMED_UP, profileIds, visibleProviders: [] };
    return this.read<SummedFacts>(client, question);
  }

  private async read<Facts extends SummedFacts>(
    client: pg.ClientBase | pg.Pool,
    { name, facts, profileIds, visibleProviders }: MembersQuestion,
  ): Promise<Map<string, Facts[]>> {
    if (profileIds.length === 0) return new Map();
    const { rows } = await client.query<Facts>({
      name,
      text: `SELECT ${facts} FROM ${FROM_ACCOUNTS}
        WHERE a.profile_id = ANY($1) AND a.status <> 'disconnected'
          AND (cardinality($2::text[]) = 0 OR a.provider = ANY($2)) ORDER BY a.id`,
      values: [profileIds, visibleProviders],
    });
    const byProfile = new Map<string, Facts[]>();
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

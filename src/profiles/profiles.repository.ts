import type pg from 'pg';
import type { Database } from '../database/index.js';
import { Parameters } from '../database/sql.js';
import type { Caller } from '../http/caller.js';
import { type OrderDirection, readByKeyset, type Stretch } from '../http/keyset.js';
import type { PageRequest } from '../http/page.js';
import { findConstraints, type HeldConstraint, hasConstraints } from './neighbours.repository.js';
import type { AccountName } from './partition.js';
import {
  PROFILE_ORDER,
  type ProfileFilter,
  type ProfileOrderKey,
  profileConditions,
  profilePageCondition,
  profilesSeenBy,
  seenChange,
} from './profile-filter.js';

/** What a page is of: whose profiles, which, in what order, and from where on. */
export interface ProfileQuestion {
  readonly caller: Caller;
  readonly filter: ProfileFilter;
  readonly order: ProfileOrderKey;
  readonly direction: OrderDirection;
  readonly page: PageRequest;
}

/** What the table holds of a profile that its members do not tell. */
export interface ProfileSummary {
  readonly id: string;
  readonly match: string;
  readonly candidates: readonly string[];
  /** Its last change that the caller may know of. */
  readonly updatedAt: Date;
}

/** A profile that is no more. */
export interface ProfileRedirect {
  readonly id: string;
  readonly mergedInto: string;
  readonly mergedAt: Date;
}

/** An account that is gone and yet lends its profile its id. */
export interface FormerMember extends AccountName {
  readonly id: string;
  readonly profileId: string;
  readonly platform: string;
  readonly platformUserId: string | null;
}

/** Of one profile, those that a page needs. */
const MAX_FORMER_MEMBERS = 100;

/** Reads profiles; always within one team. */
export class ProfilesRepository {
  constructor(private readonly database: Database) {}

  /** A page of profiles, with the position of each. */
  page(question: ProfileQuestion, now: Date) {
    const { order, direction, page } = question;
    const keyset = { ...PROFILE_ORDER[order], idColumn: 'p.id', direction };
    return readByKeyset(keyset, page, (stretch) => this.readStretch(stretch, question, now));
  }

  private async readStretch(stretch: Stretch, question: ProfileQuestion, now: Date) {
    const { caller, filter, order } = question;
    const parameters = new Parameters();
    const source = profilesSeenBy(caller, filter, parameters);
    const limit = parameters.add(stretch.limit);
    const where = profilePageCondition({
      ...{ caller, filter, source, now, parameters, limit },
      stretch: stretch.conditions(parameters),
      sort: stretch.sort,
    });
    const { rows } = await this.database.pool.query<ProfileSummary & { value: string | null }>(
      `SELECT p.id, p.match, p.candidates, p.updated_at AS "updatedAt",
         ${PROFILE_ORDER[order].column}::text AS value FROM ${source.from}
       WHERE ${where} ORDER BY ${stretch.sort} LIMIT ${limit}`,
      parameters.values,
    );
    return rows.map(({ value, ...profile }) => ({
      profile,
      position: { value, id: profile.id },
    }));
  }

  async count(caller: Caller, filter: ProfileFilter, now: Date): Promise<number> {
    const parameters = new Parameters();
    const source = profilesSeenBy(caller, filter, parameters);
    const where = profileConditions(caller, filter, source, now, parameters);
    const { rows } = await this.database.pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM ${source.from} WHERE ${where}`,
      parameters.values,
    );
    return rows[0]?.count ?? 0;
  }

  /** The profile with this id, unless all its accounts are hidden from the caller. */
  async find(
    { teamId, key }: Caller,
    id: string,
    client: pg.ClientBase | pg.Pool,
  ): Promise<ProfileSummary | undefined> {
    const { rows } = await client.query<ProfileSummary>({
      name: 'find-profile',
      text: `SELECT p.id, p.match, p.candidates, CASE WHEN cardinality($3::text[]) = 0
          THEN p.updated_at ELSE ${seenChange('p.id', '$3')} END AS "updatedAt"
        FROM profiles p
        WHERE p.id = $1 AND p.team_id = $2 AND ${hasSeen('p.id', '$3')}`,
      values: [id, teamId, key.providers],
    });
    return rows[0];
  }

  /** Where a former id leads, unless all that it leads to is hidden from the caller. */
  async findRedirect(
    { teamId, key }: Caller,
    id: string,
    client: pg.ClientBase | pg.Pool,
  ): Promise<ProfileRedirect | undefined> {
    const { rows } = await client.query<ProfileRedirect>({
      name: 'find-profile-redirect',
      text: `SELECT r.id, r.merged_into AS "mergedInto", r.merged_at AS "mergedAt"
        FROM profile_redirects r
        WHERE r.id = $1 AND r.team_id = $2 AND ${hasSeen('r.merged_into', '$3')}`,
      values: [id, teamId, key.providers],
    });
    return rows[0];
  }

  /** Former ids that came to lead elsewhere at or after a time, oldest first. */
  async redirectsSince({ teamId, key }: Caller, since: Date | undefined, limit: number) {
    const { rows } = await this.database.pool.query<ProfileRedirect>(
      `SELECT r.id, r.merged_into AS "mergedInto", r.merged_at AS "mergedAt"
       FROM profile_redirects r
       WHERE r.team_id = $1 AND r.merged_at >= $2 AND ${hasSeen('r.merged_into', '$3')}
       ORDER BY r.merged_at, r.id LIMIT $4`,
      [teamId, since ?? new Date(0), key.providers, limit],
    );
    return rows;
  }

  /** The latest accounts of these profiles that are disconnected. */
  async formerMembersOf(
    profileIds: readonly string[],
    visibleProviders: readonly string[],
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<FormerMember[]> {
    if (profileIds.length === 0) return [];
    const { rows } = await client.query<FormerMember>({
      name: 'former-profile-members',
      text: `SELECT a.* FROM unnest($1::text[]) AS p(id) CROSS JOIN LATERAL (
          SELECT a.id, a.profile_id AS "profileId", a.provider,
            a.provider_account_id AS "providerAccountId", a.platform,
            a.platform_user_id AS "platformUserId"
          FROM accounts a WHERE a.profile_id = p.id AND a.status = 'disconnected'
            AND (cardinality($2::text[]) = 0 OR a.provider = ANY($2))
          ORDER BY a.id DESC LIMIT ${MAX_FORMER_MEMBERS}) AS a`,
      values: [profileIds, visibleProviders],
    });
    return rows;
  }

  /** People's choices about these accounts, newest first. */
  async constraintsOf(
    teamId: string,
    names: readonly AccountName[],
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<HeldConstraint[]> {
    if (names.length === 0 || !(await hasConstraints(client, teamId))) return [];
    const found = await findConstraints(client, teamId, names);
    return found.sort((one, other) => (one.number > other.number ? -1 : 1));
  }
}

/** Whether a profile has a live account that the caller sees. @param providers none: all */
const hasSeen = (profileId: string, providers: string) =>
  `EXISTS (SELECT FROM accounts a WHERE a.profile_id = ${profileId} AND a.status <> 'disconnected'
     AND (cardinality(${providers}::text[]) = 0 OR a.provider = ANY(${providers})))`;

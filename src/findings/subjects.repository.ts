import type pg from 'pg';
import { FROM_ACCOUNTS, LOOKED_AT } from '../accounts/index.js';
import {
  type MembersRepository,
  STALE_AFTER_INTERVALS,
  type StaleLinks,
} from '../profiles/index.js';
import {
  mayHaveFindings,
  type ProfileFacts,
  REASSIGNED_FOR_DAYS,
  type RelatedProfile,
} from './finding-kinds.js';

interface ProfileRow {
  readonly id: string;
  readonly platform: string;
  readonly match: string;
  readonly accountCount: number;
  readonly providers: readonly string[];
  readonly candidates: readonly string[];
}

interface SplitRow {
  readonly profileId: string;
  readonly accountId: string;
  readonly from: string;
  readonly at: Date;
}

/** Reads what findings about profiles rest on. */
export class SubjectsRepository {
  constructor(
    private readonly members: MembersRepository,
    private readonly links: StaleLinks,
  ) {}

  /**
   * Those of these profiles about which there may be something to find.
   * @param expected the platforms on which a profile that one provider holds is a finding
   */
  async read(
    client: pg.ClientBase,
    teamId: string,
    ids: readonly string[],
    expected: readonly string[],
    now: Date,
  ): Promise<ProfileFacts[]> {
    const profiles = await findProfiles(client, teamId, ids);
    const splits = groupBy(await findSplits(client, ids, now), ({ profileId }) => profileId);
    const isExpected = new Set(expected);
    const weak = profiles.filter(({ match }) => match === 'weak' || match === 'mixed');
    const old = await findOld(client, weak.map(idOf), now);
    const interesting = profiles.filter(({ id, platform, accountCount, providers, candidates }) =>
      mayHaveFindings({
        roles: providers.map((provider) => this.members.roleOf(provider)),
        accountCount,
        hasCandidates: candidates.length > 0,
        isReassigned: splits.has(id),
        mayBeStale: old.has(id),
        isExpectedElsewhere: isExpected.has(platform),
      }),
    );
    const related = await findRelated(client, teamId, [
      ...interesting.flatMap(({ candidates }) => candidates),
      ...[...splits.values()].flat().map(({ from }) => from),
    ]);
    const membersOf = await this.members.membersOf(client, interesting.map(idOf));
    const staleLinks = await this.links.find(client, teamId, membersOf, now);
    const relatedOf = (id: string): RelatedProfile =>
      related.get(id) ?? { id, oldestId: id, providers: [] };
    return interesting.flatMap(({ id, platform, candidates }) => {
      const members = membersOf.get(id);
      if (members === undefined) return [];
      const reassigned = (splits.get(id) ?? []).map(({ accountId, from, at }) => ({
        accountId,
        from: relatedOf(from),
        at,
      }));
      return [
        {
          id,
          platform,
          members,
          candidates: candidates.map(relatedOf),
          reassigned,
          staleLinks: staleLinks.get(id) ?? [],
          isExpectedElsewhere: isExpected.has(platform),
        },
      ];
    });
  }
}

async function findProfiles(
  client: pg.ClientBase,
  teamId: string,
  ids: readonly string[],
): Promise<ProfileRow[]> {
  const { rows } = await client.query<ProfileRow>({
    name: 'profiles-for-findings',
    text: `SELECT id, platform, match, account_count AS "accountCount", providers, candidates
      FROM profiles WHERE team_id = $1 AND id = ANY($2)`,
    values: [teamId, ids],
  });
  return rows;
}

/** Those of these profiles that have an account which was not looked at for too long. */
async function findOld(
  client: pg.ClientBase,
  ids: readonly string[],
  now: Date,
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await client.query<{ id: string }>({
    name: 'profiles-with-old-accounts',
    text: `SELECT DISTINCT a.profile_id AS id FROM ${FROM_ACCOUNTS}
      WHERE a.profile_id = ANY($1) AND a.status <> 'disconnected' AND ${LOOKED_AT}
        < $2::timestamptz - c.sweep_interval_seconds * interval '${STALE_AFTER_INTERVALS} seconds'`,
    values: [ids, now],
  });
  return new Set(rows.map(idOf));
}

/**
 * How accounts came into these profiles because a handle passed on; of each the last time, unless a
 * person has decided on it since.
 */
async function findSplits(
  client: pg.ClientBase,
  ids: readonly string[],
  now: Date,
): Promise<SplitRow[]> {
  const { rows } = await client.query<SplitRow>({
    name: 'reassigned-handles',
    text: `SELECT DISTINCT ON (h.account_id) h.profile_id AS "profileId",
        h.account_id AS "accountId", h.evidence -> 0 ->> 'from' AS from, h.at
      FROM profile_history h
      WHERE h.profile_id = ANY($1) AND h.action = 'split' AND h.rule = 'handle_reassigned'
        AND h.evidence -> 0 ->> 'to' = h.profile_id
        AND h.at > $2::timestamptz - interval '${REASSIGNED_FOR_DAYS} days'
        AND NOT EXISTS (SELECT FROM profile_history m WHERE m.profile_id = h.profile_id
          AND m.account_id = h.account_id AND m.number > h.number AND m.rule = 'manual')
      ORDER BY h.account_id, h.number DESC`,
    values: [ids, now],
  });
  return rows;
}

/** Who holds each of these profiles, and by which ids they were known. */
async function findRelated(
  client: pg.ClientBase,
  teamId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RelatedProfile>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<RelatedProfile>({
    name: 'profiles-related-to-findings',
    text: `SELECT p.id, p.providers, LEAST(p.id,
        (SELECT min(r.id) FROM profile_redirects r WHERE r.merged_into = p.id)) AS "oldestId"
      FROM profiles p WHERE p.team_id = $1 AND p.id = ANY($2)`,
    values: [teamId, ids],
  });
  return new Map(rows.map((profile) => [profile.id, profile]));
}

const idOf = ({ id }: { readonly id: string }) => id;

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string) {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

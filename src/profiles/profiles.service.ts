import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { Caller } from '../http/caller.js';
import { type List, listById, type PageRow, writtenRow } from '../http/page.js';
import { notFound } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { isStorable } from '../lib/text.js';
import type { ProfileHistoryRepository } from './history.repository.js';
import type { MembersRepository } from './members.repository.js';
import { type IdScopeOf, membershipsOf } from './membership.js';
import { mergeProfile } from './merge.js';
import type { ProfileGroup } from './partition.js';
import { profileDocument } from './profile-document.js';
import type { ProfileFilter } from './profile-filter.js';
import type {
  ProfileQuestion,
  ProfileRedirect,
  ProfileSummary,
  ProfilesRepository,
} from './profiles.repository.js';

/** Former ids that one answer tells. */
export const MAX_TOLD_REDIRECTS = 1_000;

interface ProfilesServiceParts {
  readonly database: Database;
  readonly profiles: ProfilesRepository;
  readonly members: MembersRepository;
  readonly history: ProfileHistoryRepository;
  readonly idScopeOf: IdScopeOf;
  readonly clock: Clock;
}

type ProfileDocument = ReturnType<typeof profileDocument>;

/**
 * Reads profiles. Filters and order come from the table; all that is shown is made of the members
 * that the caller sees, when it is read.
 */
export class ProfilesService {
  constructor(private readonly parts: ProfilesServiceParts) {}

  /** Reads on where a profile has lost its last account meanwhile, so that the page is full. */
  async page(question: ProfileQuestion): Promise<PageRow[]> {
    const { profiles, clock } = this.parts;
    const found: PageRow[] = [];
    let { after } = question.page;
    for (let isMore = true; isMore; ) {
      const limit = question.page.limit - found.length;
      const rows = await profiles.page({ ...question, page: { after, limit } }, clock.now());
      const shown = await this.show(
        question.caller,
        rows.map(({ profile }) => profile),
      );
      for (const { profile, position } of rows) {
        const document = shown.get(profile.id);
        if (document !== undefined) found.push(writtenRow(document, position));
      }
      after = rows.at(-1)?.position;
      isMore = rows.length === limit && found.length < question.page.limit;
    }
    return found;
  }

  count(caller: Caller, filter: ProfileFilter): Promise<number> {
    return this.parts.profiles.count(caller, filter, this.parts.clock.now());
  }

  /** Profiles that were merged into others at or after a time, oldest first. */
  redirectsSince(caller: Caller, since: Date | undefined): Promise<ProfileRedirect[]> {
    return this.parts.profiles.redirectsSince(caller, since, MAX_TOLD_REDIRECTS);
  }

  /**
   * The profile with this id, or where a former id leads.
   * @param client within a transaction, to see what it wrote
   * @throws Problem 404
   */
  async find(
    caller: Caller,
    id: string,
    client: pg.ClientBase | pg.Pool = this.parts.database.pool,
  ): Promise<ProfileDocument | ProfileRedirect> {
    const found = await this.resolve(caller, id, client);
    if ('mergedInto' in found) return found;
    const profile = (await this.show(caller, [found], client)).get(id);
    if (profile === undefined) throw notFound(`Profile ${id}`);
    return profile;
  }

  /**
   * The changes of a profile and of all that were merged into it, or where a former id leads.
   * @throws Problem 404
   */
  async historyOf(caller: Caller, id: string): Promise<List | ProfileRedirect> {
    const { history } = this.parts;
    const found = await this.resolve(caller, id, this.parts.database.pool);
    if ('mergedInto' in found) return found;
    return listById(
      {
        read: (beyondId, take) => history.page(caller, id, beyondId, take),
        count: () => history.count(caller, id),
      },
      (change) => change,
    );
  }

  private async resolve(
    caller: Caller,
    id: string,
    client: pg.ClientBase | pg.Pool,
  ): Promise<ProfileSummary | ProfileRedirect> {
    const { profiles } = this.parts;
    const found = isStorable(id)
      ? ((await profiles.find(caller, id, client)) ??
        (await profiles.findRedirect(caller, id, client)))
      : undefined;
    if (found === undefined) throw notFound(`Profile ${id}`);
    return found;
  }

  /** Profiles as the caller sees them; one without an account that it sees is not there. */
  private async show(
    caller: Caller,
    rows: readonly ProfileSummary[],
    client: pg.ClientBase | pg.Pool = this.parts.database.pool,
  ): Promise<ReadonlyMap<string, ProfileDocument>> {
    const { profiles, members, idScopeOf, clock } = this.parts;
    const { providers } = caller.key;
    const ids = rows.map(({ id }) => id);
    const [membersOf, former] = await Promise.all([
      members.membersOf(client, ids, providers),
      profiles.formerMembersOf(ids, providers, client),
    ]);
    const accounts = [...[...membersOf.values()].flat(), ...former];
    const constraints = await profiles.constraintsOf(caller.teamId, accounts, client);
    const now = clock.now();
    return new Map(
      rows.flatMap((row): [string, ProfileDocument][] => {
        const its = membersOf.get(row.id);
        if (its === undefined) return [];
        const gone = former.filter(({ profileId }) => profileId === row.id);
        const { groups, of } = membershipsOf(its, gone, constraints, idScopeOf, now);
        const contradictions = groups.flatMap((group) => group.contradictions);
        const grouping = providers.length === 0 ? row : groupingSeen(row, groups);
        const merged = mergeProfile(its, contradictions, now);
        // The row tells of accounts that left; those that are here may have changed since.
        const updatedAt = new Date(Math.max(row.updatedAt.getTime(), merged.updatedAt.getTime()));
        return [[row.id, profileDocument(grouping, { ...merged, updatedAt }, its, of)]];
      }),
    );
  }
}

/** For a key that sees only some of the accounts: what these alone make of it. */
function groupingSeen({ id }: ProfileSummary, groups: readonly ProfileGroup[]) {
  const [first, ...others] = groups;
  const match = others.length > 0 ? 'mixed' : (first?.match ?? 'none');
  return { id, match, candidates: [] };
}

import type pg from 'pg';
import { isWithinIntervals, type MemberFacts } from './member-facts.js';
import { type IdScopeOf, membershipsOf, STALE_AFTER_INTERVALS } from './membership.js';
import type { ProfilesRepository } from './profiles.repository.js';

/** A weak link of which one side was not looked at for too long. */
export interface StaleLink {
  readonly member: MemberFacts;
  /** What it is linked to; `null`: an account that is gone. */
  readonly other: MemberFacts | null;
  readonly since: Date;
}

/** Finds weak links that are stale. */
export class StaleLinks {
  constructor(
    private readonly profiles: ProfilesRepository,
    private readonly idScopeOf: IdScopeOf,
  ) {}

  /**
   * The stale links of profiles of one team.
   * @param membersOf the live members of each
   */
  async find(
    client: pg.ClientBase,
    teamId: string,
    membersOf: ReadonlyMap<string, readonly MemberFacts[]>,
    now: Date,
  ): Promise<ReadonlyMap<string, readonly StaleLink[]>> {
    const suspect = [...membersOf].filter(
      ([, members]) => members.length > 1 && members.some((member) => isOld(member, now)),
    );
    if (suspect.length === 0) return new Map();
    const ids = suspect.map(([id]) => id);
    const former = await this.profiles.formerMembersOf(ids, [], client);
    const accounts = [...suspect.flatMap(([, members]) => members), ...former];
    const constraints = await this.profiles.constraintsOf(teamId, accounts, client);
    return new Map(
      suspect.map(([id, members]) => {
        const gone = former.filter(({ profileId }) => profileId === id);
        const { of } = membershipsOf(members, gone, constraints, this.idScopeOf, now);
        const links = members.flatMap((member): StaleLink[] => {
          const membership = of.get(member.id);
          if (!membership?.isStale) return [];
          const other = members.find((one) => one.id === membership.linkedTo) ?? null;
          const old = [member, ...(other === null ? [] : [other])].filter((one) => isOld(one, now));
          return [{ member, other, since: new Date(Math.min(...old.map(staleFrom))) }];
        });
        return [id, links];
      }),
    );
  }
}

const isOld = (member: MemberFacts, now: Date) =>
  !isWithinIntervals(member, STALE_AFTER_INTERVALS, now);

/** Milliseconds since 1970. */
const staleFrom = ({ observedAt, intervalSeconds }: MemberFacts) =>
  observedAt.getTime() + STALE_AFTER_INTERVALS * intervalSeconds * 1_000;

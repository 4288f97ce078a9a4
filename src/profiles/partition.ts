import { profileIdOf } from '../lib/ids.js';
import { byAge, type Cluster } from './cluster.js';
import { clustersOf } from './clusters.js';
import { contradictionsIn } from './contradictions.js';
import { manualTies, matchOf, membersOf } from './members.js';
import type { ProfileAccount, ProfileConstraint, ProfileGroup } from './profile-group.js';
import { joinByHandle } from './weak-links.js';

export { matchableHandle, matchableId } from './matchable.js';
export type * from './profile-group.js';

/** Of more live accounts of a team and platform a value is nobody's own, and matches nothing. */
export const MAX_SHARED = 500;

/**
 * The profiles of a team on one platform: a function of the accounts and constraints alone, in
 * whatever order the accounts are.
 *
 * People tie accounts together first, then equal ids (`clustersOf`), then equal handles
 * (`joinByHandle`). What holds an account depends only on those that it reaches over equal ids that
 * may match, equal handles of live accounts that may match, and `must_link`s; of a value that more
 * than `maxShared` live accounts have, as many as show that are enough, and it leads no further.
 * @param accounts with disconnected ones, which lend profiles their ids as long as an equal id or a
 * person ties them. On the platform `UNKNOWN_PLATFORM` without ids and handles, so that nothing but
 * people tie them
 * @param constraints newest first, which have precedence among `must_link`s; every `cannot_link`
 * holds against them. Those that name accounts which are not there say nothing
 * @returns each live account in one profile; sorted by id
 */
export function partition(
  accounts: readonly ProfileAccount[],
  constraints: readonly ProfileConstraint[],
  maxShared = MAX_SHARED,
): ProfileGroup[] {
  const { clusters, named } = clustersOf(accounts, constraints, maxShared);
  const ties = manualTies(constraints, named);
  const joined = joinByHandle(clusters);
  const ids = new Map<Cluster, string>();
  for (const { clusters: its } of joined) {
    const [oldest] = its.flatMap(({ nodes }) => nodes.slice(0, 1)).sort(byAge);
    const id = profileIdOf(oldest?.account.id ?? '');
    for (const cluster of its) ids.set(cluster, id);
  }
  /** Hundreds of accounts of one handle may have the same candidates. */
  const known = new Map<readonly Cluster[], readonly string[]>();
  const idsOf = (candidates: readonly Cluster[]) => {
    const found =
      known.get(candidates) ??
      [...new Set(candidates.flatMap((cluster) => ids.get(cluster) ?? []))].sort();
    known.set(candidates, found);
    return found;
  };
  return joined
    .map(({ clusters: its, candidates }) => {
      const members = membersOf(its, ties);
      return {
        id: its.flatMap((cluster) => ids.get(cluster) ?? [])[0] ?? '',
        members,
        match: matchOf(members),
        candidates: idsOf(candidates),
        contradictions: its.flatMap(contradictionsIn),
      };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

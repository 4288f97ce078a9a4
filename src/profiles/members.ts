import { byAge, type Cluster, type Node } from './cluster.js';
import { grouped, type NodesNamed, pairsOf } from './clusters.js';
import type { Match, ProfileConstraint, ProfileMember } from './profile-group.js';

/** By account that a `must_link` ties to another of its cluster: the other, as of `preferred`. */
type ManualTies = ReadonlyMap<Node, Node>;

/** The account to which people's choices tie each account. */
export function manualTies(
  constraints: readonly ProfileConstraint[],
  named: NodesNamed,
): ManualTies {
  const ties = new Map<Node, Node>();
  const tie = (from: Node, to: Node) => ties.set(from, preferred(ties.get(from), to));
  for (const { kind, one, other } of constraints) {
    if (kind !== 'must_link') continue;
    for (const [a, b] of pairsOf(named(one), named(other)))
      if (a !== b && a.cluster === b.cluster) {
        tie(a, b);
        tie(b, a);
      }
  }
  return ties;
}

/** The live one of two, or else the older one. */
function preferred(a: Node | undefined, b: Node): Node {
  if (a === undefined) return b;
  if (a.account.isLive !== b.account.isLive) return a.account.isLive ? a : b;
  return a.account.id < b.account.id ? a : b;
}

/**
 * What ties each live account of a profile to it.
 *
 * The core is the oldest of the clusters that have an id. Its accounts are tied by hand or by equal
 * ids, those of the other clusters by a handle, and so is a profile without a core where nobody
 * tied it by hand.
 * @returns oldest first
 */
export function membersOf(
  clusters: readonly Cluster[],
  ties: ManualTies,
): readonly ProfileMember[] {
  const live = clusters.flatMap((cluster) => cluster.live).sort(byAge);
  const [only, second] = live;
  if (only !== undefined && second === undefined)
    return [{ accountId: only.account.id, match: 'none', rule: 'alone', linkedTo: null }];
  const core = live.find(({ cluster }) => cluster.ids.size > 0)?.cluster;
  const byHandle = grouped(live, ({ handle }) => handle);
  const inCore = grouped(core?.live ?? [], ({ handle }) => handle);
  const sameId = new Map(clusters.flatMap((cluster) => [...idTies(cluster)]));
  return live.map((node) => {
    const { cluster, handle } = node;
    const accountId = node.account.id;
    const isTied = cluster.live.length > 1;
    if (cluster === core && !isTied)
      return { accountId, match: 'strong', rule: 'own_id', linkedTo: null };
    const manual = ties.get(node);
    const tie =
      manual !== undefined
        ? ({ match: 'manual', rule: 'manual', linkedTo: manual.account.id } as const)
        : ({
            match: 'strong',
            rule: 'same_id',
            linkedTo: sameId.get(node)?.account.id ?? null,
          } as const);
    if (isTied && (cluster === core || core === undefined)) return { accountId, ...tie };
    const linked =
      inCore.get(handle ?? '')?.[0] ??
      byHandle.get(handle ?? '')?.find((other) => other.cluster !== cluster);
    if (linked === undefined) return { accountId, ...tie, match: 'weak' };
    return { accountId, match: 'weak', rule: 'same_handle', linkedTo: linked.account.id };
  });
}

/** How well the links of a profile tie it; a core of one account has none. */
export function matchOf(members: readonly ProfileMember[]): Match | 'mixed' {
  const [first, ...others] = new Set(
    members.filter(({ rule }) => rule !== 'own_id').map(({ match }) => match),
  );
  return others.length > 0 || first === undefined ? 'mixed' : first;
}

/** By account of which another in the cluster has an equal id: that one, as of `preferred`. */
function* idTies({ nodes, live }: Cluster): Generator<readonly [Node, Node]> {
  if (live.length < 2) return;
  for (const same of grouped(nodes, ({ strongKey }) => strongKey).values()) {
    const [first, second] = same.toSorted(byPreference);
    if (first === undefined || second === undefined) continue;
    for (const node of same) yield [node, node === first ? second : first];
  }
}

const byPreference = (a: Node, b: Node) => (preferred(a, b) === a ? -1 : 1);

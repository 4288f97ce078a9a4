import { byAge, type Cluster, type Node } from './cluster.js';

type Pair = readonly [string, string];

/** The pairs of `ProfileGroup.contradictions` in a cluster: in time linear in it. */
export function contradictionsIn(cluster: Cluster): readonly Pair[] {
  if (!cluster.isContradictory) return [];
  const nodes = firstOfEach(cluster.live);
  /** By namespace: the oldest account with an id, and the oldest one with another. */
  const oldest = new Map<string, { readonly first: Node; readonly other: Node | null }>();
  for (const node of nodes)
    for (const namespace of node.namespaces) {
      const { first, other } = oldest.get(namespace) ?? { first: node, other: null };
      oldest.set(namespace, { first, other: other ?? (first.id === node.id ? null : node) });
    }
  const pairs = new Map<string, Pair>();
  for (const node of nodes) {
    const contradicted = node.namespaces.flatMap((namespace) => {
      const { first, other } = oldest.get(namespace) ?? { first: node, other: null };
      return (first.id === node.id ? other : first) ?? [];
    });
    const [against] = contradicted.sort(byAge);
    if (against === undefined) continue;
    const [one, other] = [node.account.id, against.account.id];
    const pair: Pair = one < other ? [one, other] : [other, one];
    pairs.set(pair.join(' '), pair);
  }
  return [...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair);
}

/** Of accounts that contradict the same others the first. */
function firstOfEach(nodes: readonly Node[]): readonly Node[] {
  const byId = new Map<string, Node>();
  for (const node of nodes) {
    const key = [...node.namespaces, node.id].join(' ');
    if (node.id !== null && !byId.has(key)) byId.set(key, node);
  }
  return [...byId.values()];
}

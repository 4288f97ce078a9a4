import { byAge, type Cluster, type Node } from './cluster.js';

/** The pairs of `ProfileGroup.contradictions` in a cluster: in time linear in it. */
export function contradictionsIn(cluster: Cluster): readonly (readonly [string, string])[] {
  if (!cluster.isContradictory) return [];
  const pairs: (readonly [string, string])[] = [];
  const told = new Set<string>();
  /** By namespace: the oldest account with an id, and the oldest one with another. */
  const oldest = new Map<string, { readonly first: Node; readonly second: Node | null }>();
  for (const node of cluster.live) {
    const key = [...node.namespaces, node.id].join(' ');
    if (node.id === null || told.has(key)) continue;
    told.add(key);
    const contradicted = node.namespaces.flatMap((namespace) => {
      const { first, second } = oldest.get(namespace) ?? { first: node, second: null };
      const other = first.id === node.id ? second : first;
      oldest.set(namespace, { first, second: second ?? (other === null ? null : node) });
      return other ?? [];
    });
    const [other] = contradicted.sort(byAge);
    if (other !== undefined) pairs.push([other.account.id, node.account.id]);
  }
  return pairs.sort(([a, b], [c, d]) => (a < c || (a === c && b < d) ? -1 : 1));
}

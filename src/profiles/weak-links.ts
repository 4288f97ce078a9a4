import { areContradictory, areKeptApart, type Cluster, rivalsAmong, SEVERAL } from './cluster.js';

/** Clusters that are one profile. */
interface Joined {
  readonly clusters: readonly Cluster[];
  /** Clusters of other profiles of which it may be one, though not of all. */
  readonly candidates: readonly Cluster[];
}

const NO_CLUSTERS: readonly Cluster[] = [];

/**
 * Joins the clusters of equal handles. A cluster that fits two that cannot be one profile joins
 * nothing, and those are its candidates. Where handles in a chain lead from one cluster to another
 * with which it cannot be one profile, none of the chain is joined, and the candidates of each
 * cluster are all that it fits.
 */
export function joinByHandle(clusters: readonly Cluster[]): readonly Joined[] {
  const handles = new Handles(clusters);
  const joined: Joined[] = [];
  const rest = clusters.filter((cluster) => {
    const candidates = handles.rivals(cluster);
    if (candidates.length > 0) joined.push({ clusters: [cluster], candidates });
    return candidates.length === 0;
  });
  const restHandles = rest.length < clusters.length ? new Handles(rest) : handles;
  for (const component of restHandles.components())
    if (rivalsAmong(component).length === 0)
      joined.push({ clusters: component, candidates: NO_CLUSTERS });
    else
      for (const cluster of component)
        joined.push({ clusters: [cluster], candidates: handles.fitting(cluster) });
  return joined;
}

/** Who has which handle. A handle may have hundreds: what is the same for many is computed once. */
class Handles {
  private readonly holders = new Map<string, Holders>();
  private readonly knownRivals = new Map<readonly Cluster[], readonly Cluster[]>();

  constructor(private readonly clusters: readonly Cluster[]) {
    for (const cluster of clusters)
      for (const handle of cluster.handles) {
        const holders = this.holders.get(handle);
        if (holders === undefined) this.holders.set(handle, new Holders(cluster));
        else holders.all.push(cluster);
      }
  }

  /** The clusters with a handle of this one that it can be one profile with. */
  fitting(cluster: Cluster): readonly Cluster[] {
    return [...new Set(this.fittingByHandle(cluster).flat())].filter((other) => other !== cluster);
  }

  /** Of the clusters that this one fits, those that cannot be one profile with each other. */
  rivals(cluster: Cluster): readonly Cluster[] {
    const byHandle = this.fittingByHandle(cluster);
    const [fitting = NO_CLUSTERS] = byHandle;
    if (byHandle.length > 1) return rivalsAmong([...new Set(byHandle.flat())]);
    const known = this.knownRivals.get(fitting) ?? rivalsAmong(fitting);
    this.knownRivals.set(fitting, known);
    return known;
  }

  /** The clusters that handles lead to from one another, set by set. */
  components(): readonly (readonly Cluster[])[] {
    const seen = new Set<Cluster>();
    const followed = new Set<readonly Cluster[]>();
    return this.clusters.flatMap((start) => {
      if (seen.has(start)) return [];
      seen.add(start);
      const component = [start];
      for (const reached of component)
        for (const fitting of this.fittingByHandle(reached)) {
          if (followed.has(fitting)) continue;
          followed.add(fitting);
          for (const other of fitting)
            if (!seen.has(other)) {
              seen.add(other);
              component.push(other);
            }
        }
      return [component];
    });
  }

  /** By handle that others have, too: those that fit, and perhaps the cluster itself. */
  private fittingByHandle(cluster: Cluster): readonly (readonly Cluster[])[] {
    return cluster.handles.flatMap((handle) => {
      const holders = this.holders.get(handle);
      return holders === undefined || holders.all.length < 2 ? [] : [holders.fitting(cluster)];
    });
  }
}

/** The clusters with one handle. */
class Holders {
  readonly all: Cluster[];
  /** By namespace and id: how many have it. */
  private counts: ReadonlyMap<string, number> | null = null;
  /** By key of `notContradicting`. */
  private known: Map<string, readonly Cluster[]> | null = null;

  constructor(cluster: Cluster) {
    this.all = [cluster];
  }

  /** Those that fit one of them, and perhaps itself. The same list for all that fit the same. */
  fitting(cluster: Cluster): readonly Cluster[] {
    const list = this.notContradicting(cluster);
    const isKeptFrom = (other: Cluster) => areKeptApart(cluster, other);
    return list.some(isKeptFrom) ? list.filter((other) => !isKeptFrom(other)) : list;
  }

  /**
   * Two cases have one list: clusters with the same ids, which are in it, and clusters of the same
   * namespaces each of which is in one of them the only one with its id, which are not.
   */
  private notContradicting(cluster: Cluster): readonly Cluster[] {
    this.counts ??= this.countIds();
    let key = '';
    let isAlike = true;
    for (const [namespace, id] of cluster.ids) {
      const isShared = id !== SEVERAL && (this.counts.get(`${namespace} ${id}`) ?? 0) > 1;
      key += isShared ? `${namespace} ${id}\n` : `${namespace}\n`;
      isAlike &&= isShared;
    }
    this.known ??= new Map();
    const known =
      this.known.get(key) ??
      this.all.filter((other) => (other === cluster ? isAlike : !areContradictory(cluster, other)));
    this.known.set(key, known);
    return known;
  }

  private countIds(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { ids } of this.all)
      for (const [namespace, id] of ids)
        if (id !== SEVERAL) {
          const key = `${namespace} ${id}`;
          counts.set(key, (counts.get(key) ?? 0) + 1);
        }
    return counts;
  }
}

import { areIncompatible, type Cluster, rivalsAmong } from './cluster.js';

/** Clusters that are one profile. */
export interface Joined {
  readonly clusters: readonly Cluster[];
  /** Clusters of other profiles of which it may be one, though not of all. */
  readonly candidates: readonly Cluster[];
}

/**
 * Joins the clusters of equal handles. A cluster that fits two that cannot be one profile joins
 * nothing, and those are its candidates. Where handles in a chain lead from one cluster to another
 * with which it cannot be one profile, none of the chain is joined, and the candidates of each
 * cluster are all that it fits.
 */
export function joinByHandle(clusters: readonly Cluster[]): readonly Joined[] {
  const handles = new Handles(clusters);
  const joined: Joined[] = [];
  const rest: Cluster[] = [];
  for (const cluster of clusters) {
    const candidates = handles.rivals(cluster);
    if (candidates.length > 0) joined.push({ clusters: [cluster], candidates });
    else rest.push(cluster);
  }
  for (const component of new Handles(rest).components()) {
    if (rivalsAmong(component).length === 0) joined.push({ clusters: component, candidates: [] });
    else
      for (const cluster of component)
        joined.push({ clusters: [cluster], candidates: handles.neighbours(cluster) });
  }
  return joined;
}

/** Who has a handle. */
interface Holders {
  readonly all: Cluster[];
  /** Those that something can keep from others. */
  readonly bound: Cluster[];
  /** Those of the bound that others of them are incompatible with; null: not asked yet. */
  rivals: readonly Cluster[] | null;
}

class Handles {
  private readonly holders = new Map<string, Holders>();

  constructor(private readonly clusters: readonly Cluster[]) {
    for (const cluster of clusters)
      for (const handle of cluster.handles) {
        const holders = this.holders.get(handle) ?? { all: [], bound: [], rivals: null };
        this.holders.set(handle, holders);
        holders.all.push(cluster);
        if (!cluster.isFree) holders.bound.push(cluster);
      }
  }

  /** The clusters that one fits by a handle. */
  neighbours(cluster: Cluster): readonly Cluster[] {
    return this.fitting(cluster, ({ all }) => all);
  }

  /** The clusters that one fits and that cannot be one profile with each other. */
  rivals(cluster: Cluster): readonly Cluster[] {
    const [only, second] = this.holdersOf(cluster);
    if (only === undefined) return [];
    if (cluster.isFree && second === undefined) {
      // The same for all of these: computed once, as a handle may have many of them.
      only.rivals ??= rivalsAmong(only.bound);
      return only.rivals;
    }
    return rivalsAmong(this.fitting(cluster, ({ bound }) => bound));
  }

  /** The clusters that handles lead to from one another, set by set. */
  components(): readonly (readonly Cluster[])[] {
    const seen = new Set<Cluster>();
    const done = new Set<Holders>();
    return this.clusters.flatMap((start) => {
      if (seen.has(start)) return [];
      seen.add(start);
      const component = [start];
      for (const reached of component)
        for (const holders of this.holdersOf(reached)) {
          if (done.has(holders)) continue;
          // A free one fits all others, so that all of the handle are here.
          const isWhole = holders.bound.length < holders.all.length;
          if (isWhole) done.add(holders);
          for (const other of holders.all)
            if (!seen.has(other) && (isWhole || !areIncompatible(reached, other))) {
              seen.add(other);
              component.push(other);
            }
        }
      return [component];
    });
  }

  private holdersOf({ handles }: Cluster): readonly Holders[] {
    return handles.flatMap((handle) => this.holders.get(handle) ?? []);
  }

  private fitting(
    cluster: Cluster,
    among: (holders: Holders) => readonly Cluster[],
  ): readonly Cluster[] {
    const found = new Set<Cluster>();
    for (const holders of this.holdersOf(cluster))
      for (const other of among(holders))
        if (other !== cluster && !areIncompatible(cluster, other)) found.add(other);
    return [...found];
  }
}

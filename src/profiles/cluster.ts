import { isUniqueAnywhere } from './matchable.js';
import type { ProfileAccount } from './profile-group.js';

/** No provider has this name. */
const GLOBAL = '*';

/** An account in its cluster. */
export class Node {
  cluster = new Cluster(this);

  /**
   * @param id null where it may match nothing
   * @param handle null where it may match nothing; of a disconnected account it says nothing
   */
  constructor(
    readonly account: ProfileAccount,
    readonly id: string | null,
    readonly handle: string | null,
  ) {}

  /** Accounts in which it is equal are one person. Null: it says nothing. */
  get strongKey(): string | null {
    const { id, account } = this;
    return id !== null && (account.idScope === 'global' || isUniqueAnywhere(id)) ? id : null;
  }

  /** Where unequal ids contradict its own: at its provider, and among all global ids. */
  get namespaces(): readonly string[] {
    const { provider, idScope } = this.account;
    return idScope === 'global' ? [provider, GLOBAL] : [provider];
  }
}

/** Stands for two ids or more. */
export const SEVERAL = Symbol('several ids');

/** The sides of a `cannot_link`; an account that is both has their sum. */
export const ONE = 1;
export const OTHER = 2;

type Ids = ReadonlyMap<string, string | typeof SEVERAL>;
const NO_IDS: Ids = new Map();

/** Accounts that equal ids or a person tie together. To be read once it is complete. */
export class Cluster {
  /** Oldest first. */
  nodes: Node[];
  /** By number of a `cannot_link`: which sides of it are here. */
  sides: Map<number, number> | null = null;
  live: readonly Node[] = [];
  /** The distinct handles of its live accounts. */
  handles: readonly string[] = [];
  private knownIds: Ids | null = null;

  constructor(node: Node) {
    this.nodes = [node];
  }

  /** By namespace: the id of its live accounts. */
  get ids(): Ids {
    this.knownIds ??= this.sumUpIds();
    return this.knownIds;
  }

  /** Whether its own ids contradict each other. */
  get isContradictory(): boolean {
    return this.live.length > 1 && [...this.ids.values()].includes(SEVERAL);
  }

  addSide(constraint: number, side: number): void {
    this.sides ??= new Map();
    this.sides.set(constraint, (this.sides.get(constraint) ?? 0) | side);
  }

  /** Takes in the accounts and sides of another, which is not to be used any more. */
  absorb(other: Cluster): void {
    for (const node of other.nodes) {
      node.cluster = this;
      this.nodes.push(node);
    }
    if ((other.sides?.size ?? 0) > (this.sides?.size ?? 0))
      [this.sides, other.sides] = [other.sides, this.sides];
    for (const [constraint, side] of other.sides ?? []) this.addSide(constraint, side);
  }

  /** To be called once, when all its accounts are there. */
  complete(): void {
    this.nodes.sort(byAge);
    this.live = this.nodes.filter(({ account }) => account.isLive);
    const handles = this.live.flatMap(({ handle }) => handle ?? []);
    this.handles = handles.length > 1 ? [...new Set(handles)] : handles;
  }

  private sumUpIds(): Ids {
    if (this.live.every(({ id }) => id === null)) return NO_IDS;
    const ids = new Map<string, string | typeof SEVERAL>();
    for (const { id, namespaces } of this.live)
      if (id !== null)
        for (const namespace of namespaces)
          ids.set(namespace, (ids.get(namespace) ?? id) === id ? id : SEVERAL);
    return ids;
  }
}

/** Oldest first. */
export function byAge({ account: a }: Node, { account: b }: Node): number {
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}

/** Whether two clusters have ids of live accounts that contradict each other. */
export function areContradictory(a: Cluster, b: Cluster): boolean {
  for (const [namespace, id] of a.ids) {
    const theirs = b.ids.get(namespace);
    if (theirs !== undefined && (id === SEVERAL || id !== theirs)) return true;
  }
  return false;
}

/** Whether a `cannot_link` names an account of each. */
export function areKeptApart(a: Cluster, b: Cluster): boolean {
  if (a.sides === null || b.sides === null) return false;
  const [few, many] = a.sides.size < b.sides.size ? [a.sides, b.sides] : [b.sides, a.sides];
  for (const [constraint, side] of few) {
    const facing = many.get(constraint) ?? 0;
    if ((side & ONE && facing & OTHER) || (side & OTHER && facing & ONE)) return true;
  }
  return false;
}

/**
 * Those of the clusters that cannot be one profile with another of them: their ids contradict, or a
 * person keeps them apart. In time linear in them.
 */
export function rivalsAmong(clusters: readonly Cluster[]): readonly Cluster[] {
  if (clusters.length < 2) return [];
  const ids = new Map<string, string | typeof SEVERAL>();
  const contested = new Set<string>();
  const counts = new Map<number, { ones: number; others: number }>();
  for (const cluster of clusters) {
    for (const [namespace, id] of cluster.ids) {
      const known = ids.get(namespace);
      if (known === undefined) ids.set(namespace, id);
      else if (known === SEVERAL || known !== id) contested.add(namespace);
    }
    for (const [constraint, side] of cluster.sides ?? []) {
      const count = counts.get(constraint) ?? { ones: 0, others: 0 };
      if (side & ONE) count.ones += 1;
      if (side & OTHER) count.others += 1;
      counts.set(constraint, count);
    }
  }
  const isFaced = (constraint: number, side: number) => {
    const { ones, others } = counts.get(constraint) ?? { ones: 0, others: 0 };
    const own = side === (ONE | OTHER) ? 1 : 0;
    return (side & ONE && others > own) || (side & OTHER && ones > own);
  };
  return clusters.filter(
    (cluster) =>
      [...cluster.ids.keys()].some((namespace) => contested.has(namespace)) ||
      [...(cluster.sides ?? [])].some(([constraint, side]) => isFaced(constraint, side)),
  );
}

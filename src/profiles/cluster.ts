import { isUniqueAnywhere } from './matchable.js';
import type { ProfileAccount } from './profile-group.js';

/** No provider has this name. */
const GLOBAL = '*';

/** An account in its cluster. */
export class Node {
  cluster = new Cluster(this);

  /**
   * @param id null where it may match nothing
   * @param handle null where it may match nothing, and of a disconnected account
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
const SEVERAL = Symbol('several ids');

/** The sides of a `cannot_link`; an account that is both has their sum. */
export const ONE = 1;
export const OTHER = 2;

const NO_IDS: ReadonlyMap<string, string | typeof SEVERAL> = new Map();

/** Accounts that equal ids or a person tie together. To be read once it is complete. */
export class Cluster {
  /** Oldest first. */
  nodes: Node[];
  /** By number of a `cannot_link`: which sides of it are here. */
  sides: Map<number, number> | null = null;
  live: readonly Node[] = [];
  /** The distinct handles of its live accounts. */
  handles: readonly string[] = [];
  /** By namespace: the id of its live accounts. */
  ids = NO_IDS;

  constructor(node: Node) {
    this.nodes = [node];
  }

  /** Whether nothing can keep it from any other. */
  get isFree(): boolean {
    return this.ids.size === 0 && this.sides === null;
  }

  /** Whether its own ids contradict each other. */
  get isContradictory(): boolean {
    return [...this.ids.values()].includes(SEVERAL);
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

  /** Once all its accounts are there: orders and sums them up. */
  complete(): void {
    this.nodes.sort(byAge);
    this.live = this.nodes.filter(({ account }) => account.isLive);
    const handles = new Set<string>();
    const ids = new Map<string, string | typeof SEVERAL>();
    for (const { handle, id, namespaces } of this.live) {
      if (handle !== null) handles.add(handle);
      if (id !== null)
        for (const namespace of namespaces)
          ids.set(namespace, (ids.get(namespace) ?? id) === id ? id : SEVERAL);
    }
    this.handles = [...handles];
    if (ids.size > 0) this.ids = ids;
  }
}

/** Oldest first. */
export const byAge = ({ account: a }: Node, { account: b }: Node) => (a.id < b.id ? -1 : 1);

/** Whether two clusters cannot be one profile: their ids contradict, or a person said so. */
export const areIncompatible = (a: Cluster, b: Cluster) => contradict(a, b) || areKeptApart(a, b);

function contradict(a: Cluster, b: Cluster): boolean {
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

/** Those of the clusters that are incompatible with another of them; in time linear in them. */
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

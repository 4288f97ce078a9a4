import { areKeptApart, byAge, type Cluster, Node, ONE, OTHER } from './cluster.js';
import { matchableHandle, matchableId } from './matchable.js';
import type { AccountName, ProfileAccount, ProfileConstraint } from './profile-group.js';

/** The nodes that a constraint names on one side, oldest first. */
export type NodesNamed = (name: AccountName) => readonly Node[];

interface Clusters {
  /** Those with a live account, by their oldest account. */
  readonly clusters: readonly Cluster[];
  readonly named: NodesNamed;
}

/**
 * What people and equal ids make of the accounts; disconnected ones take part, as an id outlives a
 * disconnect. First each `must_link` in turn, then equal ids from the oldest account on: each joins
 * the oldest one with its id that it may. Both yield to every `cannot_link`.
 * @param constraints newest first
 * @param maxShared a value of more live accounts than this matches nothing
 */
export function clustersOf(
  accounts: readonly ProfileAccount[],
  constraints: readonly ProfileConstraint[],
  maxShared: number,
): Clusters {
  const nodes = nodesOf(accounts, maxShared);
  const named = nodesByName(nodes, constraints);
  for (const [number, { kind, one, other }] of constraints.entries()) {
    if (kind !== 'cannot_link') continue;
    for (const { cluster } of named(one)) cluster.addSide(number, ONE);
    for (const { cluster } of named(other)) cluster.addSide(number, OTHER);
  }
  for (const { kind, one, other } of constraints) {
    if (kind !== 'must_link') continue;
    for (const [a, b] of pairsOf(named(one), named(other))) join(a, b);
  }
  for (const same of grouped(nodes, ({ strongKey }) => strongKey).values()) joinSame(same);
  const clusters = new Set(nodes.map(({ cluster }) => cluster));
  for (const cluster of clusters) cluster.complete();
  return { clusters: [...clusters].filter(({ live }) => live.length > 0), named };
}

/** The pairs that a constraint names, whichever side is which: by the older node, then the other. */
export function pairsOf(
  ones: readonly Node[],
  others: readonly Node[],
): readonly (readonly [Node, Node])[] {
  const pair = (one: Node, other: Node): readonly [Node, Node] =>
    byAge(one, other) < 0 ? [one, other] : [other, one];
  return ones
    .flatMap((one) => others.map((other) => pair(one, other)))
    .sort(([a, b], [c, d]) => (a === c ? byAge(b, d) : byAge(a, c)));
}

/** Joins the clusters of two nodes. @returns whether they are in one cluster then */
function join(a: Node, b: Node): boolean {
  if (a.cluster === b.cluster) return true;
  if (areKeptApart(a.cluster, b.cluster)) return false;
  const [small, large] =
    a.cluster.nodes.length < b.cluster.nodes.length
      ? [a.cluster, b.cluster]
      : [b.cluster, a.cluster];
  large.absorb(small);
  return true;
}

/** @param same nodes of one id, oldest first */
function joinSame(same: readonly Node[]): void {
  const apart: Node[] = [];
  for (const node of same) if (!apart.some((older) => join(older, node))) apart.push(node);
}

/** Oldest first. */
function nodesOf(accounts: readonly ProfileAccount[], maxShared: number): readonly Node[] {
  const sorted = [...accounts].sort((a, b) => (a.id < b.id ? -1 : 1));
  const live = sorted.filter(({ isLive }) => isLive);
  const isGenericId = generic(live, ({ platformUserId }) => platformUserId, maxShared);
  const isGenericHandle = generic(live, ({ handle }) => handle, maxShared);
  return sorted.map((account) => {
    const id = matchableId(account.platformUserId);
    const handle = matchableHandle(account.handle);
    return new Node(account, isGenericId(id) ? null : id, isGenericHandle(handle) ? null : handle);
  });
}

/** Tells the values that more than `maxShared` of the accounts have. */
function generic(
  accounts: readonly ProfileAccount[],
  read: (account: ProfileAccount) => string | null,
  maxShared: number,
): (value: string | null) => boolean {
  const counts = new Map<string | null, number>();
  for (const account of accounts) {
    const value = read(account);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return (value) => (counts.get(value) ?? 0) > maxShared;
}

function nodesByName(
  nodes: readonly Node[],
  constraints: readonly ProfileConstraint[],
): NodesNamed {
  const names = new Set(constraints.flatMap(({ one, other }) => [nameOf(one), nameOf(other)]));
  const byName = grouped(nodes, ({ account }) => {
    const name = names.size > 0 ? nameOf(account) : null;
    return name !== null && names.has(name) ? name : null;
  });
  return (name) => byName.get(nameOf(name)) ?? [];
}

/** A provider's name has no colon. */
const nameOf = ({ provider, providerAccountId }: AccountName) => `${provider}:${providerAccountId}`;

/** The items by key, in their order; those without a key are left out. */
export function grouped<Item>(
  items: Iterable<Item>,
  keyOf: (item: Item) => string | null,
): ReadonlyMap<string, readonly Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === null) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

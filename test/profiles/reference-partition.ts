import type {
  LinkRule,
  Match,
  ProfileAccount,
  ProfileConstraint,
  ProfileGroup,
  ProfileMember,
} from '../../src/profiles/partition.js';

/** Of the values in the histories, those that name nobody. */
const NOBODY: readonly (string | null)[] = [null, '0', 'unknown', 'ig_user_id'];

type Account = ProfileAccount;
type Test = (a: Account, b: Account) => boolean;

/**
 * The partition again, from its definition: over all pairs, in whatever time that takes. An account
 * is in a cluster by its label, and a question about clusters is asked of each of their accounts.
 */
export class Reference {
  /** Oldest first. */
  private readonly accounts: readonly Account[];
  private readonly live: readonly Account[];
  private readonly ids: ReadonlyMap<Account, string | null>;
  private readonly handles: ReadonlyMap<Account, string | null>;
  private readonly labels: Map<Account, number>;
  /** As the labels say, where it was asked. */
  private readonly clusters = new Map<Account, readonly Account[]>();
  private readonly profiles: Map<Account, number>;
  private readonly chained = new Set<Account>();

  constructor(
    accounts: readonly Account[],
    private readonly constraints: readonly ProfileConstraint[],
    private readonly maxShared: number,
  ) {
    this.accounts = accounts.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    this.live = this.accounts.filter(({ isLive }) => isLive);
    this.ids = this.values(({ platformUserId }) => platformUserId);
    this.handles = this.values(({ handle }) => handle);
    this.labels = new Map(this.accounts.map((account, label) => [account, label]));
    this.linkByHand();
    this.linkById();
    this.profiles = new Map(this.labels);
    this.linkByHandle();
  }

  groups(): ProfileGroup[] {
    const profiles = [...new Set(this.live.map((account) => this.profiles.get(account)))];
    return profiles
      .map((profile) => this.group(this.accounts.filter((a) => this.profiles.get(a) === profile)))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Whether any chain was found that leads to a contradiction. */
  get hasBrokenChain(): boolean {
    return this.chained.size > 0;
  }

  // Facts about accounts

  private idOf(account: Account): string | null {
    return this.ids.get(account) ?? null;
  }

  private handleOf(account: Account): string | null {
    return this.handles.get(account) ?? null;
  }

  /** Of each account a value of it, unless that names nobody or too many. */
  private values(of: (account: Account) => string | null): ReadonlyMap<Account, string | null> {
    const isOften = (value: string | null) =>
      this.live.filter((account) => of(account) === value).length > this.maxShared;
    return new Map(
      this.accounts.map((account) => {
        const value = of(account);
        return [account, NOBODY.includes(value) || isOften(value) ? null : value];
      }),
    );
  }

  readonly haveSameId: Test = (a, b) => {
    const id = this.idOf(a);
    const areGlobal = a.idScope === 'global' && b.idScope === 'global';
    return a !== b && id !== null && id === this.idOf(b) && (areGlobal || id.length >= 12);
  };

  readonly contradict: Test = (a, b) => {
    const areGlobal = a.idScope === 'global' && b.idScope === 'global';
    const [id, other] = [this.idOf(a), this.idOf(b)];
    if (id === null || other === null || !a.isLive || !b.isLive) return false;
    return id !== other && (areGlobal || a.provider === b.provider);
  };

  readonly shareHandle: Test = (a, b) => {
    const handle = this.handleOf(a);
    return a !== b && a.isLive && b.isLive && handle !== null && handle === this.handleOf(b);
  };

  private readonly isNamed =
    (kind: ProfileConstraint['kind']): Test =>
    (a, b) =>
      this.constraints.some((constraint) => constraint.kind === kind && names(constraint, a, b));

  readonly mustLink = this.isNamed('must_link');
  readonly cannotLink = this.isNamed('cannot_link');

  readonly isTie: Test = (a, b) => this.haveSameId(a, b) || this.mustLink(a, b);

  // Clusters: accounts tied by hand and by ids

  /** The accounts that a person or ids tie to one, and itself. */
  cluster(account: Account): readonly Account[] {
    const known =
      this.clusters.get(account) ?? this.accounts.filter((other) => this.areTied(other, account));
    this.clusters.set(account, known);
    return known;
  }

  private areTied(a: Account, b: Account): boolean {
    return this.labels.get(a) === this.labels.get(b);
  }

  private anyPair(a: Account, b: Account, test: Test): boolean {
    return this.cluster(a).some((x) => this.cluster(b).some((y) => test(x, y)));
  }

  private tie(a: Account, b: Account): boolean {
    if (this.areTied(a, b)) return true;
    if (this.anyPair(a, b, this.cannotLink)) return false;
    for (const account of this.cluster(b)) this.labels.set(account, this.labels.get(a) ?? -1);
    this.clusters.clear();
    return true;
  }

  private linkByHand(): void {
    for (const constraint of this.constraints)
      for (const a of this.accounts)
        for (const b of this.accounts)
          if (constraint.kind === 'must_link' && a.id < b.id && names(constraint, a, b))
            this.tie(a, b);
  }

  private linkById(): void {
    const settled = new Set<Account>();
    for (const first of this.accounts) {
      if (settled.has(first)) continue;
      const same = this.accounts.filter(
        (other) => other === first || this.haveSameId(first, other),
      );
      for (const [at, account] of same.entries()) {
        settled.add(account);
        same.slice(0, at).find((older) => this.tie(older, account));
      }
    }
  }

  // Profiles: clusters joined by handles. A cluster is asked by any of its live accounts.

  private fit(a: Account, b: Account): boolean {
    return (
      !this.areTied(a, b) && this.anyPair(a, b, this.shareHandle) && !this.areIncompatible(a, b)
    );
  }

  private areIncompatible(a: Account, b: Account): boolean {
    return this.anyPair(a, b, this.contradict) || this.anyPair(a, b, this.cannotLink);
  }

  private neighbours(account: Account): readonly Account[] {
    return this.live.filter((other) => this.fit(account, other));
  }

  private rivals(account: Account): readonly Account[] {
    const all = this.neighbours(account);
    return all.filter((a) => all.some((b) => !this.areTied(a, b) && this.areIncompatible(a, b)));
  }

  private linkByHandle(): void {
    const open = this.live.filter((account) => this.rivals(account).length === 0);
    const met = new Map(this.labels);
    for (const _ of open)
      for (const a of open)
        for (const b of open)
          if (this.areTied(a, b) || this.fit(a, b)) {
            const least = Math.min(met.get(a) ?? -1, met.get(b) ?? -1);
            met.set(a, least).set(b, least);
          }
    for (const account of open) {
      const reached = open.filter((other) => met.get(other) === met.get(account));
      const isBroken = reached.some((a) =>
        reached.some((b) => !this.areTied(a, b) && this.areIncompatible(a, b)),
      );
      if (isBroken) this.chained.add(account);
      else
        for (const tied of this.cluster(account)) this.profiles.set(tied, met.get(account) ?? -1);
    }
  }

  private profile(account: Account): readonly Account[] {
    return this.accounts.filter((a) => this.profiles.get(a) === this.profiles.get(account));
  }

  private profileId(account: Account): string {
    return `prof_${this.profile(account)[0]?.id.slice('acct_'.length)}`;
  }

  private group(accounts: readonly Account[]): ProfileGroup {
    const [any] = accounts.filter(({ isLive }) => isLive);
    if (any === undefined) throw new Error('a profile has a live account');
    const members = accounts.filter(({ isLive }) => isLive).map((account) => this.member(account));
    const links = members.filter(({ rule }) => rule !== 'own_id').map(({ match }) => match);
    const candidates = this.chained.has(any) ? this.neighbours(any) : this.rivals(any);
    return {
      id: this.profileId(any),
      members,
      match: links.every((match) => match === links[0]) ? (links[0] ?? 'none') : 'mixed',
      candidates: [...new Set(candidates.map((other) => this.profileId(other)))].sort(),
      contradictions: this.contradictions(accounts),
    };
  }

  private contradictions(accounts: readonly Account[]): [string, string][] {
    const isRepeat: Test = (older, account) =>
      older.isLive &&
      older.id < account.id &&
      this.idOf(older) === this.idOf(account) &&
      older.provider === account.provider &&
      (older.idScope === 'global') === (account.idScope === 'global');
    const pairs = accounts
      .filter((account) => !accounts.some((older) => isRepeat(older, account)))
      .flatMap((account) => {
        const oldest = accounts.find((other) => this.contradict(other, account));
        return oldest === undefined ? [] : [[oldest.id, account.id].sort()];
      });
    return accounts.flatMap(({ id: a }) =>
      accounts.flatMap(({ id: b }): [string, string][] =>
        pairs.some(([older, younger]) => older === a && younger === b) ? [[a, b]] : [],
      ),
    );
  }

  // What ties a member

  private member(account: Account): ProfileMember {
    const inProfile = this.profile(account).filter(({ isLive }) => isLive);
    const inCluster = this.cluster(account);
    const said = (match: Match, rule: LinkRule, linkedTo: Account | null = null) => ({
      accountId: account.id,
      match,
      rule,
      linkedTo: linkedTo?.id ?? null,
    });
    if (inProfile.length === 1) return said('none', 'alone');
    const first = inProfile.find((member) =>
      this.cluster(member).some((other) => other.isLive && this.idOf(other) !== null),
    );
    const isCore = first !== undefined && this.areTied(first, account);
    const isTied = inCluster.filter(({ isLive }) => isLive).length > 1;
    const byHand = liveFirst(inCluster.filter((other) => this.areTwo(other, account)));
    const byId = liveFirst(inCluster.filter((other) => this.haveSameId(other, account)));
    const core = inProfile.filter((other) => first !== undefined && this.areTied(first, other));
    const elsewhere = inProfile.filter((other) => !this.areTied(other, account));
    const byHandle = [...(isCore ? [] : core), ...elsewhere].find((other) =>
      this.shareHandle(other, account),
    );
    if (isCore && !isTied) return said('strong', 'own_id');
    if (isCore || (first === undefined && isTied))
      return byHand === undefined
        ? said('strong', 'same_id', byId)
        : said('manual', 'manual', byHand);
    if (byHandle !== undefined) return said('weak', 'same_handle', byHandle);
    return byHand === undefined ? said('weak', 'same_id', byId) : said('weak', 'manual', byHand);
  }

  private areTwo(other: Account, account: Account): boolean {
    return other !== account && this.mustLink(other, account);
  }
}

const liveFirst = (accounts: readonly Account[]) =>
  accounts.find(({ isLive }) => isLive) ?? accounts[0];

/** Whether a constraint names two accounts, whichever side each is. */
function names({ one, other }: ProfileConstraint, a: Account, b: Account): boolean {
  const isName = (name: typeof one, { provider, providerAccountId }: Account) =>
    name.provider === provider && name.providerAccountId === providerAccountId;
  return (isName(one, a) && isName(other, b)) || (isName(one, b) && isName(other, a));
}

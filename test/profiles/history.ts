import fc from 'fast-check';
import type {
  AccountName,
  ProfileAccount,
  ProfileConstraint,
} from '../../src/profiles/partition.js';
import { accountId } from './accounts.js';

/** So few accounts, ids and handles that they collide all the time. */
const MAX_ACCOUNTS = 9;
const IDS = ['1', '2', 'of-12-letters', 'of-13-letters', null, null, '0', 'ig_user_id'] as const;
const HANDLES = ['a', 'b', 'c', 'a', 'b', 'c', null, 'unknown'] as const;
const SCOPES = ['global', 'global', 'app', 'instance', 'unknown'] as const;
const PROVIDERS = ['outfame', 'socialsyncer', 'octopost'] as const;

type Discovered = Omit<ProfileAccount, 'id' | 'isLive'>;

const place = fc.nat(MAX_ACCOUNTS - 1);
const handle = fc.constantFrom(...HANDLES);
const sight = {
  platformUserId: fc.constantFrom(...IDS),
  handle,
  idScope: fc.constantFrom(...SCOPES),
};
const discovered: fc.Arbitrary<Discovered> = fc.record({
  ...sight,
  provider: fc.constantFrom(...PROVIDERS),
  // Two connections may hold one account.
  providerAccountId: fc.nat(6).map(String),
});

/** What may happen to the accounts of a team. `at` and `to` are their numbers, oldest first. */
const act = fc.oneof(
  fc.record({ what: fc.constant('discover' as const), account: discovered }),
  fc.record({ what: fc.constant('see' as const), at: place, seen: fc.record(sight) }),
  fc.record({ what: fc.constant('see' as const), at: place, seen: fc.record({ handle }) }),
  fc.record({
    what: fc.constantFrom('take_handle' as const, 'take_id' as const),
    at: place,
    to: place,
  }),
  fc.record({
    what: fc.constantFrom('disconnect' as const, 'reappear' as const, 'release' as const),
    at: place,
  }),
  fc.record({
    what: fc.constantFrom('must_link' as const, 'cannot_link' as const),
    at: place,
    to: place,
  }),
);
type Act = typeof act extends fc.Arbitrary<infer Each> ? Each : never;

/**
 * Handles lead from one id over two clusters, one made by hand and one by an id that is comparable
 * with none of the others, to another id.
 */
const CHAIN: readonly Discovered[] = (
  [
    ['global', '1', 'a'],
    ['unknown', null, 'a'],
    ['unknown', null, 'b'],
    ['app', 'of-12-letters', 'b'],
    ['app', 'of-12-letters', 'c'],
    ['global', '2', 'c'],
  ] as const
).map(([idScope, platformUserId, itsHandle], at) => ({
  provider: `link-${at}`,
  providerAccountId: `${at}`,
  idScope,
  platformUserId,
  handle: itsHandle,
}));
const CHAIN_BY_HAND: ProfileConstraint = {
  kind: 'must_link',
  one: { provider: 'link-1', providerAccountId: '1' },
  other: { provider: 'link-2', providerAccountId: '2' },
};

const few = { maxLength: MAX_ACCOUNTS, size: 'max' } as const;
/** A team as it is after any history. */
export const teams: fc.Arbitrary<Team> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.array(discovered, { minLength: 2, ...few }),
        fc.array(act, { maxLength: 20, size: 'max' }),
      )
      .map(([accounts, acts]) => new Team(accounts, [], acts)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.shuffledSubarray([...CHAIN], { minLength: CHAIN.length }),
        fc.array(act, { maxLength: 4 }),
      )
      .map(([accounts, acts]) => new Team(accounts, [CHAIN_BY_HAND], acts)),
  },
);

/** The accounts of a team on one platform, and what its people said of them. */
class Team {
  readonly accounts: ProfileAccount[] = [];
  /** Newest first. */
  constraints: readonly ProfileConstraint[];

  constructor(
    accounts: readonly Discovered[],
    constraints: readonly ProfileConstraint[],
    acts: readonly Act[],
  ) {
    this.constraints = constraints;
    for (const account of accounts) this.discover(account);
    for (const each of acts) this.apply(each);
  }

  private apply(happened: Act): void {
    switch (happened.what) {
      case 'discover':
        this.discover(happened.account);
        break;
      case 'see':
        this.change(happened.at, happened.seen);
        break;
      case 'take_handle':
        this.change(happened.at, { handle: this.accounts[happened.to]?.handle ?? null });
        break;
      case 'take_id':
        this.change(happened.at, {
          platformUserId: this.accounts[happened.to]?.platformUserId ?? null,
        });
        break;
      case 'disconnect':
      case 'reappear':
        this.change(happened.at, { isLive: happened.what === 'reappear' });
        break;
      case 'release':
        this.constraints = this.constraints.filter((_, at) => at !== happened.at);
        break;
      default: {
        const { what: kind, at, to } = happened;
        const made = { kind, one: this.nameOf(at), other: this.nameOf(to) };
        this.constraints = [made, ...this.constraints];
      }
    }
  }

  private discover(account: Discovered): void {
    if (this.accounts.length < MAX_ACCOUNTS)
      this.accounts.push({ ...account, id: accountId(this.accounts.length + 1), isLive: true });
  }

  private change(at: number, parts: Partial<ProfileAccount>): void {
    const account = this.accounts[at];
    if (account !== undefined) this.accounts[at] = { ...account, ...parts };
  }

  /** Constraints outlive accounts, so it may be the name of none. */
  private nameOf(at: number): AccountName {
    const { provider, providerAccountId } = this.accounts[at] ?? {
      provider: 'octopost',
      providerAccountId: 'gone',
    };
    return { provider, providerAccountId };
  }
}

import { profileIdOf } from '../../src/lib/ids.js';
import {
  MAX_SHARED,
  matchableHandle,
  matchableId,
  type ProfileAccount,
  type ProfileConstraint,
  partition,
} from '../../src/profiles/partition.js';
import { describe, expect, test } from '../support/jest.js';
import {
  account,
  accountId,
  ageOf,
  cannotLink,
  identified,
  mustLink,
  profileId,
} from './accounts.js';

/** Who is together: by the age of the account that names the profile, its members' ages. */
const together = (accounts: readonly ProfileAccount[], ...constraints: ProfileConstraint[]) =>
  Object.fromEntries(
    partition(accounts, constraints).map(({ id, members }) => [
      ageOf(id),
      members.map(({ accountId: member }) => ageOf(member)),
    ]),
  );

/** The profile of the account of an age. */
function profileOf(
  age: number,
  accounts: readonly ProfileAccount[],
  ...constraints: ProfileConstraint[]
) {
  const found = partition(accounts, constraints).find(({ members }) =>
    members.some((member) => member.accountId === accountId(age)),
  );
  if (found === undefined) throw new Error(`account ${age} is in no profile`);
  return found;
}

/** The links of its profile: each member's age, match, rule and the age of who it is linked to. */
const links = (...of: Parameters<typeof profileOf>) =>
  profileOf(...of).members.map(({ accountId: id, match, rule, linkedTo }) => {
    return [ageOf(id), match, rule, linkedTo === null ? null : ageOf(linkedTo)];
  });

describe('values that name nobody', () => {
  test.each([
    ...['', ' ', 'two words', 'tab\there', '0', '000', '-', '0-0', 'null', 'NULL', 'undefined'],
    ...['none', 'n/a', 'unknown', 'Unknown', 'anonymous', 'user', 'deleted', 'deleted_user_77'],
    ...['user1234567890', 'user12345678901234', 'ig_user_id', 'tw_user_id', 'fb_page_id'],
    ...['platform_user_id', 'user_id', 'account_id'],
  ])('%j matches nothing', (value) => {
    expect(matchableId(value)).toBeNull();
    expect(matchableHandle(value)).toBeNull();
    expect(
      together([identified(1, value, { handle: 'a' }), identified(2, value, { handle: 'b' })]),
    ).toEqual({ 1: [1], 2: [2] });
    expect(together([account(1, { handle: value }), account(2, { handle: value })])).toEqual({
      1: [1],
      2: [2],
    });
  });

  test.each([
    ...['1', '10', '-1a', 'nullify', 'user123456789', 'users', 'the_deleted', 'budi_id', '17841'],
    ...['did:plc:abc123', 'urn:li:person:AAA', 'UC-0', 'é'],
  ])('%j does match', (value) => {
    expect(matchableId(value)).toBe(value);
    expect(matchableHandle(value)).toBe(value);
    expect(together([identified(1, value), identified(2, value, { handle: null })])).toEqual({
      1: [1, 2],
    });
  });

  test('nor does what nobody says', () => {
    expect(matchableId(null)).toBeNull();
    expect(together([account(1, { handle: null }), account(2, { handle: null })])).toEqual({
      1: [1],
      2: [2],
    });
  });

  test(`nor does what more than ${MAX_SHARED} live accounts have`, () => {
    const many = (parts: (age: number) => Partial<ProfileAccount>) =>
      Array.from({ length: MAX_SHARED + 1 }, (_, at) => account(at + 1, parts(at + 1)));
    const sameHandle = many(() => ({}));
    const sameId = many((age) => ({ platformUserId: 'of-12-letters', handle: `h${age}` }));
    for (const accounts of [sameHandle, sameId]) {
      expect(partition(accounts, [])).toHaveLength(MAX_SHARED + 1);
      const [first, ...others] = accounts;
      expect(partition(others, [])).toHaveLength(1);
      expect(partition([{ ...account(1), ...first, isLive: false }, ...others], [])).toHaveLength(
        1,
      );
    }
    expect(profileOf(1, [...sameId, account(999, { handle: 'h1' })]).members).toHaveLength(2);
  });
});

describe('equal ids', () => {
  const pair = (platformUserId: string, ...scopes: ProfileAccount['idScope'][]) =>
    scopes.map((idScope, at) =>
      account(at + 1, { provider: `p${at}`, platformUserId, idScope, handle: `h${at}` }),
    );

  test.each([
    ['7', 'global', 'global'],
    ['twelve-chars', 'app', 'unknown'],
    ['twelve-chars', 'instance', 'global'],
  ] as const)('%s, %s and %s: one profile', (id, one, other) => {
    expect(links(1, pair(id, one, other))).toEqual([
      [1, 'strong', 'same_id', 2],
      [2, 'strong', 'same_id', 1],
    ]);
  });

  test.each([
    ['eleven-char', 'unknown', 'unknown'],
    ['7', 'instance', 'instance'],
    ['7', 'global', 'app'],
  ] as const)('%s, %s and %s: too short to be one', (id, one, other) => {
    expect(together(pair(id, one, other))).toEqual({ 1: [1], 2: [2] });
    const renamed = pair(id, one, other).map((each) => ({ ...each, handle: 'harbor' }));
    expect(links(1, renamed)).toEqual([
      [1, 'strong', 'own_id', null],
      [2, 'weak', 'same_handle', 1],
    ]);
  });

  test('are compared byte for byte', () => {
    const accounts = [identified(1, 'UCabc'), identified(2, 'UCABC', { handle: 'other' })];
    expect(together(accounts)).toEqual({ 1: [1], 2: [2] });
  });

  test('outweigh handles: an account goes where its id is, whoever has its handle', () => {
    const accounts = [identified(1, 'A', { handle: 'a' }), identified(2, 'B', { handle: 'b' })];
    expect(together([...accounts, identified(3, 'A', { handle: 'b' })])).toEqual({
      1: [1, 3],
      2: [2],
    });
  });
});

describe('equal handles', () => {
  test('an account without an id joins the one that has one', () => {
    const accounts = [account(1), identified(2, 'A'), account(3, { handle: 'other' })];
    expect(partition(accounts, [])).toEqual([
      {
        id: profileId(1),
        match: 'weak',
        members: [
          { accountId: accountId(1), match: 'weak', rule: 'same_handle', linkedTo: accountId(2) },
          { accountId: accountId(2), match: 'strong', rule: 'own_id', linkedTo: null },
        ],
        candidates: [],
        contradictions: [],
      },
      {
        id: profileIdOf(accountId(3)),
        match: 'none',
        members: [{ accountId: accountId(3), match: 'none', rule: 'alone', linkedTo: null }],
        candidates: [],
        contradictions: [],
      },
    ]);
  });

  test('accounts without ids are one weak profile', () => {
    const accounts = [account(1), account(2), account(3, { provider: 'creatoraudit' })];
    expect(links(1, accounts)).toEqual([
      [1, 'weak', 'same_handle', 2],
      [2, 'weak', 'same_handle', 1],
      [3, 'weak', 'same_handle', 1],
    ]);
    expect(profileOf(1, accounts).match).toBe('weak');
  });

  test('a profile with links of several kinds is mixed', () => {
    const accounts = [identified(1, 'A'), identified(2, 'A'), account(3)];
    expect(links(1, accounts)).toEqual([
      [1, 'strong', 'same_id', 2],
      [2, 'strong', 'same_id', 1],
      [3, 'weak', 'same_handle', 1],
    ]);
    expect(profileOf(1, accounts).match).toBe('mixed');
    expect(profileOf(1, accounts.slice(0, 2)).match).toBe('strong');
  });

  test('of two that contradict, an account without an id joins neither until one moves on', () => {
    const [old, between, next] = [identified(1, 'A'), account(2), identified(3, 'B')] as const;
    const other = account(4);
    expect(together([old, between, next, other])).toEqual({ 1: [1], 2: [2], 3: [3], 4: [4] });
    for (const age of [2, 4])
      expect(profileOf(age, [old, between, next, other])).toMatchObject({
        match: 'none',
        candidates: [profileId(1), profileId(3)],
      });
    expect(profileOf(1, [old, between, next, other]).candidates).toEqual([]);
    const resolved = [{ ...old, handle: 'renamed' }, between, next, other];
    expect(together(resolved)).toEqual({ 1: [1], 2: [2, 3, 4] });
    expect(profileOf(2, resolved).candidates).toEqual([]);
  });

  test('a handle that another person takes takes nobody along', () => {
    const [before, tracked] = [identified(1, 'A'), account(2)] as const;
    expect(together([before, tracked])).toEqual({ 1: [1, 2] });
    const renamed = { ...before, handle: 'renamed' };
    expect(together([renamed, tracked])).toEqual({ 1: [1], 2: [2] });
    const taker = identified(3, 'B');
    expect(together([renamed, tracked, taker])).toEqual({ 1: [1], 2: [2, 3] });
    expect(links(2, [renamed, tracked, taker])).toEqual([
      [2, 'weak', 'same_handle', 3],
      [3, 'strong', 'own_id', null],
    ]);
    expect(together([{ ...before, isLive: false }, tracked, taker])).toEqual({ 2: [2, 3] });
  });

  test('ids of two apps do not contradict, so that equal handles tie them weakly', () => {
    const at = (age: number, provider: string, openId: string) =>
      account(age, { provider, platformUserId: openId, idScope: 'app' });
    const accounts = [at(1, 'socialsyncer', 'open-1'), at(2, 'postiz', 'open-2')];
    expect(links(1, accounts)).toEqual([
      [1, 'strong', 'own_id', null],
      [2, 'weak', 'same_handle', 1],
    ]);
    expect(profileOf(1, accounts)).toMatchObject({ match: 'weak', contradictions: [] });
    const oneApp = [at(1, 'postiz', 'open-1'), at(2, 'postiz', 'open-2')];
    expect(together(oneApp)).toEqual({ 1: [1], 2: [2] });
    const both = [...accounts, at(3, 'postiz', 'open-3')];
    expect(together(both)).toEqual({ 1: [1], 2: [2], 3: [3] });
    expect(profileOf(1, both).candidates).toEqual([profileId(2), profileId(3)]);
  });

  test('a chain over several handles joins nobody where its ends contradict', () => {
    const at = (age: number, handle: string, platformUserId: string | null = null) =>
      account(age, {
        provider: `p${age}`,
        handle,
        platformUserId,
        idScope: platformUserId?.length === 1 ? 'global' : 'app',
      });
    const second = [at(2, 'a', 'of-12-letters'), at(3, 'b', 'of-12-letters')];
    const third = [at(4, 'b', 'of-14-letters-'), at(5, 'c', 'of-14-letters-')];
    const [end] = [at(6, 'c', '2')];
    const chain = [at(1, 'a', '1'), ...second, ...third, end].filter((each) => each !== undefined);
    expect(together(chain)).toEqual({ 1: [1], 2: [2, 3], 4: [4, 5], 6: [6] });
    const candidates = [1, 2, 4, 6].map((age) => profileOf(age, chain).candidates);
    expect(candidates).toEqual([[2], [1, 4], [2, 6], [4]].map((ages) => ages.map(profileId)));
    const agreeing = chain.map((each) => (each === end ? { ...each, platformUserId: '1' } : each));
    expect(together(agreeing)).toEqual({ 1: [1, 2, 3, 4, 5, 6] });
    const undecided = [
      at(7, 'c', 'of-16-letters---'),
      at(8, 'd', 'of-16-letters---'),
      at(9, 'd', '3'),
    ];
    expect(profileOf(4, [...chain, ...undecided]).candidates).toEqual([2, 6, 7].map(profileId));
    expect(profileOf(7, [...chain, ...undecided]).candidates).toEqual([6, 9].map(profileId));
    const outer = links(1, chain.slice(0, 5));
    expect(outer).toEqual([
      [1, 'strong', 'own_id', null],
      [2, 'weak', 'same_handle', 1],
      [3, 'weak', 'same_handle', 4],
      [4, 'weak', 'same_handle', 3],
      [5, 'weak', 'same_id', 4],
    ]);
  });
});

describe('what people say', () => {
  const [a, b, c] = [account(1), identified(2, 'A'), identified(3, 'B', { handle: 'x' })] as const;

  test('holds against handles, also after a disconnect, a new row and a new handle', () => {
    const split = cannotLink(a, b);
    expect(together([a, b], split)).toEqual({ 1: [1], 2: [2] });
    expect(together([{ ...a, isLive: false }, b], split)).toEqual({ 2: [2] });
    const again = { ...a, id: accountId(9) };
    expect(
      together(
        [
          { ...a, handle: 'y' },
          { ...b, handle: 'y' },
        ],
        split,
      ),
    ).toEqual({
      1: [1],
      2: [2],
    });
    expect(together([again, b], split)).toEqual({ 2: [2], 9: [9] });
    expect(together([again, b])).toEqual({ 2: [2, 9] });
  });

  test('holds against ids: the split one starts a profile, and later ones go to the oldest', () => {
    const [one, two, three] = [identified(1, 'A'), identified(2, 'A'), identified(3, 'A')] as const;
    expect(together([one, two, three], cannotLink(two, one))).toEqual({ 1: [1, 3], 2: [2] });
    expect(together([one, two, three], cannotLink(one, two), cannotLink(three, one))).toEqual({
      1: [1],
      2: [2, 3],
    });
  });

  test('keeps two with one handle apart, so that a third fits both and joins neither', () => {
    const [one, two, three] = [account(1), account(2), account(3)] as const;
    expect(together([one, two, three], cannotLink(one, two))).toEqual({ 1: [1], 2: [2], 3: [3] });
    expect(profileOf(3, [one, two, three], cannotLink(one, two)).candidates).toEqual([
      profileId(1),
      profileId(2),
    ]);
  });

  test('ties across a contradiction, which is shown', () => {
    expect(together([a, b, c], mustLink(b, c))).toEqual({ 1: [1, 2, 3] });
    expect(links(1, [a, b, c], mustLink(b, c))).toEqual([
      [1, 'weak', 'same_handle', 2],
      [2, 'manual', 'manual', 3],
      [3, 'manual', 'manual', 2],
    ]);
    expect(profileOf(1, [a, b, c], mustLink(c, b))).toMatchObject({
      match: 'mixed',
      contradictions: [[accountId(2), accountId(3)]],
    });
    const known = [b, c, identified(4, 'B'), identified(5, 'C')];
    expect(profileOf(2, known, mustLink(b, c), mustLink(known[3] ?? b, b)).contradictions).toEqual([
      [accountId(2), accountId(3)],
      [accountId(2), accountId(5)],
    ]);
    const four = [b, c, identified(4, 'C'), identified(5, 'A', { provider: 'octopost' })];
    const ties = four.map((each) => mustLink(b, each));
    expect(profileOf(2, four, ...ties).contradictions).toEqual([
      [accountId(2), accountId(3)],
      [accountId(2), accountId(4)],
      [accountId(3), accountId(5)],
    ]);
    const app = (age: number, platformUserId: string) =>
      account(age, { provider: 'octopost', idScope: 'app', platformUserId });
    const three = [b, app(3, 'open-1'), identified(4, 'B', { provider: 'octopost' })];
    expect(profileOf(2, three, ...three.map((each) => mustLink(b, each))).contradictions).toEqual([
      [accountId(2), accountId(4)],
      [accountId(3), accountId(4)],
    ]);
    expect(profileOf(2, [b, { ...c, isLive: false }], mustLink(b, c))).toMatchObject({
      match: 'none',
      contradictions: [],
    });
  });

  test('makes no two profiles agree that each contradict themselves', () => {
    const apps = ['A', 'B', 'A', 'B'].map((platformUserId, at) =>
      account(at + 1, { provider: 'postiz', idScope: 'app', platformUserId }),
    );
    const [one = a, two = a, three = a, four = a] = apps;
    const ties = [mustLink(one, two), mustLink(three, four)];
    expect(together(apps, ...ties)).toEqual({ 1: [1, 2], 3: [3, 4] });
    expect(profileOf(1, apps, ...ties).candidates).toEqual([]);
    const tracked = account(5);
    expect(together([...apps, tracked], ...ties)).toEqual({ 1: [1, 2], 3: [3, 4], 5: [5] });
    expect(profileOf(5, [...apps, tracked], ...ties).candidates).toEqual([1, 3].map(profileId));
  });

  test('keeps apart all that is tied to the two, whoever was split off from more', () => {
    const [one, two, three, four] = [account(1), account(2), account(3), account(4)] as const;
    const others = [account(5, { handle: 'x' }), account(6, { handle: 'y' })];
    const splits = [cannotLink(one, four), ...others.map((other) => cannotLink(three, other))];
    const ties = [mustLink(one, two), mustLink(one, three)];
    const all = [one, two, three, four, ...others];
    expect(together(all, ...ties, ...splits)).toEqual({ 1: [1, 2, 3], 4: [4], 5: [5], 6: [6] });
  });

  test('of two must_links that a cannot_link keeps from both holding, the newer one holds', () => {
    const others = [account(1, { handle: 'x' }), account(2, { handle: 'y' })] as const;
    const [one, two] = others;
    const middle = account(3, { handle: 'z' });
    const apart = cannotLink(one, two);
    const [first, second] = [mustLink(one, middle), mustLink(two, middle)] as const;
    expect(together([one, two, middle], second, first, apart)).toEqual({ 1: [1], 2: [2, 3] });
    expect(together([one, two, middle], first, second, apart)).toEqual({ 1: [1, 3], 2: [2] });
    expect(together([one, two, middle], first, second)).toEqual({ 1: [1, 2, 3] });
    expect(together([one, middle], first, cannotLink(middle, one))).toEqual({ 1: [1], 3: [3] });
  });

  test('is of every account of the name, and of none where it is gone', () => {
    const twice = [account(2), account(3)].map((each) => ({ ...each, providerAccountId: 'both' }));
    const [shared = a] = twice;
    const named = twice.map((each, at) => ({ ...each, handle: `h${at}` }));
    expect(together([a, ...named], mustLink(a, shared))).toEqual({ 1: [1, 2, 3] });
    expect(together([a, ...twice], cannotLink(shared, a))).toEqual({ 1: [1], 2: [2, 3] });
    expect(together([a, c], mustLink(a, shared), mustLink(shared, c))).toEqual({ 1: [1], 3: [3] });
  });

  test('alone ties accounts without ids and handles, as on an unknown platform', () => {
    const blank = [1, 2, 3].map((age) => account(age, { handle: null }));
    const [one = a, two = a] = blank;
    expect(together(blank, mustLink(two, one))).toEqual({ 1: [1, 2], 3: [3] });
    expect(profileOf(1, blank, mustLink(two, one)).match).toBe('manual');
  });
});

describe('the id of a profile', () => {
  const [oldest, younger] = [identified(1, 'A'), identified(2, 'A')] as const;
  const gone = { ...oldest, isLive: false };

  test('stays while a disconnected account is tied to it by its id or by hand', () => {
    expect(together([oldest, younger])).toEqual({ 1: [1, 2] });
    expect(together([gone, younger])).toEqual({ 1: [2] });
    expect(profileOf(2, [gone, younger])).toMatchObject({ match: 'none', candidates: [] });
    const other = account(3);
    expect(links(2, [gone, younger, other])).toEqual([
      [2, 'strong', 'own_id', null],
      [3, 'weak', 'same_handle', 2],
    ]);
    const tracked = account(1, { isLive: false });
    expect(together([tracked, younger], mustLink(tracked, younger))).toEqual({ 1: [2] });
  });

  test('is not handed on by a handle', () => {
    expect(together([account(1, { isLive: false }), account(2)])).toEqual({ 2: [2] });
    expect(together([gone, identified(2, 'B')])).toEqual({ 2: [2] });
  });

  test('stays at a split with the part of the oldest account', () => {
    const accounts = [account(1), identified(2, 'A'), account(3)];
    expect(together(accounts)).toEqual({ 1: [1, 2, 3] });
    const renamed = accounts.map((each, at) => (at === 1 ? { ...each, handle: 'x' } : each));
    expect(together(renamed)).toEqual({ 1: [1, 3], 2: [2] });
  });

  test('of accounts that a disconnected one ties: it is who they are linked to', () => {
    const between = account(1, { isLive: false, handle: null });
    const [one, two] = [account(2, { handle: 'x' }), account(3, { handle: 'y' })] as const;
    const ties = [mustLink(one, between), mustLink(two, between)];
    expect(links(2, [between, one, two], ...ties)).toEqual([
      [2, 'manual', 'manual', 1],
      [3, 'manual', 'manual', 1],
    ]);
  });

  test('nobody is in the profile of disconnected accounts alone', () => {
    expect(partition([gone, { ...younger, isLive: false }], [])).toEqual([]);
    expect(partition([], [])).toEqual([]);
  });
});

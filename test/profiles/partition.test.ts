import { describe, expect, test } from '@jest/globals';
import {
  type ProfileAccount,
  type ProfileConstraint,
  partition,
} from '../../src/profiles/partition.js';
import { account, accountId, identified, profileId } from './accounts.js';

const must = (one: ProfileAccount, other: ProfileAccount): ProfileConstraint => ({
  kind: 'must_link',
  one,
  other,
});
const cannot = (one: ProfileAccount, other: ProfileAccount): ProfileConstraint => ({
  kind: 'cannot_link',
  one,
  other,
});

/** Who is together: the ages of the accounts by profile. */
function together(accounts: readonly ProfileAccount[], constraints: ProfileConstraint[] = []) {
  return Object.fromEntries(
    partition(accounts, constraints).map(({ id, members }) => [
      Number(id.slice('prof_'.length)),
      members.map(({ accountId: member }) => Number(member.slice('acct_'.length))),
    ]),
  );
}

describe('stories', () => {
  test('one strong cluster takes in what has its handle and no id', () => {
    expect(
      partition([account(1), identified(2, 'A'), account(3, { handle: 'other' })], []),
    ).toEqual([
      {
        id: profileId(1),
        match: 'weak',
        members: [
          {
            accountId: accountId(1),
            match: 'weak',
            rule: 'same_handle',
            linkedTo: accountId(2),
          },
          { accountId: accountId(2), match: 'strong', rule: 'own_id', linkedTo: null },
        ],
        candidates: [],
        contradictions: [],
      },
      {
        id: profileId(3),
        match: 'none',
        members: [{ accountId: accountId(3), match: 'none', rule: 'alone', linkedTo: null }],
        candidates: [],
        contradictions: [],
      },
    ]);
  });

  test('of two that contradict, an account without an id joins neither', () => {
    const accounts = [account(1), identified(2, 'A'), identified(3, 'B')];
    expect(together(accounts)).toEqual({ 1: [1], 2: [2], 3: [3] });
    expect(partition(accounts, [])[0]?.candidates).toEqual([profileId(2), profileId(3)]);
  });

  test('what people say holds against ids and handles', () => {
    const [a, b, c] = [
      account(1),
      identified(2, 'A'),
      identified(3, 'B', { handle: 'x' }),
    ] as const;
    expect(together([a, b, c], [cannot(a, b)])).toEqual({ 1: [1], 2: [2], 3: [3] });
    expect(together([a, b, c], [must(b, c)])).toEqual({ 1: [1, 2, 3] });
    expect(partition([a, b, c], [must(b, c)])[0]?.contradictions).toEqual([
      [accountId(2), accountId(3)],
    ]);
  });
});

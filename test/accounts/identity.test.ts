import fc from 'fast-check';
import {
  COMPARED_FACTS,
  type ComparedFact,
  changedFacts,
  compareIdentity,
  type Identity,
} from '../../src/accounts/identity.js';
import { namesNobody } from '../../src/accounts/nobody.js';
import { UNKNOWN_PLATFORM, utc } from '../../src/model/index.js';
import { describe, expect, test } from '../support/jest.js';

const LOOK = { seenAt: new Date('2026-03-10T12:00:00Z'), coverage: 'whole' } as const;
const before = { min: new Date('2020-01-01'), max: new Date('2026-03-10T11:59:59Z') };
const since = { min: new Date('2026-03-10T12:00:01Z'), max: new Date('2030-01-01') };
const time = (range: { min: Date; max: Date }) =>
  fc.date({ ...range, noInvalidDate: true }).map((at) => at.toISOString());
const handle = fc.constantFrom('jane', 'Harbor.Kitchen', 'josé', 'north_wind', 'a');

const known = fc.record({
  platform: fc.constantFrom('instagram', 'linkedin'),
  platform_user_id: fc.string({ minLength: 1, maxLength: 5 }).filter((id) => !namesNobody(id)),
  username: handle,
  connected_at: time(before),
});
type Known = { readonly [Fact in keyof Identity]: string };
/** The facts that a look leaves out. */
const facts = fc.subarray<ComparedFact>(COMPARED_FACTS.filter((fact) => fact !== 'platform'));

const without = (identity: Identity, left: readonly ComparedFact[]): Identity => ({
  ...identity,
  ...Object.fromEntries(left.map((fact) => [fact, fact === 'platform' ? UNKNOWN_PLATFORM : null])),
});
const resultOf = (meant: Identity, found: Identity) => compareIdentity(meant, found, LOOK).result;
/** Somebody else who holds the same provider account id by now, maybe under the same handle. */
const successorOf = (meant: Known) =>
  fc
    .tuple(known, fc.boolean(), time(since))
    .filter(([other]) => other.platform_user_id !== meant.platform_user_id)
    .map(([other, takesHandle, connected_at]) => ({
      ...other,
      platform: meant.platform,
      connected_at,
      ...(takesHandle && { username: meant.username }),
    }));
const succession = known.chain((meant) =>
  fc.record({ meant: fc.constant(meant), successor: successorOf(meant) }),
);

describe('the account that was meant', () => {
  test('is the same where nothing changed, whatever the provider leaves out, and what is left out is said', () => {
    fc.assert(
      fc.property(known, facts, (meant, left) => {
        const shown = without(meant, left);
        expect(compareIdentity(shown, shown, LOOK)).toEqual({
          result: 'same',
          notCompared: COMPARED_FACTS.filter((fact) => left.includes(fact)),
        });
      }),
    );
  });

  test('is the same after a rename where its network id is the same', () => {
    fc.assert(
      fc.property(known, handle, fc.boolean(), (meant, username, isHidden) => {
        const found = { ...meant, username: isHidden ? null : username };
        expect(resultOf(meant, found)).toBe('same');
      }),
    );
  });

  test('is not known again under another handle without its network id', () => {
    fc.assert(
      fc.property(known, handle, (meant, username) => {
        fc.pre(username !== meant.username);
        const nameless = without(meant, ['platform_user_id']);
        expect(resultOf(nameless, { ...nameless, username })).toBe('other');
        expect(resultOf(nameless, { ...meant, username })).toBe('other');
      }),
    );
  });

  test('is known in other case, in another Unicode form, and by a time with another offset', () => {
    const meant = { ...JANE, platform_user_id: null, username: 'josé', connected_at: T1 };
    const offset = utc('2026-03-01T12:00:00.000+02:00');
    const found = { ...meant, username: 'JOSE\u0301', connected_at: offset };
    expect(resultOf(meant, found)).toBe('same');
  });

  test('is a newer connection once it was connected later, or since it was seen without a time', () => {
    fc.assert(
      fc.property(known, facts, time(since), (meant, left, connected_at) => {
        const hidden = left.filter((fact) => fact !== 'platform_user_id');
        expect(resultOf(without(meant, hidden), { ...meant, connected_at })).toBe('reconnected');
      }),
    );
  });
});

describe('the account in a health report, which tells no connect times', () => {
  const REPORT = { ...LOOK, coverage: 'health' } as const;
  const inReport = (identity: Identity): Identity => ({ ...identity, connected_at: null });

  test('is the same by the facts that the report tells, and its time is not compared', () => {
    expect(compareIdentity(JANE, inReport(JANE), REPORT)).toEqual({
      result: 'same',
      notCompared: ['connected_at'],
    });
    const nameless = without(JANE, ['platform_user_id']);
    expect(compareIdentity(nameless, inReport(nameless), REPORT).result).toBe('same');
  });

  test('is somebody else by any of them, and when it tells none that was known', () => {
    fc.assert(
      fc.property(succession, facts, facts, ({ meant, successor }, unknown, left) => {
        const told = without(meant, unknown);
        const found = inReport(without(successor, left));
        const isComparable = (fact: ComparedFact) => told[fact] !== null && found[fact] !== null;
        const isToldApart =
          isComparable('platform_user_id') ||
          (isComparable('username') && successor.username !== meant.username) ||
          (unknown.length < 3 && !isComparable('username'));
        if (isToldApart) expect(compareIdentity(told, found, REPORT).result).toBe('other');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('somebody else under the same provider account id', () => {
  test('is never taken for who was meant while a fact that both sides have tells them apart', () => {
    fc.assert(
      fc.property(succession, facts, facts, ({ meant, successor }, unknown, left) => {
        const told = without(meant, unknown);
        const found = without(successor, left);
        const areComparable = (fact: ComparedFact) => told[fact] !== null && found[fact] !== null;
        // The successor was connected after who was meant was seen.
        const isToldApart =
          areComparable('platform_user_id') ||
          found.connected_at !== null ||
          (areComparable('username') && successor.username !== meant.username);
        if (isToldApart) expect(resultOf(told, found)).not.toBe('same');
      }),
      { numRuns: 2000 },
    );
  });

  test('is never taken for who was meant where nothing that was known is known now', () => {
    fc.assert(
      fc.property(succession, facts, facts, ({ meant, successor }, unknown, left) => {
        const told = without(meant, unknown);
        fc.pre(unknown.length < 3);
        const known = COMPARED_FACTS.filter((fact) => fact !== 'platform' && told[fact] !== null);
        expect(resultOf(told, without(successor, [...left, ...known]))).not.toBe('same');
      }),
    );
  });

  test('is told apart by the network id before all else', () => {
    fc.assert(
      fc.property(succession, ({ meant, successor }) => {
        expect(resultOf(meant, successor)).toBe('other');
      }),
    );
  });

  test('is not who was meant for an equal id that is nobody’s', () => {
    const nobodys = fc.constantFrom('0', 'null', 'N/A', 'ig_user_id', 'deleted_7', 'two words');
    fc.assert(
      fc.property(succession, nobodys, ({ meant, successor }, platform_user_id) => {
        const [told, found] = [meant, successor].map((one) => ({ ...one, platform_user_id }));
        const { result, notCompared } = compareIdentity(told as Identity, found as Identity, LOOK);
        expect(result).not.toBe('same');
        expect(notCompared).toContain('platform_user_id');
        expect(resultOf(told as Identity, told as Identity)).toBe('same');
      }),
    );
  });

  test('on another network is somebody else', () => {
    expect(resultOf(JANE, { ...JANE, platform: 'threads' })).toBe('other');
  });

  test('on a network that cannot be read is told apart by the rest', () => {
    const unread = without(JANE, ['platform']);
    expect(compareIdentity(JANE, unread, LOOK)).toEqual({
      result: 'same',
      notCompared: ['platform'],
    });
    const nameless = without(JANE, ['platform_user_id']);
    expect(resultOf(nameless, { ...without(nameless, ['platform']), username: 'x' })).toBe('other');
  });
});

test('a handle or time that was known and is missing lets nothing through that it would have stopped', () => {
  fc.assert(
    fc.property(known, known, facts, facts, (meant, other, unknown, left) => {
      const told = without(meant, unknown);
      fc.pre(resultOf(told, other) !== 'same');
      const hidden = left.filter((fact) => fact !== 'platform_user_id' && told[fact] !== null);
      expect(resultOf(told, without(other, hidden))).not.toBe('same');
    }),
    { numRuns: 2000 },
  );
});

describe('what tells two identities apart', () => {
  test('is told, and nothing that is only written in another way', () => {
    const found = {
      ...JANE,
      platform_user_id: 'urn:li:person:BBB',
      username: 'Jane.Personal',
      connected_at: '2026-03-01T10:00:00Z',
    };
    expect(changedFacts(JANE, found)).toEqual([
      'platform_user_id was "urn:li:person:AAA" and is "urn:li:person:BBB"',
    ]);
    expect(changedFacts(JANE, { ...found, username: null, connected_at: null })).toEqual([
      'platform_user_id was "urn:li:person:AAA" and is "urn:li:person:BBB"',
      'username was "jane.personal" and is unknown',
      `connected_at was "${T1}" and is unknown`,
    ]);
  });

  test('is there whenever the account is not the one that was meant', () => {
    fc.assert(
      fc.property(known, known, facts, facts, (meant, other, unknown, left) => {
        const [told, found] = [without(meant, unknown), without(other, left)];
        fc.pre(resultOf(told, found) !== 'same');
        expect(changedFacts(told, found)).not.toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});

const T1 = '2026-03-01T10:00:00.000Z';
const JANE: Known = {
  platform: 'linkedin',
  platform_user_id: 'urn:li:person:AAA',
  username: 'jane.personal',
  connected_at: T1,
};

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { adapters } from '../../adapters/index.gen.js';
import { type AnyAdapter, NO_METRICS, NOT_TOLD, UNREADABLE } from '../../src/model/index.js';
import { isObservation, type Observation, readAccount } from '../../src/providers/read-account.js';
import { describe, expect } from '../support/jest.js';
import { accountFixtures } from './fixtures.js';
import { deepFreeze, withNewKeys, withoutNewKeys } from './json.js';
import { observedAccountSchema } from './observed-account.js';
import { rule, ruleForEach } from './rule.js';
import { JUNK, sameValues } from './wire-forms.js';

/** What an adapter passes on, and never concludes from other fields. */
const FACTS: readonly string[] = [
  ...Object.keys(NO_METRICS),
  ...['platform', 'platformUserId', 'isVerified', 'tokenValid'],
  ...['connectedAt', 'lastUsedAt', 'providerUpdatedAt', 'tokenExpiresAt'],
];

type Wire = Readonly<Record<string, unknown>>;
const KEY = 'sk_live_0123456789abcdefghij';
const LONG_AGO = new Date(0);
/** Made once: each takes a tenth of a second. */
const ANY_ID = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 });
const ANY_TEXT = fc.string({ unit: 'binary' });

/** The account, or the field for which it is set aside. */
function reading(adapter: AnyAdapter, wire: unknown, observedAt: Date): Observation | string {
  const read = readAccount(adapter, wire, observedAt, [KEY]);
  return isObservation(read) ? read : read.reason.replace(/:.*/s, '');
}

function observe(adapter: AnyAdapter, wire: unknown, observedAt = LONG_AGO): Observation {
  const read = readAccount(adapter, wire, observedAt, [KEY]);
  if (!isObservation(read)) throw new Error(`It is set aside: ${read.reason}`);
  expectSame(observedAccountSchema.parse(read.account), read.account);
  return read;
}

/** As `toStrictEqual`, which takes many times as long and is left to tell the difference. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}

const fieldsOf = ({ degraded }: Observation) => degraded.map(({ field }) => field);

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))(
  '$id: accounts',
  ({ id, adapter }) => {
    const fixtures = accountFixtures(id);
    const mapped = fixtures.filter(({ fixture }) => fixture.account !== undefined);
    const usual: { readonly wire: Wire } = mapped.find(({ name }) => name === 'account')
      ?.fixture ?? { wire: {} };
    const usualId = () => observe(adapter, usual.wire).account.providerAccountId;
    /** What the account's id is made of. */
    const idFields = () =>
      Object.keys(usual.wire).filter((field) => {
        const { [field]: _, ...rest } = usual.wire;
        return typeof reading(adapter, rest, LONG_AGO) === 'string';
      });

    rule(
      'has account.json, and each account fixture has one result',
      'Write fixtures/account.json, one account as the provider sends it; each account fixture ' +
        'has either `account` or `refused`.',
      () => {
        expect(fixtures.map(({ name }) => name)).toContain('account');
        for (const { fixture } of fixtures)
          expect(fixture.account === undefined).not.toBe(fixture.refused === undefined);
      },
    );

    ruleForEach(
      fixtures,
      '$name becomes the expected canonical account, or is refused by the field',
      "Correct schema.ts or map.ts where the mapping is wrong, the fixture's `account` (or " +
        '`refused`, `degraded`) where the fixture is.',
      ({ fixture }) => {
        const read = reading(adapter, fixture.wire, fixture.observedAt);
        if (typeof read === 'string') return expect(read).toBe(fixture.refused);
        expect(read.account).toStrictEqual(fixture.account);
        expect(fieldsOf(read)).toStrictEqual(fixture.degraded);
        expect(observedAccountSchema.parse(read.account)).toStrictEqual(read.account);
      },
    );

    ruleForEach(
      mapped,
      '$name: unknown keys change nothing',
      'Map named fields alone: read no member names as data, and use `z.object`, which passes ' +
        'others over.',
      ({ fixture }) => {
        const { account } = observe(adapter, withNewKeys(fixture.wire), fixture.observedAt);
        expect(withoutNewKeys(account)).toStrictEqual(fixture.account);
      },
    );

    ruleForEach(
      mapped,
      '$name: an absent field says the same as null',
      'Use the readers of src/model/wire.ts in schema.ts: they take a field that is absent, ' +
        'and map.ts gets `null`.',
      ({ fixture }) => {
        const told = Object.fromEntries(
          Object.entries(fixture.wire).filter(([, value]) => value !== null),
        );
        expect(observe(adapter, told, fixture.observedAt).account).toStrictEqual(fixture.account);
      },
    );

    ruleForEach(
      mapped,
      '$name: frozen input is left alone, and the same look twice says the same',
      'Keep map.ts pure: change no input, and take times from `observedAt`, never from the clock.',
      ({ fixture }) => {
        const wire = deepFreeze(structuredClone(fixture.wire));
        const look = () => observe(adapter, wire, fixture.observedAt);
        expect(look()).toStrictEqual(look());
        expect(wire).toStrictEqual(fixture.wire);
      },
    );

    rule(
      'the id is kept byte for byte, and alone sets an account aside',
      'Read the id by `read.id()`, all other fields by the other readers, and let ' +
        '`providerAccountId` be the id as it came.',
      () => {
        const fields = idFields();
        const ownId = usualId();
        expect(ownId).toBe(fields.map((field) => usual.wire[field]).join('/'));
        for (const field of fields) {
          const given = String(usual.wire[field]);
          fc.assert(
            fc.property(ANY_ID, (text) => {
              fc.pre(text.trim() !== '' && !text.includes('\0') && !text.includes('/'));
              const { account } = observe(adapter, { ...usual.wire, [field]: text });
              expect(account.providerAccountId).toBe(ownId.replace(given, () => text));
            }),
          );
          for (const none of ['', ' ', null, {}, [], true, 1.5, 2 ** 60, 'a\0', '\u{d83d}'])
            expect(reading(adapter, { ...usual.wire, [field]: none }, LONG_AGO)).toBe(field);
          const whole = { ...usual.wire, [field]: 'i'.repeat(1_025) };
          expect(reading(adapter, whole, LONG_AGO)).toBe('id');
          expect(reading(adapter, { ...usual.wire, [field]: KEY }, LONG_AGO)).toBe(field);
        }
      },
    );

    ruleForEach(
      mapped,
      '$name: its id is found although nothing else can be read',
      'Have `account.id` in index.ts take the id from the field that `providerAccountId` is ' +
        'made of.',
      ({ fixture }) => {
        const { providerAccountId } = observe(adapter, fixture.wire, fixture.observedAt).account;
        const map = () => {
          throw new RangeError('cannot be mapped');
        };
        const read = readAccount(
          { ...adapter, account: { ...adapter.account, map } },
          fixture.wire,
          LONG_AGO,
          [KEY],
        );
        expect(read).toMatchObject({ id: providerAccountId });
      },
    );

    rule(
      'a field of any JSON type costs the field, and never the account',
      'Read every field by a reader of src/model/wire.ts; one made of plain zod refuses the ' +
        'whole account.',
      () => {
        const ownId = usualId();
        const ids = idFields();
        for (const field of Object.keys(usual.wire).filter((name) => !ids.includes(name))) {
          for (const junk of JUNK) {
            const read = observe(adapter, { ...usual.wire, [field]: junk });
            expect([[], [field]]).toContainEqual(fieldsOf(read));
            expect(read.account.providerAccountId).toBe(ownId);
            expect(JSON.stringify(read.remoteData).length).toBeLessThanOrEqual(64 * 1024);
            for (const { example } of read.degraded) expect(example.length).toBeLessThanOrEqual(80);
          }
        }
      },
    );

    rule(
      'what is not told is null, and never made up',
      'Pass `null` on in map.ts: no zero, no empty text, no default and no other field in its ' +
        'place.',
      () => {
        const ids = idFields();
        const { metrics, ...whole } = observe(adapter, usual.wire).account;
        const facts = { ...whole, ...metrics };
        for (const field of Object.keys(usual.wire).filter((name) => !ids.includes(name))) {
          const look = observe(adapter, { ...usual.wire, [field]: null }).account;
          for (const [name, value] of Object.entries({ ...look, ...look.metrics }))
            if (FACTS.includes(name))
              expect([null, facts[name as keyof typeof facts]]).toContain(value);
        }
      },
    );

    rule(
      'without a field that decides, the verdict is unknown and the status as it was',
      'Return STATES.answer_unreadable in map.ts while a field of `account.deciding` is `null` or ' +
        'unreadable; name all such fields there.',
      () => {
        if (adapter.account.deciding.length === 0)
          for (const { fixture } of mapped) expect(fixture.account?.verdict).toEqual(NOT_TOLD);
        for (const field of adapter.account.deciding) {
          expect(Object.keys(usual.wire)).toContain(field);
          const read = observe(adapter, { ...usual.wire, [field]: { unexpected: 1 } });
          expect(read.account).toMatchObject({
            status: null,
            verdict: { status: 'unknown', reason: 'answer_unreadable', fault: 'provider' },
          });
          expect(read.degraded).toEqual([{ field, example: '{"unexpected":1}' }]);
          const untold = observe(adapter, { ...usual.wire, [field]: null });
          const isUnread = untold.account.verdict.reason === 'answer_unreadable';
          expect(fieldsOf(untold)).toStrictEqual(isUnread ? [field] : []);
        }
      },
    );

    rule(
      'every field broken at once leaves the account, and what is said of it unknown',
      'Decide the state in map.ts by fields that were read: with none of them the verdict is ' +
        'UNREADABLE.',
      () => {
        const ids = idFields();
        const broken = Object.fromEntries(
          Object.entries(usual.wire).map(([field, value]) => [
            field,
            ids.includes(field) ? value : [{ field }],
          ]),
        );
        const { account } = observe(adapter, broken);
        expect(account).toMatchObject({
          providerAccountId: usualId(),
          status: null,
          verdict: adapter.account.deciding.length === 0 ? NOT_TOLD : UNREADABLE,
          username: null,
          displayName: null,
          connectedAt: null,
        });
      },
    );

    ruleForEach(
      mapped,
      '$name: values in other forms say the same',
      'Read flags by `read.flag()`, counts by `read.count()` and times by `read.instant()`: they know the ' +
        'forms that providers use.',
      ({ fixture }) => {
        const unread = [...idFields(), ...fixture.degraded];
        for (const [field, value] of Object.entries(fixture.wire)) {
          if (unread.includes(field)) continue;
          for (const same of sameValues(value)) {
            const read = observe(adapter, { ...fixture.wire, [field]: same }, fixture.observedAt);
            const wanted = { field, same, account: fixture.account };
            expectSame({ field, same, account: read.account }, wanted);
          }
        }
      },
    );

    rule(
      'a time that stands for "never" is null, and one without a meaning is degraded',
      'Read times by `read.instant()` or `read.unixTime()`.',
      () => {
        const times = Object.entries(usual.wire).filter(
          ([, value]) => sameValues(value).length > 4,
        );
        for (const [field] of times) {
          const look = (time: unknown) => observe(adapter, { ...usual.wire, [field]: time });
          const never = look(null);
          for (const time of [
            '0001-01-01T00:00:00Z',
            '1970-01-01T00:00:00Z',
            '0000-00-00 00:00:00',
          ])
            expect({ ...look(time), remoteData: null }).toStrictEqual({
              ...never,
              remoteData: null,
            });
          for (const time of ['yesterday', '2026-02-30T00:00:00Z', '2026-01-15', 1_768_471_200])
            expect(look(time).account).toMatchObject({ providerAccountId: usualId() });
        }
      },
    );

    rule(
      'secrets in addresses and our own key are neither shown nor kept',
      'Pass texts on as fields of the account: the engine redacts those, and cannot redact ' +
        'what map.ts makes of them.',
      () => {
        const signed = 'access_token=EAABsecret&v=1';
        const texts = Object.entries(usual.wire).filter(([, value]) => typeof value === 'string');
        const ids = idFields();
        for (const [field, value] of texts.filter(([name]) => !ids.includes(name))) {
          for (const text of [
            `https://user:EAABsecret@cdn.example/p.jpg?${signed}`,
            `${value} ${KEY}`,
            encodeURIComponent(KEY),
            Buffer.from(KEY).toString('base64'),
          ]) {
            const read = JSON.stringify(observe(adapter, { ...usual.wire, [field]: text }));
            expect(read).not.toContain('EAABsecret');
            expect(read).not.toContain(KEY);
            expect(read).not.toContain(Buffer.from(KEY).toString('base64').slice(0, 37));
          }
        }
      },
    );

    rule(
      'no text, whatever it is, becomes a time, a handle or an address that is none',
      'Use `read.instant()`, `handle()` and `read.url()`, and build no address of a text in ' +
        'map.ts.',
      () => {
        const ids = idFields();
        const texts = Object.entries(usual.wire).filter(([, value]) => typeof value === 'string');
        for (const [field] of texts.filter(([name]) => !ids.includes(name))) {
          fc.assert(
            fc.property(ANY_TEXT, (text) => {
              observe(adapter, { ...usual.wire, [field]: text } satisfies Wire);
            }),
            { examples: [['\0'], [' \0\0'], ['\ud800']] },
          );
        }
      },
    );
  },
);

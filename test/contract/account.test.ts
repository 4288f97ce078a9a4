import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { adapters } from '../../adapters/index.gen.js';
import { accountFixtures } from './fixtures.js';
import { deepFreeze, withNewKeys, withoutNewKeys } from './json.js';
import { complete, observedAccountSchema } from './observed-account.js';

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))(
  '$id: accounts',
  ({ id, adapter }) => {
    const { schema } = adapter.account;
    const map = (...look: Parameters<typeof adapter.account.map>) =>
      complete(adapter.account.map(...look));
    const fixtures = accountFixtures(id);
    const mapped = fixtures.filter(({ fixture }) => fixture.account !== undefined);
    const usual = mapped.find(({ name }) => name === 'account')?.fixture ?? { wire: {} };

    test('has account.json, and each account fixture has one result', () => {
      expect(fixtures.map(({ name }) => name)).toContain('account');
      for (const { fixture } of fixtures)
        expect(fixture.account === undefined).not.toBe(fixture.refused === undefined);
    });

    test.each(fixtures)(
      '$name becomes the expected canonical account, or is refused by the field',
      ({ fixture }) => {
        const parsed = schema.safeParse(fixture.wire);
        expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toStrictEqual(
          fixture.refused && [fixture.refused],
        );
        if (!parsed.success) return;
        const account = map(parsed.data, fixture.observedAt);
        expect(account).toStrictEqual(fixture.account);
        expect(observedAccountSchema.parse(account)).toStrictEqual(account);
      },
    );

    test.each(mapped)('$name: unknown keys change nothing', ({ fixture }) => {
      const account = map(schema.parse(withNewKeys(fixture.wire)), fixture.observedAt);
      expect(withoutNewKeys(account)).toStrictEqual(fixture.account);
    });

    test.each(mapped)('$name: an absent field says the same as null', ({ fixture }) => {
      const told = Object.fromEntries(
        Object.entries(fixture.wire).filter(([, value]) => value !== null),
      );
      expect(map(schema.parse(told), fixture.observedAt)).toStrictEqual(fixture.account);
    });

    test.each(mapped)(
      '$name: a field that is missing or null is borne, or refused by its name',
      ({ fixture }) => {
        for (const field of Object.keys(fixture.wire)) {
          const { [field]: _, ...absent } = fixture.wire;
          for (const wire of [absent, { ...absent, [field]: null }]) {
            const parsed = schema.safeParse(wire);
            if (parsed.success) observedAccountSchema.parse(map(parsed.data, fixture.observedAt));
            else expect(parsed.error.issues.map((issue) => issue.path[0])).toStrictEqual([field]);
          }
        }
      },
    );

    test.each(mapped)(
      '$name: frozen input is left alone, and the same look twice says the same',
      ({ fixture }) => {
        const wire = deepFreeze(structuredClone(fixture.wire));
        const parsed = deepFreeze(schema.parse(wire));
        expect(map(parsed, fixture.observedAt)).toStrictEqual(map(parsed, fixture.observedAt));
        expect(wire).toStrictEqual(fixture.wire);
      },
    );

    test('the id is a string, byte for byte', () => {
      const wire: Record<string, unknown> = usual.wire;
      const id = map(schema.parse(wire), new Date(0)).providerAccountId;
      const idField = Object.keys(wire).find((field) => id.endsWith(String(wire[field]))) ?? '';
      fc.assert(
        fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
          const account = map(schema.parse({ ...wire, [idField]: text }), new Date(0));
          expect(account.providerAccountId).toBe(id.replace(String(wire[idField]), () => text));
        }),
      );
      expect(schema.safeParse({ ...wire, [idField]: 1784140012345678 }).success).toBe(false);
    });

    test('no text, whatever it is, becomes a time, a handle or an address that is none', () => {
      const texts = Object.entries(usual.wire).filter(([, value]) => typeof value === 'string');
      for (const [field] of texts) {
        fc.assert(
          fc.property(fc.string({ unit: 'binary' }), (text) => {
            const parsed = schema.safeParse({ ...usual.wire, [field]: text });
            if (parsed.success) observedAccountSchema.parse(map(parsed.data, new Date(0)));
          }),
        );
      }
    });
  },
);

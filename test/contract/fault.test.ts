import { describe, expect, test } from '@jest/globals';
import { adapters } from '../../adapters/index.gen.js';
import { type AnyAdapter, PROVIDER_ERRORS } from '../../src/model/index.js';
import { refusal } from '../../src/providers/translate-error.js';
import { faultFixtures } from './fixtures.js';
import { withNewKeys } from './json.js';

/** The code that the engine ends with. */
function codeOf(adapter: AnyAdapter, { status, body }: { status: number; body: unknown }): string {
  const name = (['disconnect', 'get', 'list'] as const).find(
    (operation) => adapter.operations[operation] !== undefined,
  );
  return refusal(
    { adapter, name: name ?? 'list', secrets: [], now: new Date(0) },
    { status, headers: {}, body: '' },
    body === null ? { kind: 'none' } : { kind: 'json', value: body },
  ).error.code;
}

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))(
  '$id: faults',
  ({ id, adapter }) => {
    const { schema, read, codes } = adapter.errorBody;
    const fixtures = faultFixtures(id);

    test.each(fixtures)('$name is read and has its code', ({ fixture }) => {
      const parsed = schema.safeParse(fixture.body);
      const fault = parsed.success ? read(parsed.data, {}) : null;
      expect(fault).toStrictEqual(fixture.fault);
      expect(codeOf(adapter, fixture)).toBe(fixture.error);
    });

    test.each(fixtures)('$name: unknown keys change nothing', ({ fixture }) => {
      const parsed = schema.safeParse(withNewKeys(fixture.body));
      expect(parsed.success ? read(parsed.data, {}) : null).toStrictEqual(fixture.fault);
    });

    test('every code it translates has a fixture, and is one of ours', () => {
      const shown = fixtures.map(({ fixture }) => fixture.fault?.code);
      expect(shown).toStrictEqual(expect.arrayContaining(Object.keys(codes)));
      for (const code of Object.values(codes)) expect(PROVIDER_ERRORS).toHaveProperty(code);
    });

    test.each([null, '', [], 'Bad Gateway', '<html></html>', 502, { error: 7, code: 7 }])(
      'an error body that is none (%j) is passed over',
      (body) => {
        expect(schema.safeParse(body).success).toBe(false);
      },
    );
  },
);

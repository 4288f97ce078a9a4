import { describe, expect, test } from '@jest/globals';
import { adapters } from '../../adapters/index.gen.js';
import { PROVIDER_ERRORS } from '../../src/model/index.js';
import { faultFixtures } from './fixtures.js';
import { withNewKeys } from './json.js';

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))(
  '$id: faults',
  ({ id, adapter }) => {
    const { schema, read, codes } = adapter.errorBody;
    const fixtures = faultFixtures(id);

    test.each(fixtures)('$name is read and has its code', ({ fixture }) => {
      const parsed = schema.safeParse(fixture.body);
      const fault = parsed.success ? read(parsed.data, {}) : null;
      expect(fault).toStrictEqual(fixture.fault);
      expect(codes[fault?.code ?? ''] ?? null).toBe(fixture.error);
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

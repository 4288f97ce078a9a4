import { adapters } from '../../adapters/index.gen.js';
import { type AnyAdapter, PROVIDER_ERRORS } from '../../src/model/index.js';
import { refusal } from '../../src/providers/translate-error.js';
import { describe, expect } from '../support/jest.js';
import { faultFixtures } from './fixtures.js';
import { withNewKeys } from './json.js';
import { rule, ruleForEach } from './rule.js';

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

    ruleForEach(
      fixtures,
      '$name is read and has its code',
      "Correct `errorBody` in index.ts, or the fixture's `fault` (what is read) and `error` " +
        '(the code it ends with).',
      ({ fixture }) => {
        const parsed = schema.safeParse(fixture.body);
        const fault = parsed.success ? read(parsed.data, {}) : null;
        expect(fault).toStrictEqual(fixture.fault);
        expect(codeOf(adapter, fixture)).toBe(fixture.error);
      },
    );

    ruleForEach(
      fixtures,
      '$name: unknown keys change nothing',
      'Map named fields alone: read no member names as data, and use `z.object`, which passes ' +
        'others over.',
      ({ fixture }) => {
        const parsed = schema.safeParse(withNewKeys(fixture.body));
        expect(parsed.success ? read(parsed.data, {}) : null).toStrictEqual(fixture.fault);
      },
    );

    rule(
      'every code it translates has a fixture, and is one of ours',
      'Write a fixtures/fault.<name>.json for each of `errorBody.codes`, and translate to ' +
        'codes of src/model/provider-error.ts.',
      () => {
        const shown = fixtures.map(({ fixture }) => fixture.fault?.code);
        expect(shown).toStrictEqual(expect.arrayContaining(Object.keys(codes)));
        for (const code of Object.values(codes)) expect(PROVIDER_ERRORS).toHaveProperty(code);
      },
    );

    ruleForEach(
      [null, '', [], 'Bad Gateway', '<html></html>', 502, { error: 7, code: 7 }].map((body) => ({
        name: JSON.stringify(body),
        body,
      })),
      'an error body that is none ($name) is passed over',
      'Let `errorBody.schema` ask for a field that every error of the provider has, of its type.',
      ({ body }) => {
        expect(schema.safeParse(body).success).toBe(false);
      },
    );
  },
);

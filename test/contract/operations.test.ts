import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { adapters } from '../../adapters/index.gen.js';
import type {
  AnyAdapter,
  Operation,
  OperationName,
  ProviderHeaders,
  ProviderRequest,
  ReadParameter,
} from '../../src/model/index.js';
import { isObservation, readAccount } from '../../src/providers/read-account.js';
import { operationFixtures } from './fixtures.js';
import { deepFreeze, withNewKeys, withoutNewKeys, withReplaced } from './json.js';
import { observedAccountSchema } from './observed-account.js';

const HOSTILE_IDS = [
  'a/../b?x=1',
  '..',
  '.',
  'did:plc:abc',
  'urn:li:person:a/b',
  '17841400123456789',
  'ü 株#%2F&=+',
  '%2e%2e',
  '-_.~',
];
const anyText = fc.oneof(
  fc.constantFrom(...HOSTILE_IDS),
  fc.string({ unit: 'binary', minLength: 1 }),
);

/** An operation as the fixtures see it: JSON in, JSON out. */
interface AnyOperation {
  readonly request: (input: Record<string, unknown>, parameter: ReadParameter) => ProviderRequest;
  readonly statuses?: readonly number[];
  readonly response: z.ZodType;
  readonly map: (
    wire: unknown,
    input: Record<string, unknown>,
    headers: ProviderHeaders,
  ) => unknown;
  readonly subject?: (wire: unknown) => string | null | undefined;
}

function declaredOperations(adapter: AnyAdapter) {
  return Object.entries(adapter.operations).map(([name, operation]) => ({
    name: name as OperationName,
    operation: operation satisfies
      | Operation<OperationName, unknown>
      | undefined as unknown as AnyOperation,
    fixtures: operationFixtures(adapter.id, name),
  }));
}

/** The request as it would travel: keys without a value left out. */
const sent = (request: ProviderRequest): unknown => JSON.parse(JSON.stringify(request));

/** Reads the public parameters of the connection that a fixture is about. */
function parameterOf(
  fixture: { readonly parameters: Readonly<Record<string, string>> } | undefined,
): ReadParameter {
  return (name) => fixture?.parameters[name] ?? '';
}

/** Every text that the request carries: the path decoded, with a slash at its end. */
function carried({ path, query, body, form }: ProviderRequest): readonly string[] {
  return [
    `${decodeURIComponent(path)}/`,
    ...[query, body, form].flatMap((part) =>
      Object.values(z.record(z.string(), z.unknown()).catch({}).parse(part)),
    ),
  ].filter((value) => typeof value === 'string');
}

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))(
  '$id',
  ({ id, adapter }) => {
    describe.each(declaredOperations(adapter))('$name', ({ name, operation, fixtures }) => {
      const mapped = fixtures.filter(({ fixture }) => fixture.output !== undefined);
      const usual = mapped.find((named) => named.name === name)?.fixture;

      test(`adapters/${id}/fixtures/${name}.json is there, and each fixture has one result`, () => {
        expect(usual).toBeDefined();
        for (const { fixture } of fixtures)
          expect(fixture.output === undefined).not.toBe(fixture.refused === undefined);
      });

      test.each(fixtures)(
        '$name: the request is as expected, and the same each time',
        ({ fixture }) => {
          const input = deepFreeze(structuredClone(fixture.input));
          expect(sent(operation.request(input, parameterOf(fixture)))).toStrictEqual(
            sent(fixture.request as ProviderRequest),
          );
          expect(operation.request(input, parameterOf(fixture))).toStrictEqual(
            operation.request(input, parameterOf(fixture)),
          );
        },
      );

      test.each(fixtures)(
        '$name: the answer becomes the expected output, or is refused by the field',
        ({ fixture }) => {
          const parsed = operation.response.safeParse(deepFreeze(structuredClone(fixture.body)));
          expect(parsed.error?.issues.map((issue) => issue.path.join('.'))).toStrictEqual(
            fixture.refused === undefined ? undefined : [fixture.refused],
          );
          if (parsed.success)
            expect(operation.map(deepFreeze(parsed.data), fixture.input, fixture.headers)).toEqual(
              fixture.output,
            );
        },
      );

      test.each(mapped)(
        '$name: its status is documented, and it names the account that was asked about',
        ({ fixture }) => {
          expect(operation.statuses ?? [200, 201, 202, 204]).toContain(fixture.status);
          const named = operation.subject?.(operation.response.parse(fixture.body));
          if (named != null) expect(named).toBe(fixture.input.id);
        },
      );

      test.each(mapped)(
        '$name: an answer about another account is known as such',
        ({ fixture }) => {
          const other = withReplaced(fixture.body, fixture.input.id, 'another');
          if (operation.subject === undefined || isDeepStrictEqual(other, fixture.body)) return;
          expect(operation.subject(operation.response.parse(other))).toBe('another');
        },
      );

      test.each(mapped)('$name: of a full page nothing is left out', ({ fixture }) => {
        const { items } = pageSchema.catch({ items: [] }).parse(fixture.output);
        if (!['list', 'health'].includes(name) || items.length === 0) return;
        const full = Array.from(
          { length: adapter.limits.pageSize },
          (_, at) => items[at % items.length],
        );
        const body = withReplaced(fixture.body, items, full);
        const output = operation.map(
          operation.response.parse(body),
          fixture.input,
          fixture.headers,
        );
        expect(pageSchema.parse(output).items).toHaveLength(full.length);
      });

      test.each(mapped)('$name: unknown keys change nothing', ({ fixture }) => {
        const output = operation.map(
          operation.response.parse(withNewKeys(fixture.body)),
          fixture.input,
          fixture.headers,
        );
        expect(withoutNewKeys(output)).toEqual(fixture.output);
      });

      test('whatever the texts asked for, the request goes where it should and carries the id byte for byte', () => {
        const { input = {}, request } = usual ?? {};
        for (const field of Object.keys(input).filter((key) => typeof input[key] === 'string')) {
          fc.assert(
            fc.property(anyText, (text) => {
              // Of an id that is a pair only the provider's own half is free.
              const value = field === 'id' ? String(input.id).replace(/[^/]*$/, () => text) : text;
              const hostile = operation.request({ ...input, [field]: value }, parameterOf(usual));
              expect(hostile.path).toMatch(/^(\/[\w\-.~!*'()%]+)+$/);
              expect(hostile.path).not.toMatch(/\/\.{1,2}(\/|$)/);
              expect(hostile.path.split('/')).toHaveLength(String(request?.path).split('/').length);
              if (field === 'id')
                expect(
                  carried(hostile).some((text) => text === value || text.includes(`/${value}/`)),
                ).toBe(true);
            }),
          );
        }
      });

      test('a body that is none of theirs is refused, unless any success counts', () => {
        if (operation.response.safeParse(Symbol('anything')).success) return;
        // A list may be a bare array, and then no object is one.
        const other = Array.isArray(usual?.body) ? {} : [];
        for (const body of ['', 'OK', '<html></html>', 7, other, true])
          expect(operation.response.safeParse(body).success).toBe(false);
      });
    });

    test('paged lists have a fixture for a page in the midst and for the end; others never ask for another page', () => {
      for (const { name, operation, fixtures } of declaredOperations(adapter).filter(
        ({ name }) => name === 'list' || name === 'activity',
      )) {
        const asked = JSON.stringify(
          operation.request(
            { id: '1', limit: 1, cursor: 'the-cursor' },
            parameterOf(fixtures[0]?.fixture),
          ),
        );
        const pages = fixtures.flatMap(({ fixture }) =>
          fixture.output === undefined
            ? []
            : [z.object({ next: z.string().optional() }).parse(fixture.output)],
        );
        const [midst, end] = [
          pages.some((page) => page.next !== undefined),
          pages.some((page) => page.next === undefined),
        ];
        expect({ name, midst, end }).toEqual({
          name,
          midst: asked.includes('the-cursor'),
          end: true,
        });
      }
    });

    test('every account in an answer becomes a canonical account, and is joined to itself', () => {
      const listed = operationFixtures(id, 'list').flatMap(({ fixture: { output } }) =>
        output === undefined ? [] : accountsOf('list', output),
      );
      // A health item need not be a whole account: it is laid under its list item.
      const joined = (raw: unknown) => {
        const key = adapter.account.joinKey?.(raw);
        const item = listed.find((other) => adapter.account.joinKey?.(other) === key);
        return key === undefined ? raw : Object.assign({}, raw, item);
      };
      for (const { name, fixtures } of declaredOperations(adapter)) {
        for (const { fixture } of fixtures.filter(({ fixture }) => fixture.output !== undefined)) {
          if (name === 'detail') expect(fixture.output).toEqual(expect.any(Object));
          for (const raw of accountsOf(name, fixture.output)) {
            const read = readAccount(adapter, joined(raw), new Date(), ['unused']);
            observedAccountSchema.parse(isObservation(read) ? read.account : read);
            if (adapter.account.joinKey)
              expect(adapter.account.joinKey(withNewKeys(raw))).toEqual(expect.any(String));
          }
        }
      }
      expect(adapter.account.joinKey?.({ unrelated: true })).toBeUndefined();
    });
  },
);

const pageSchema = z.object({ items: z.array(z.unknown()) });

/** The raw accounts in an operation's output. */
function accountsOf(name: OperationName, output: unknown): readonly unknown[] {
  if (name === 'get' || name === 'create' || name === 'update') return [output];
  if (name === 'list' || name === 'health') return pageSchema.parse(output).items;
  return [];
}

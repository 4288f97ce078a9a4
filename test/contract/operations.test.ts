import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { z } from 'zod';
import { adapters } from '../../adapters/index.gen.js';
import type {
  AnyAdapter,
  OperationName,
  ProviderHeaders,
  ProviderRequest,
  ReadParameter,
} from '../../src/model/index.js';
import { isObservation, readAccount } from '../../src/providers/read-account.js';
import { describe, expect } from '../support/jest.js';
import { operationFixtures } from './fixtures.js';
import { deepFreeze, withNewKeys, withoutNewKeys, withReplaced } from './json.js';
import { observedAccountSchema } from './observed-account.js';
import { readProviderDocument, whyUndocumented } from './provider-document.js';
import { rule, ruleForEach } from './rule.js';

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
    operation: operation as unknown as AnyOperation,
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
    const document = readProviderDocument(id);

    describe.each(declaredOperations(adapter))('$name', ({ name, operation, fixtures }) => {
      const mapped = fixtures.filter(({ fixture }) => fixture.output !== undefined);
      const usual = mapped.find((named) => named.name === name)?.fixture;

      rule(
        `adapters/${id}/fixtures/${name}.json is there, and each fixture has one result`,
        'Write the fixture of the usual case; each one has either `output` or `refused`.',
        () => {
          expect(usual).toBeDefined();
          for (const { fixture } of fixtures)
            expect(fixture.output === undefined).not.toBe(fixture.refused === undefined);
        },
      );

      ruleForEach(
        fixtures,
        '$name: the request is as expected, and the same each time',
        "Correct `request` in index.ts by the provider's documentation, or the fixture's " +
          '`request` where that is wrong.',
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

      ruleForEach(
        fixtures,
        "$name: the request is one of the provider's OpenAPI document, unless that lacks the operation",
        'Correct the method and path; where the document covers a part of the API, name the ' +
          'operation in `undocumented`.',
        async ({ fixture: { request } }) => {
          const isPartly = adapter.undocumented?.includes(name) ?? false;
          const whole = await document;
          if (whole === null) return expect(adapter.undocumented).toBeUndefined();
          if (request.address !== undefined) return;
          const why = whyUndocumented(whole, adapter, name, request as ProviderRequest);
          expect(why).toEqual(isPartly ? expect.any(String) : null);
        },
      );

      ruleForEach(
        fixtures,
        '$name: the answer becomes the expected output, or is refused by the field',
        "Correct the operation's `response` or `map`, or the fixture's `output` (or `refused`) " +
          'where that is wrong.',
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

      ruleForEach(
        mapped,
        '$name: its status is documented, and it names the account that was asked about',
        "List the fixture's status in the operation's `statuses`, and have `subject` take the " +
          'id of the account asked about.',
        ({ fixture }) => {
          expect(operation.statuses ?? [200, 201, 202, 204]).toContain(fixture.status);
          const named = operation.subject?.(operation.response.parse(fixture.body));
          if (named != null) expect(named).toBe(fixture.input.id);
        },
      );

      ruleForEach(
        mapped,
        '$name: an answer about another account is known as such',
        "Have the operation's `subject` return the id that the answer names, whatever else it " +
          'says.',
        ({ fixture }) => {
          const other = withReplaced(fixture.body, fixture.input.id, 'another');
          if (operation.subject === undefined || isDeepStrictEqual(other, fixture.body)) return;
          expect(operation.subject(operation.response.parse(other))).toBe('another');
        },
      );

      ruleForEach(
        mapped,
        '$name: of a full page nothing is left out',
        "Pass on all items of the answer in the operation's `map`.",
        ({ fixture }) => {
          const { items } = pageSchema.catch({ items: [] }).parse(fixture.output);
          if (!['list', 'health'].includes(name) || items.length === 0) return;
          const full = Array.from(
            { length: adapter.limits.pageSize ?? 200 },
            (_, at) => items[at % items.length],
          );
          const body = withReplaced(fixture.body, items, full);
          const output = operation.map(
            operation.response.parse(body),
            fixture.input,
            fixture.headers,
          );
          expect(pageSchema.parse(output).items).toHaveLength(full.length);
        },
      );

      ruleForEach(
        mapped,
        '$name: unknown keys change nothing',
        'Map named fields alone, and use `z.object`, which passes others over.',
        ({ fixture }) => {
          const output = operation.map(
            operation.response.parse(withNewKeys(fixture.body)),
            fixture.input,
            fixture.headers,
          );
          expect(withoutNewKeys(output)).toEqual(fixture.output);
        },
      );

      rule(
        'whatever the texts asked for, the request goes where it should and carries the id byte for byte',
        'Make paths by the `path` tag, which encodes what is put in, and send the id as the ' +
          'text that it is.',
        () => {
          const { input = {}, request } = usual ?? {};
          for (const field of Object.keys(input).filter((key) => typeof input[key] === 'string')) {
            fc.assert(
              fc.property(anyText, (text) => {
                // Of an id that is a pair only the provider's own half is free.
                const value =
                  field === 'id' ? String(input.id).replace(/[^/]*$/, () => text) : text;
                const hostile = operation.request({ ...input, [field]: value }, parameterOf(usual));
                expect(hostile.path).toMatch(/^(\/[\w\-.~!*'()%]+)+$/);
                expect(hostile.path).not.toMatch(/\/\.{1,2}(\/|$)/);
                expect(hostile.path.split('/')).toHaveLength(
                  String(request?.path).split('/').length,
                );
                if (field === 'id')
                  expect(
                    carried(hostile).some((text) => text === value || text.includes(`/${value}/`)),
                  ).toBe(true);
              }),
            );
          }
        },
      );

      rule(
        'a body that is none of theirs is refused, unless any success counts',
        'Let `response` ask for the fields that the documentation promises; `z.unknown()` only ' +
          'where it promises none.',
        () => {
          if (operation.response.safeParse(Symbol('anything')).success) return;
          // A list may be a bare array, and then no object is one.
          const other = Array.isArray(usual?.body) ? {} : [];
          for (const body of ['', 'OK', '<html></html>', 7, other, true])
            expect(operation.response.safeParse(body).success).toBe(false);
        },
      );
    });

    rule(
      'paged lists have a fixture for a page in the midst and for the end; others never ask for another page',
      'Send the cursor in `request` and write list.json and list.last.json, or return `next: ' +
        'undefined` where there are no pages.',
      () => {
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
      },
    );

    rule(
      'every account in an answer becomes a canonical account, and is joined to itself',
      'Correct `account.schema` for what this answer holds, and have list and health items ' +
        'give the same join key.',
      () => {
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
          for (const { fixture } of fixtures.filter(
            ({ fixture }) => fixture.output !== undefined,
          )) {
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
      },
    );
  },
);

const pageSchema = z.object({ items: z.array(z.unknown()) });

/** The raw accounts in an operation's output. */
function accountsOf(name: OperationName, output: unknown): readonly unknown[] {
  if (name === 'get' || name === 'create' || name === 'update') return [output];
  if (name === 'list' || name === 'health') return pageSchema.parse(output).items;
  return [];
}

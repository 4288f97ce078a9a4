import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clone, cloneCheckout } from '../support/clone.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { testResults } from './test-results.js';

/** The adapter that the mistakes are made in: it has nearly every operation. */
const BASE = 'outfame';
const NEEDLESS_FIXTURE = /^account\.(?!json|paused|summary|tiktok-handle|unknown-status)/;

/** A provider's document that covers all of it, as `BASE` asks for it. */
const DOCUMENT = {
  openapi: '3.1.0',
  info: { title: 'Outfame', version: '1' },
  paths: pathsOf({
    '/v1/accounts': ['get', 'post'],
    '/v1/accounts/{id}': ['get', 'patch', 'delete'],
    '/v1/engagement/pause': ['post'],
    '/v1/engagement/resume': ['post'],
    '/v1/engagement/activity': ['get'],
    '/v1/engagement/stats': ['get'],
  }),
};

function pathsOf(methods: Readonly<Record<string, readonly string[]>>) {
  const operation = { responses: { 200: { description: 'It is.' } } };
  return Object.fromEntries(
    Object.entries(methods).map(([path, names]) => [
      path,
      Object.fromEntries(names.map((name) => [name, operation])),
    ]),
  );
}

/** What people get wrong in an adapter: where, what stands there, and what they write instead. */
const MISTAKES: readonly (readonly [what: string, file: string, from: string, to: string])[] = [
  ['a state for another', 'map.ts', 'paused: STATES.account_paused', 'paused: STATES.healthy'],
  [
    'an id in a path as it came',
    'index.ts',
    `get: {
      request: ({ id }) => get(path\`/accounts/\${id}\`)`,
    `get: {
      request: ({ id }) => get(\`/accounts/\${id}\`)`,
  ],
  ['an id as a number', 'index.ts', 'stats`, { account_id: id }', 'stats`, { account_id: +id }'],
  [
    'a delete that takes any answer',
    'index.ts',
    'response: z.object({ id: accountIdSchema, deleted: z.literal(true) }),',
    'response: z.looseObject({ id: accountIdSchema }),',
  ],
  [
    'a pause that takes any state',
    'index.ts',
    `z.object({ account_id: accountIdSchema, status: z.literal('paused') })`,
    'z.object({ account_id: accountIdSchema })',
  ],
  [
    'an answer that may be about anyone',
    'index.ts',
    'subject: (answer) => answer.id,',
    'subject: (answer) => (answer.deleted ? undefined : answer.id),',
  ],
  ['an id of any type', 'schema.ts', 'id: read.id(),\n  inst', 'id: z.coerce.string(),\n  inst'],
  ['the id of another field', 'index.ts', `deciding:`, `id: (item) => item.user_id, deciding:`],
  [
    'a field that must be there',
    'schema.ts',
    'created_at: read.instant()',
    'created_at: z.string()',
  ],
  [
    'zero for what is not told',
    'schema.ts',
    'followers_count: read.count(),',
    'followers_count: read.count().transform((value) => value ?? 0),',
  ],
  ['a sentence as a code', 'index.ts', 'code: error.code ?? null,', 'code: error.message ?? null,'],
  [
    'a code for another',
    'index.ts',
    `account_not_found: 'not_found'`,
    `account_not_found: 'refused'`,
  ],
  ['the clock in a mapping', 'map.ts', 'asOf: wire.updated_at', 'asOf: new Date().toISOString()'],
  ['a time for another', 'map.ts', 'connectedAt: wire.created_at', 'connectedAt: wire.updated_at'],
  ['one platform for all', 'map.ts', 'platform: wire.platform,', `platform: 'instagram',`],
  ['a handle with its @', 'map.ts', 'handle(wire.instagram_username)', 'wire.instagram_username'],
  [
    'health for what cannot be read',
    'map.ts',
    'wire.status === null ? STATES.answer_unreadable',
    'wire.status === null ? STATES.healthy',
  ],
  ['another deciding field', 'index.ts', `deciding: ['status']`, `deciding: ['platform']`],
  ['pages that never end', 'map.ts', 'return page.has_more ? (', 'return page.data ? ('],
  [
    'pages that are always the first',
    'index.ts',
    '{ limit, cursor }),\n      statuses',
    '{ limit }),\n      statuses',
  ],
  ['half a page', 'index.ts', '{ items: page.data, next', '{ items: page.data.slice(0, 50), next'],
  [
    'another method',
    'index.ts',
    'disconnect: {\n      request: ({ id }) => remove(',
    'disconnect: {\n      request: ({ id }) => post(',
  ],
  [
    'another header for the key',
    'index.ts',
    `auth: { scheme: 'bearer' }`,
    `auth: { scheme: 'header', header: 'X-Api-Key' }`,
  ],
  ['an address without TLS', 'index.ts', `baseUrl: 'https:`, `baseUrl: 'http:`],
];

/** Those whose fixtures are wrong in the same way: only the provider's document tells. */
const BELIEVED_MISTAKES: typeof MISTAKES = [
  [
    'another method, in the fixtures too',
    'index.ts',
    'disconnect: {\n      request: ({ id }) => remove(',
    'disconnect: {\n      request: ({ id }) => post(',
  ],
  ['another path, in the fixtures too', 'index.ts', '/engagement/stats`', '/accounts/stats/day`'],
];
/** What the fixtures say as well. */
const BELIEVED: readonly (readonly [from: string, to: string])[] = [
  ['"method": "DELETE"', '"method": "POST"'],
  ['"path": "/engagement/stats"', '"path": "/accounts/stats/day"'],
];
const ALL_MISTAKES = [...MISTAKES, ...BELIEVED_MISTAKES];

/** `m00` is the adapter as it is, `m01` has the first mistake. */
const idOf = (number: number) => `m${String(number).padStart(2, '0')}`;

let clone: Clone;
/** The names of the tests that failed, by adapter; `ran` counts those that passed. */
const failed = new Map<string, string[]>();
let ran = 0;
/** What the failures say. */
let messages: readonly string[] = [];

beforeAll(async () => {
  clone = await cloneCheckout({ isPrepared: true });
  [['as it is', 'index.ts', '', ''] as const, ...ALL_MISTAKES].forEach(
    ([, file, from, to], number) => {
      const id = idOf(number);
      const folder = join(clone.folder, 'adapters', id);
      cpSync(join(clone.folder, 'adapters', BASE), folder, { recursive: true });
      for (const fixture of readdirSync(join(folder, 'fixtures')))
        if (NEEDLESS_FIXTURE.test(fixture)) rmSync(join(folder, 'fixtures', fixture));
      replace(join(folder, 'index.ts'), `export const ${BASE} =`, `export const ${id} =`);
      replace(join(folder, 'index.ts'), `id: '${BASE}'`, `id: '${id}'`);
      writeFileSync(join(folder, 'openapi.json'), JSON.stringify(DOCUMENT));
      if (number > 0) replace(join(folder, file), from, to);
      const believed = BELIEVED[number - 1 - MISTAKES.length];
      if (believed) replaceInFixtures(folder, ...believed);
    },
  );
  const results = await testResults(clone, `npm test -- test/contract -t '^m\\d\\d'`);
  ran = results.passed.length;
  messages = results.messages;
  for (const name of results.failed) {
    const id = name.slice(0, 3);
    failed.set(id, [...(failed.get(id) ?? []), name]);
  }
});
afterAll(() => clone.remove());

function replace(file: string, from: string, to: string): void {
  const parts = readFileSync(file, 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} × ${from}`);
  writeFileSync(file, parts.join(to));
}

function replaceInFixtures(folder: string, from: string, to: string): void {
  for (const name of readdirSync(join(folder, 'fixtures'))) {
    const file = join(folder, 'fixtures', name);
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(from, to));
  }
}

describe('the contract suite', () => {
  test('finds nothing in an adapter as it is', () => {
    expect(failed.get(idOf(0)) ?? []).toEqual([]);
    expect(ran).toBeGreaterThan(MISTAKES.length * 100);
  });

  test.each(BELIEVED_MISTAKES.map(([what], at) => ({ what, id: idOf(MISTAKES.length + at + 1) })))(
    "finds $what, by the provider's document alone",
    ({ id }) => {
      const names = failed.get(id) ?? [];
      expect(names).not.toEqual([]);
      expect(names.filter((name) => !name.includes('OpenAPI document'))).toEqual([]);
    },
  );

  test('names the broken rule and the remedy in each failure, and then what was found', () => {
    expect(messages.length).toBeGreaterThan(ALL_MISTAKES.length);
    for (const message of messages)
      expect(message).toMatch(/^.+\n +Broken rule: .+\.\n +Remedy: [A-Z].+\n +\[cause\]: /);
  });

  test.each(MISTAKES.map(([what], at) => ({ what, id: idOf(at + 1) })))('finds $what', ({ id }) => {
    expect(failed.get(id) ?? []).not.toEqual([]);
  });
});

import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Clone, cloneCheckout } from '../support/clone.js';
import { testResults } from './test-results.js';

/** The adapter that the mistakes are made in: it has nearly every operation. */
const BASE = 'outfame';
const NEEDLESS_FIXTURE = /^account\.(?!json|paused|summary|tiktok-handle|unknown-status)/;

/** What people get wrong in an adapter: where, what stands there, and what they write instead. */
const MISTAKES: readonly (readonly [what: string, file: string, from: string, to: string])[] = [
  ['a verdict for another', 'map.ts', `paused: { status: 'warning'`, `paused: { status: 'healthy'`],
  [
    'an id in a path as it came',
    'index.ts',
    `get: {
      request: ({ id }) => ({ method: 'GET', path: path\`/accounts/\${id}\` })`,
    `get: {
      request: ({ id }) => ({ method: 'GET', path: \`/accounts/\${id}\` })`,
  ],
  ['an id as a number', 'index.ts', `query: { account_id: id },`, `query: { account_id: +id },`],
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
  ['an id of any type', 'schema.ts', '  id: id(),\n  inst', '  id: z.coerce.string(),\n  inst'],
  ['the id of another field', 'index.ts', 'id: (item) => item.id', 'id: (item) => item.user_id'],
  ['a field that must be there', 'schema.ts', 'created_at: instant()', 'created_at: z.string()'],
  [
    'zero for what is not told',
    'schema.ts',
    'followers_count: count(),',
    'followers_count: count().transform((value) => value ?? 0),',
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
  ['a handle with its @', 'map.ts', '    username,\n', '    username: wire.instagram_username,\n'],
  [
    'health for what cannot be read',
    'map.ts',
    'wire.status === null ? UNREADABLE',
    'wire.status === null ? HEALTHY',
  ],
  ['another deciding field', 'index.ts', `deciding: ['status']`, `deciding: ['platform']`],
  ['pages that never end', 'map.ts', 'return page.has_more ? (', 'return page.data ? ('],
  [
    'pages that are always the first',
    'index.ts',
    'query: { limit, cursor },\n      }),\n      statuses',
    'query: { limit },\n      }),\n      statuses',
  ],
  ['half a page', 'index.ts', '{ items: page.data, next', '{ items: page.data.slice(0, 50), next'],
  [
    'another method',
    'index.ts',
    `disconnect: {\n      request: ({ id }) => ({ method: 'DELETE'`,
    `disconnect: {\n      request: ({ id }) => ({ method: 'POST'`,
  ],
  [
    'another header for the key',
    'index.ts',
    `auth: { scheme: 'bearer' }`,
    `auth: { scheme: 'header', header: 'X-Api-Key' }`,
  ],
  ['an address without TLS', 'index.ts', `baseUrl: 'https:`, `baseUrl: 'http:`],
];

/** `m00` is the adapter as it is, `m01` has the first mistake. */
const idOf = (number: number) => `m${String(number).padStart(2, '0')}`;

let clone: Clone;
/** The names of the tests that failed, by adapter; `ran` counts those that passed. */
const failed = new Map<string, string[]>();
let ran = 0;

beforeAll(async () => {
  clone = await cloneCheckout();
  [['as it is', 'index.ts', '', ''] as const, ...MISTAKES].forEach(([, file, from, to], number) => {
    const id = idOf(number);
    const folder = join(clone.folder, 'adapters', id);
    cpSync(join(clone.folder, 'adapters', BASE), folder, { recursive: true });
    for (const fixture of readdirSync(join(folder, 'fixtures')))
      if (NEEDLESS_FIXTURE.test(fixture)) rmSync(join(folder, 'fixtures', fixture));
    replace(join(folder, 'index.ts'), `export const ${BASE} =`, `export const ${id} =`);
    replace(join(folder, 'index.ts'), `id: '${BASE}'`, `id: '${id}'`);
    if (number > 0) replace(join(folder, file), from, to);
  });
  const { failed: names, passed } = await testResults(
    clone,
    `npm test -- test/contract -t '^m\\d\\d'`,
  );
  ran = passed.length;
  for (const name of names) {
    const id = name.slice(0, 3);
    failed.set(id, [...(failed.get(id) ?? []), name]);
  }
}, 400_000);
afterAll(() => clone.remove());

function replace(file: string, from: string, to: string): void {
  const parts = readFileSync(file, 'utf8').split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} × ${from}`);
  writeFileSync(file, parts.join(to));
}

describe('the contract suite', () => {
  test('finds nothing in an adapter as it is', () => {
    expect(failed.get(idOf(0)) ?? []).toEqual([]);
    expect(ran).toBeGreaterThan(MISTAKES.length * 100);
  });

  test.each(MISTAKES.map(([what], at) => ({ what, id: idOf(at + 1) })))('finds $what', ({ id }) => {
    expect(failed.get(id) ?? []).not.toEqual([]);
  });
});

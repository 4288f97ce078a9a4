/**
 * `npm run new:adapter <id>` makes `adapters/<id>/`: an adapter that lists accounts and no more, to
 * be completed with the provider's facts. The contract suite then reports what is missing; each
 * operation that is added needs a fixture.
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.mjs';
import { prepare } from './prepare.mjs';

const id = process.argv[2] ?? '';
const adapters = join(root, 'adapters');
const folder = join(adapters, id);

if (!/^[a-z][a-z0-9]*$/.test(id))
  fail('Name the provider in one lower-case word: npm run new:adapter acme');
if (existsSync(folder)) fail(`adapters/${id} already exists.`);

const index = `import { z } from 'zod';
import { defineAdapter, get, items, path } from '../../src/model/index.js';
import { mapAccount } from './map.js';
import { accountSchema, errorBodySchema } from './schema.js';

export const ${id} = defineAdapter({
  id: '${id}',
  name: '${id}',
  docs: 'https://docs.example.com',
  baseUrl: 'https://api.example.com/v1',
  auth: { scheme: 'bearer' },
  platforms: ['instagram'],
  limits: { requests: 60, perSeconds: 60, concurrency: 4, pageSize: 100 },
  disconnectEffect: {
    destroysData: false,
    revokesToken: false,
    reversible: false,
    howToReconnect: 'Connect the profile again in the dashboard.',
  },
  connect: {
    flow: 'dashboard',
    instructions: 'Connect the profile in the dashboard.',
    url: 'https://app.example.com',
  },
  account: { schema: accountSchema, map: mapAccount, deciding: ['active'] },
  errorBody: {
    schema: errorBodySchema,
    read: ({ code, message }) => ({ code, message: message ?? null }),
    codes: { invalid_key: 'credential_rejected' },
  },
  operations: {
    list: {
      request: ({ cursor, limit }) => get(path\`/accounts\`, { limit, cursor }),
      response: z.object({ accounts: items(z.unknown()), next: z.string().min(1).nullish() }),
      map: ({ accounts, next }) => ({ items: accounts, next: next ?? undefined }),
    },
  },
});
`;

const schema = `import { z } from 'zod';
import { read } from '../../src/model/index.js';

/** Only what is used. A field that cannot be read is null; without its id an item is set aside. */
export const accountSchema = z.object({
  id: read.id(),
  platform: read.platform(),
  username: read.name(),
  active: read.flag(),
});
export type AccountWire = z.output<typeof accountSchema>;

export const errorBodySchema = z.object({ code: z.string(), message: z.string().nullish() });
`;

const map = `import { handle, type MappedAccount, STATES, type State } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

function mapState({ active }: AccountWire): State {
  if (active === null) return STATES.answer_unreadable;
  return active ? STATES.healthy : STATES.account_paused;
}

export function mapAccount(wire: AccountWire): MappedAccount {
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    username: handle(wire.username),
    ...mapState(wire),
  };
}
`;

const wire = { id: 'a1', platform: 'instagram', username: '@acme', active: true };
const fixtures = {
  auth: {
    credentials: { api_key: 'key_0' },
    sent: { headers: { authorization: 'Bearer key_0' } },
  },
  list: {
    input: { limit: 100 },
    request: { method: 'GET', path: '/accounts', query: { limit: 100 } },
    status: 200,
    body: { accounts: [wire], next: 'page2' },
    output: { items: [wire], next: 'page2' },
  },
  'list.last': {
    input: { limit: 100, cursor: 'page2' },
    request: { method: 'GET', path: '/accounts', query: { limit: 100, cursor: 'page2' } },
    status: 200,
    body: { accounts: [], next: null },
    output: { items: [] },
  },
  account: {
    observedAt: '2026-06-03T00:00:00Z',
    wire,
    account: {
      providerAccountId: 'a1',
      platform: 'instagram',
      username: 'acme',
      profileUrl: 'https://www.instagram.com/acme',
      status: 'active',
      verdict: { status: 'healthy', reason: null, fault: null },
      advice: [],
      metrics: {},
    },
  },
  'fault.invalid-key': {
    status: 401,
    body: { code: 'invalid_key', message: 'The key is not valid.' },
    fault: { code: 'invalid_key', message: 'The key is not valid.' },
    error: 'credential_rejected',
  },
};

await prepare();
// Whoever stops halfway leaves no folder that looks like an adapter.
const unfinished = join(adapters, `.new-${id}`);
rmSync(unfinished, { recursive: true, force: true });
mkdirSync(join(unfinished, 'fixtures'), { recursive: true });
for (const [file, text] of Object.entries({ index, schema, map }))
  writeFileSync(join(unfinished, `${file}.ts`), text);
for (const [file, fixture] of Object.entries(fixtures)) {
  writeFileSync(
    join(unfinished, 'fixtures', `${file}.json`),
    `${JSON.stringify(fixture, null, 2)}\n`,
  );
}
renameSync(unfinished, folder);
console.log(`Created adapters/${id}, which lists the accounts of an example. Next:
1. Replace the example in index.ts, schema.ts, map.ts and fixtures/ by the provider's facts.
2. npm test -- test/contract -t ${id} reports what is missing.
3. npm run try:adapter ${id} -- --key KEY reads the accounts of a key, and changes nothing.`);

function fail(message) {
  console.error(message);
  process.exit(1);
}

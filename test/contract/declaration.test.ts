import { readdirSync } from 'node:fs';
import { adapters } from '../../adapters/index.gen.js';
import {
  type AnyAdapter,
  API_KEY_CREDENTIALS,
  type AuthPart,
  credentialFields,
  DEFAULT_ROLE,
  path,
} from '../../src/model/index.js';
import { authPartsOf, credentialsSchemaOf } from '../../src/providers/connection.js';
import { outgoing } from '../../src/providers/outgoing.js';
import { describe, expect } from '../support/jest.js';
import { accountFixtures, adaptersFolder, authFixtures, fixtureSubjects } from './fixtures.js';
import { rule } from './rule.js';

/** Names that stand for no real host (RFC 2606): what `npm run new:adapter` fills in. */
const PLACEHOLDER_HOST = /(^|\.)example(\.com|\.net|\.org)?$/;

rule(
  'every folder of adapters/ is tested',
  "Run `npm test`, which rebuilds adapters/index.gen.ts of the folders' names.",
  () => {
    const folders = readdirSync(adaptersFolder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(adapters.map(({ id }) => id)).toStrictEqual(folders.sort());
  },
);

describe.each(adapters.map((adapter) => ({ id: adapter.id, adapter })))(
  '$id: declaration',
  ({ id, adapter }) => {
    const declares = (operation: string) => Object.hasOwn(adapter.operations, operation);

    rule(
      'its id is one lower-case word, and no other adapter has it',
      "Give `id` in index.ts the folder's name.",
      () => {
        expect(id).toMatch(/^[a-z][a-z0-9]*$/);
        expect(adapters.filter((other) => other.id === id)).toStrictEqual([adapter]);
      },
    );

    rule(
      'its addresses are those of a real provider, and a path can follow the base URL',
      "Replace the example's addresses in index.ts by the provider's own, https and without a " +
        'slash at the end of `baseUrl`.',
      () => {
        for (const address of [
          adapter.docs,
          adapter.baseUrl,
          ...Object.values(adapter.pages ?? {}),
        ]) {
          expect(new URL(address).protocol).toBe('https:');
          expect(new URL(address).hostname).not.toMatch(PLACEHOLDER_HOST);
        }
        expect(adapter.baseUrl).not.toMatch(/[/?#]$/);
      },
    );

    rule(
      'its headers hold no credential: the engine adds that',
      'Say in `auth` how requests prove who asks, and take it out of `headers`.',
      () => {
        expect(Object.keys(adapter.headers ?? {}).join()).not.toMatch(
          /authorization|cookie|key|token/i,
        );
      },
    );

    rule(
      'its credentials are named as variables can be, and its authentication uses some of them',
      'Make `credentials` a z.strictObject with names such as `client_id`, one of them a ' +
        'secret(), and name those in `auth`.',
      () => {
        const schema = adapter.credentials ?? API_KEY_CREDENTIALS;
        const fields = credentialFields(schema);
        for (const { name } of fields) expect(name).toMatch(/^[a-z][a-z\d]*(_[a-z\d]+)*$/);
        expect(fields.some(({ isSecret }) => isSecret)).toBe(true);
        expect(schema.safeParse({ no_such_credential: 'x' }).success).toBe(false);
        const known = new Set(fields.map(({ name }) => name));
        const operations: readonly { readonly auth?: AnyAdapter['auth'] }[] = Object.values(
          adapter.operations,
        );
        const used = [adapter, ...operations]
          .flatMap(({ auth = [] }) => ('scheme' in auth ? [auth] : auth))
          .flatMap((part) => {
            if (part.scheme === 'signed') return [];
            if (part.scheme === 'basic') return [part.user, part.password];
            return [part.credential ?? 'api_key'];
          });
        expect(used.filter((name) => name !== undefined && !known.has(name))).toStrictEqual([]);
      },
    );

    rule(
      'who asks is proven as auth.json has it, and nothing else is sent with it',
      "Correct `auth` in index.ts by the provider's documentation, or fixtures/auth.json where " +
        'that is wrong.',
      () => {
        const [{ fixture } = { fixture: undefined }] = authFixtures(id);
        expect({ id, fixture }).toMatchObject({ fixture: expect.anything() });
        const { credentials = {}, sent } = fixture ?? {};
        const sentWith = (auth: readonly AuthPart[]) => {
          const base = { origin: 'https://api.acme.dev', pathPrefix: '' };
          const envelope = { base, credentials, auth, traceparent: undefined, now: new Date(0) };
          const out = outgoing(adapter, { method: 'GET', path: path`/accounts` }, envelope);
          const { searchParams } = new URL(out.path, base.origin);
          return { headers: { ...out.headers }, query: Object.fromEntries(searchParams) };
        };
        const plain = sentWith([]);
        const proven = sentWith(authPartsOf(adapter));
        expect(proven).toStrictEqual({
          headers: { ...plain.headers, ...sent?.headers },
          query: { ...plain.query, ...sent?.query },
        });
        expect(credentialsSchemaOf(adapter).safeParse(credentials).success).toBe(true);
      },
    );

    rule(
      'its platforms are lower case, each named once',
      'List in `platforms` each network that the provider documents, in lower case.',
      () => {
        expect(adapter.platforms).toStrictEqual(
          [...new Set(adapter.platforms)].map((platform) => platform.toLowerCase()),
        );
        expect(adapter.platforms).not.toHaveLength(0);
      },
    );

    rule(
      'where it shows platform user ids it says where each names the same profile',
      'Give `platformUserIds` a scope for each of the `platforms`, or `*` for all others.',
      () => {
        const { platformUserIds = {} } = adapter;
        const known = new Set([...adapter.platforms, '*']);
        expect(Object.keys(platformUserIds).filter((name) => !known.has(name))).toStrictEqual([]);
        const shown = accountFixtures(id).some(({ fixture }) => fixture.account?.platformUserId);
        if (!shown) return;
        for (const platform of adapter.platforms)
          expect({ platform, scope: platformUserIds[platform] ?? platformUserIds['*'] }).toEqual({
            platform,
            scope: expect.any(String),
          });
      },
    );

    rule(
      'where owners connect their accounts it acts for them',
      "Leave `role` out, or make it 'publisher'.",
      () => {
        if (adapter.connect) expect(adapter.role ?? DEFAULT_ROLE).toBe('publisher');
      },
    );

    rule('its limits let something through', 'Give `limits` whole numbers above zero.', () => {
      for (const limit of Object.values(adapter.limits)) expect(limit).toBeGreaterThan(0);
      const { requests, perSeconds } = adapter.limits;
      expect([requests, perSeconds].every(Number.isInteger)).toBe(true);
    });

    rule(
      'it tells how to get an account back',
      'Make `disconnectEffect.howToReconnect` a sentence.',
      () => {
        expect(adapter.disconnectEffect.howToReconnect).toMatch(/^[A-Z].+\.$/);
      },
    );

    rule(
      'every fixture belongs to something it declares',
      'Name each fixture after an operation of index.ts, `account`, `auth` or `fault`; delete ' +
        'those of operations it lacks.',
      () => {
        const known = new Set([
          'account',
          'auth',
          'fault',
          'report',
          ...Object.keys(adapter.operations),
        ]);
        expect([...fixtureSubjects(id)].filter((subject) => !known.has(subject))).toStrictEqual([]);
      },
    );

    rule(
      'an account is connected by create, or it says how else',
      'Declare `operations.create`, or `connect` with the operations of its flow: ' +
        '`connectStart` for `oauth` and `link`, `connectComplete` for `oauth` alone.',
      () => {
        expect(declares('create')).toBe(adapter.connect === undefined);
        expect(declares('connectStart')).toBe(
          ['oauth', 'link'].includes(`${adapter.connect?.flow}`),
        );
        expect(declares('connectComplete')).toBe(adapter.connect?.flow === 'oauth');
      },
    );

    rule(
      'what only makes sense together is declared together',
      'Declare `pause` with `resume`, `health` with a way to join it, `update` with ' +
        '`settings`, and `needsDetail` with `detail`.',
      () => {
        expect(declares('pause')).toBe(declares('resume'));
        expect(declares('health')).toBe(adapter.account.joinKey !== undefined);
        expect(declares('update')).toBe(adapter.settings !== undefined);
        if (adapter.account.needsDetail) expect(declares('detail')).toBe(true);
        if (adapter.createSettings) expect(declares('create') && declares('update')).toBe(true);
      },
    );

    rule(
      'settings are strict and all optional',
      'Make `settings` and `createSettings` a z.strictObject of optional fields.',
      () => {
        for (const settings of [adapter.settings, adapter.createSettings]) {
          expect(settings?.safeParse({}).success ?? true).toBe(true);
          expect(settings?.safeParse({ no_such_setting: 1 }).success ?? false).toBe(false);
        }
      },
    );
  },
);

import {
  PROVIDER_NAMES,
  type ProviderName,
  type Sandbox,
  startSandbox,
} from '../../sandbox/index.js';
import { systemClock } from '../../src/lib/clock.js';
import {
  type CallContext,
  createProviders,
  type Observation,
  type ProviderConnection,
  type Providers,
} from '../../src/providers/index.js';
import { listPath } from '../sandbox/caller.js';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from '../support/jest.js';
import { failureOf } from './small-provider.js';

let sandbox: Sandbox;
let providers: Providers;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0 });
});

afterAll(() => sandbox.close());

beforeEach(() => {
  sandbox.reset();
  providers = createProviders({ clock: systemClock, policies: { readAttempts: 1 } });
});

afterEach(() => providers.close());

function connectionTo(provider: ProviderName): ProviderConnection {
  return {
    id: `conn_${provider}`,
    provider,
    baseUrl: sandbox.baseUrl(provider),
    credentials: { api_key: sandbox.apiKey(provider) },
  };
}

async function everyAccount(
  connection: ProviderConnection,
  context: CallContext = {},
): Promise<Observation[]> {
  const accounts: Observation[] = [];
  for await (const page of providers.walk(connection, context)) {
    expect(page.quarantined).toEqual([]);
    accounts.push(...page.accounts);
  }
  return accounts;
}

describe.each([...PROVIDER_NAMES])('%s', (name) => {
  test('is verified, walked, looked at and disconnected', async () => {
    const connection = connectionTo(name);
    await providers.verify(connection, {});
    const accounts = await everyAccount(connection);
    expect(accounts).toHaveLength(sandbox.provider(name).counts().accounts);

    const account = accounts[0]?.account;
    if (account?.platform == null) throw new Error('the sandbox has no accounts');
    const key = { id: account.providerAccountId, platform: account.platform };
    expect((await providers.lookUp(connection, key, {}))?.account.providerAccountId).toBe(key.id);
    expect(await providers.disconnect(connection, key, {})).toBe('done');
    expect(await providers.lookUp(connection, key, {})).toBeNull();
    // Postiz fails over an id that it does not know, which says nothing.
    const again = await providers.disconnect(connection, key, {}).catch(({ code }) => code);
    expect(again).toBe(name === 'postiz' ? 'server_error' : 'already_gone');
  });

  test.each([
    ['down', 'network'],
    ['reset', 'invalid_answer'],
    ['truncated', 'invalid_answer'],
    ['hang', 'timeout'],
    ['rate_limited', 'rate_limited'],
    ['server_error', 'server_error'],
    ['html', 'server_error'],
    ['wrong_shape', 'invalid_answer'],
    ['key_revoked', 'credential_rejected'],
    ['forbidden', 'permission_denied'],
  ] as const)('%s becomes %s', async (kind, code) => {
    sandbox.provider(name).faults.add({ kind });
    const context = kind === 'hang' ? { deadlineMs: 300 } : {};
    expect(await failureOf(everyAccount(connectionTo(name), context))).toMatchObject({
      provider: name,
      code,
    });
  });

  test('an item without its id is set aside, and the others land', async () => {
    const connection = connectionTo(name);
    sandbox.provider(name).faults.add({ kind: 'bad_id', path: listPath(name), times: 1 });
    let quarantined = 0;
    let landed = 0;
    for await (const page of providers.walk(connection, {})) {
      quarantined += page.quarantined.length;
      landed += page.accounts.length;
      for (const item of page.quarantined)
        expect(item.reason).toMatch(/^(health report: )?\w+: is not an id/);
    }
    // A health report shows the account all the same: at SocialSyncer whole, at Zernio by its id.
    const lost = name === 'socialsyncer' ? 0 : 1;
    const held = sandbox.provider(name).counts().accounts;
    expect([quarantined, landed]).toEqual([name === 'zernio' ? 2 : 1, held - lost]);
  });

  test('an answer lost after a delete leaves the outcome unknown, and a look tells', async () => {
    const connection = connectionTo(name);
    const account = (await everyAccount(connection))[0]?.account;
    if (account === undefined) throw new Error('the sandbox has no accounts');
    sandbox.provider(name).faults.add({ kind: 'lost_answer', method: 'DELETE' });
    const lost = await failureOf(
      providers.disconnect(connection, { id: account.providerAccountId }, {}),
    );
    expect(lost).toMatchObject({ code: 'network', outcomeUnknown: true });
    expect(await providers.lookUp(connection, { id: account.providerAccountId }, {})).toBeNull();
  });
});

test.each(['outfame', 'creatoraudit'] as const)(
  '%s: a cursor that repeats ends the walk with an error',
  async (name) => {
    sandbox.provider(name).faults.add({ kind: 'repeat_cursor' });
    expect(await failureOf(everyAccount(connectionTo(name)))).toMatchObject({
      code: 'invalid_answer',
    });
  },
);

import type { ProviderError } from '../../src/model/index.js';
import {
  type AttemptOutcome,
  type PolicySettings,
  type ProviderConnection,
  type Providers,
  siteOf,
} from '../../src/providers/index.js';
import { afterEach, beforeEach, describe, expect, jest, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';
import {
  API_KEY,
  engineFor,
  failureOf,
  fullAdapter,
  inTurn,
  item,
  json,
  NO_SUCH_ACCOUNT,
  type SmallProvider,
  startSmallProvider,
} from './small-provider.js';

let provider: SmallProvider;
let engines: Providers[];

beforeEach(async () => {
  provider = await startSmallProvider();
  engines = [];
});

afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  await provider.close();
});

function engine(
  policies: Partial<PolicySettings> = {},
  settings: Parameters<typeof engineFor>[2] = {},
) {
  const made = engineFor(provider, policies, settings);
  engines.push(made.providers);
  return made;
}

const stateOf = (providers: Providers, { provider, baseUrl }: ProviderConnection) =>
  providers.state([siteOf(providers.adapters.require(provider), baseUrl)]);
const firstPage = (providers: Providers, connection: ProviderConnection) =>
  providers.list(connection, { cursor: null }, {});
const create = (providers: Providers, connection: ProviderConnection) =>
  providers.create(connection, { platform: 'instagram', username: 'someone', settings: {} }, {});
const healthy = json(200, { items: [item('a')] });

describe('retries', () => {
  test('a read that fails twice succeeds at the third attempt', async () => {
    const { providers, full } = engine();
    provider.answer(inTurn(json(500, {}), json(503, {}), healthy));
    expect((await firstPage(providers, full)).accounts).toHaveLength(1);
    expect(provider.requests).toHaveLength(3);
  });

  test('a read is given up after three attempts', async () => {
    const { providers, full } = engine();
    provider.answer(json(500, {}));
    expect(await failureOf(firstPage(providers, full))).toMatchObject({ code: 'server_error' });
    expect(provider.requests).toHaveLength(3);
  });

  test('a refusal is final', async () => {
    const { providers, full } = engine();
    provider.answer(json(422, {}));
    await failureOf(firstPage(providers, full));
    expect(provider.requests).toHaveLength(1);
  });

  test('a write is sent once', async () => {
    const { providers, full } = engine();
    provider.answer(json(503, {}));
    await failureOf(create(providers, full));
    await failureOf(providers.disconnect(full, { id: 'a' }, {}));
    expect(provider.requests.map((request) => request.method)).toEqual(['POST', 'DELETE']);
  });

  test('Retry-After is waited for', async () => {
    const clock = manualClock(Date.now(), { skip: true });
    const { providers, full } = engine({}, { clock });
    provider.answer(
      inTurn(json(503, {}, { 'retry-after': '9' }), json(429, {}, { 'retry-after': '8' }), healthy),
    );
    await firstPage(providers, full);
    expect(clock.sleeps).toEqual([9_000, 8_000]);
  });

  test('a Retry-After beyond the deadline fails at once and is passed on', async () => {
    const { providers, full } = engine();
    provider.answer(json(429, {}, { 'retry-after': '120' }));
    expect(await failureOf(firstPage(providers, full))).toMatchObject({
      code: 'rate_limited',
      status: 429,
      retryAfterSeconds: 120,
    });
    expect(provider.requests).toHaveLength(1);
  });

  test('a provider that is down gets few retries', async () => {
    const { providers, full } = engine({
      breakerConsecutive: 1_000,
      breakerMinimumCalls: 1_000,
      retryFloor: 3,
    });
    provider.answer(json(500, {}));
    for (let call = 0; call < 20; call += 1) await failureOf(firstPage(providers, full));
    // 20 calls, the floor of 3, and a tenth of the calls so far.
    expect(provider.requests.length).toBe(20 + 3 + 2);
  });
});

describe('the breaker of a provider', () => {
  /** Times that do not pass by themselves within a test. */
  const patient = { readAttempts: 1, breakerOpenMs: 300_000, breakerOpenMaxMs: 500_000 };
  /** How far the clocks that breakers go by were moved, in milliseconds; else they stand still. */
  let ahead = 0;
  beforeEach(() => {
    ahead = 0;
    for (const clock of [performance, Date]) {
      // Whole: sums of fractions are rounded, and what is left to wait is rounded up.
      const now = Math.floor(clock.now());
      jest.spyOn(clock, 'now').mockImplementation(() => now + ahead);
    }
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test('opens after five failures in a row, and heals with the first success', async () => {
    const { providers, full } = engine(patient);
    provider.answer(json(500, {}));
    for (let call = 0; call < 5; call += 1) await failureOf(firstPage(providers, full));
    expect(stateOf(providers, full).circuit).toBe('open');
    expect(await failureOf(firstPage(providers, full))).toMatchObject({
      code: 'circuit_open',
      retryAfterSeconds: 300,
      outcomeUnknown: false,
    });
    expect(provider.requests).toHaveLength(5);

    ahead += patient.breakerOpenMs;
    expect(stateOf(providers, full).circuit).toBe('half_open');
    await failureOf(firstPage(providers, full));
    expect(stateOf(providers, full).circuit).toBe('open');

    ahead += patient.breakerOpenMaxMs;
    provider.answer(healthy);
    await firstPage(providers, full);
    expect(stateOf(providers, full).circuit).toBe('closed');
    expect(provider.requests).toHaveLength(7);
  });

  test('is open for all its connections, and for no other provider or address', async () => {
    const { providers, full, plain } = engine(patient);
    provider.answer(json(500, {}));
    for (let call = 0; call < 5; call += 1) await failureOf(firstPage(providers, full));
    expect(
      await failureOf(
        firstPage(providers, { ...full, id: 'conn_other', credentials: { api_key: 'other' } }),
      ),
    ).toMatchObject({ code: 'circuit_open' });

    provider.answer(healthy);
    expect((await firstPage(providers, plain)).accounts).toHaveLength(1);
    const elsewhere = { ...full, baseUrl: provider.baseUrl.replace('127.0.0.1', 'localhost') };
    expect((await firstPage(providers, elsewhere)).accounts).toHaveLength(1);
  });

  test('stays closed while the provider says no', async () => {
    const { providers, full } = engine(patient);
    for (const status of [400, 403, 409, 422, 400, 403, 409]) {
      provider.answer(json(status, {}));
      await failureOf(firstPage(providers, full));
    }
    expect(stateOf(providers, full).circuit).toBe('closed');
  });

  test('is one for each group of operations, to which an account that fails counts once; what every sweep asks decides of the provider', async () => {
    const { providers, full, plain } = engine(patient);
    provider.answer((request, response) =>
      (request.method === 'DELETE' || request.url?.startsWith('/v1/health')
        ? json(500, {})
        : healthy)(request, response),
    );
    const remove = (id: string) => failureOf(providers.disconnect(full, { id }, {}));
    for (let call = 0; call < 20; call += 1) await remove('a');
    expect(stateOf(providers, full).circuits).toEqual({ write: 'closed' });
    for (const id of ['b', 'c', 'd', 'e']) await remove(id);
    expect(await remove('f')).toMatchObject({
      code: 'circuit_open',
    });
    expect((await firstPage(providers, full)).accounts).toHaveLength(1);
    expect(stateOf(providers, full)).toMatchObject({
      circuit: 'closed',
      circuits: { inventory: 'closed', write: 'open' },
    });

    const drain = async () => {
      for await (const _page of providers.walk(plain, {}));
    };
    for (let call = 0; call < 5; call += 1) await drain().catch(() => {});
    expect(stateOf(providers, plain)).toMatchObject({
      circuit: 'open',
      circuits: { health: 'open' },
    });
    expect((await firstPage(providers, plain)).accounts).toHaveLength(1);
  });

  test('is not closed by a 404 about an account, nor opened', async () => {
    const { providers, full } = engine(patient);
    const look = () => providers.lookUp(full, { id: 'a' }, {});
    provider.answer((request, response) =>
      (request.url?.endsWith('/accounts/a') ? json(404, NO_SUCH_ACCOUNT) : json(500, {}))(
        request,
        response,
      ),
    );
    for (let call = 0; call < 5; call += 1) {
      await look().catch(() => {});
      await failureOf(firstPage(providers, full));
    }
    expect(stateOf(providers, full)).toMatchObject({ circuit: 'open', lastSuccessAt: null });
  });

  test('an open breaker is not asked again within one call, which fails as what opened it', async () => {
    const { providers, full } = engine({
      ...patient,
      readAttempts: 3,
      breakerConsecutive: 1,
    });
    provider.answer(json(500, {}));
    expect(await failureOf(firstPage(providers, full))).toMatchObject({ code: 'server_error' });
    expect(provider.requests).toHaveLength(1);
    expect(await failureOf(firstPage(providers, full))).toMatchObject({ code: 'circuit_open' });
    expect(provider.requests).toHaveLength(1);
  });
});

describe('a key that is rejected', () => {
  const deadKey = { readAttempts: 1, breakerOpenMs: 300_000, breakerOpenMaxMs: 300_000 };
  const live = `Bearer ${API_KEY}`;
  const onlyLive: Parameters<SmallProvider['answer']>[0] = (request, response) =>
    (request.headers.authorization === live ? healthy : json(401, {}))(request, response);

  test('affects no other connection, and is not asked for again and again', async () => {
    const { providers, full } = engine(deadKey);
    provider.answer(onlyLive);
    const dead = { ...full, id: 'conn_dead', credentials: { api_key: 'sk_live_dead' } };
    for (let call = 0; call < 8; call += 1) {
      expect(await failureOf(firstPage(providers, dead))).toMatchObject({
        code: 'credential_rejected',
      });
    }
    expect(provider.requests).toHaveLength(5);
    expect(await failureOf(firstPage(providers, dead))).toMatchObject({
      status: null,
      retryAfterSeconds: expect.closeTo(300, -2),
    });
    expect((await firstPage(providers, full)).accounts).toHaveLength(1);
    expect(stateOf(providers, full)).toMatchObject({ circuit: 'closed', lastFailureAt: null });
  });

  test('starts afresh with a new key, and with each verify', async () => {
    const { providers, full } = engine(deadKey);
    provider.answer(onlyLive);
    const dead = { ...full, credentials: { api_key: 'sk_live_dead' } };
    for (let call = 0; call < 6; call += 1) await failureOf(firstPage(providers, dead));
    expect((await firstPage(providers, full)).accounts).toHaveLength(1);
    expect(await failureOf(providers.verify(dead, {}))).toMatchObject({
      code: 'credential_rejected',
      status: 401,
    });
    provider.answer(healthy);
    await expect(providers.verify(dead, {})).resolves.toBeUndefined();
    expect((await firstPage(providers, dead)).accounts).toHaveLength(1);
  });

  test('is no matter of single permissions', async () => {
    const { providers, full } = engine(deadKey);
    provider.answer(json(403, {}));
    for (let call = 0; call < 8; call += 1) await failureOf(firstPage(providers, full));
    expect(provider.requests).toHaveLength(8);
  });
});

describe('the rate limit of a key', () => {
  test('a 429 holds back this key until Retry-After, and no other', async () => {
    const clock = manualClock(Date.now(), { skip: true });
    const { providers, full } = engine({ readAttempts: 1 }, { clock });
    provider.answer(inTurn(json(429, {}, { 'retry-after': '20' }), healthy));
    await failureOf(firstPage(providers, full));
    await firstPage(providers, { ...full, id: 'conn_other' });
    expect(clock.sleeps).toEqual([]);
    await firstPage(providers, full);
    expect(clock.sleeps).toEqual([20_000]);
  });

  test('a wait beyond the deadline is refused before anything is sent', async () => {
    const { providers, full } = engine({ readAttempts: 1 });
    provider.answer(json(429, {}, { 'retry-after': '100' }));
    await failureOf(firstPage(providers, full));
    const error = (await failureOf(create(providers, full))) as ProviderError;
    expect(error).toMatchObject({ code: 'rate_limited', status: null, outcomeUnknown: false });
    expect(error.retryAfterSeconds).toBeGreaterThan(95);
    expect(provider.requests).toHaveLength(1);
  });

  test('a large limit that the provider announces slows nothing', async () => {
    const clock = manualClock(Date.now(), { skip: true });
    const declared = {
      ...fullAdapter,
      id: 'slow',
      limits: { ...fullAdapter.limits, requests: 60, perSeconds: 60 },
    };
    const { providers, full } = engine({}, { clock, adapters: [declared] });
    const slow = { ...full, provider: 'slow' };
    const resetAt = String(Math.ceil(Date.now() / 1000) + 60);
    const headers = {
      'x-ratelimit-limit': '1000000',
      'x-ratelimit-remaining': '999999',
      'x-ratelimit-reset': resetAt,
    };
    provider.answer(json(200, { items: [] }, headers));
    for (let call = 0; call < 200; call += 1) await firstPage(providers, slow);
    expect(clock.sleeps).toEqual([]);
  });
});

test('no more requests are under way for a key than the adapter allows', async () => {
  const { providers, full } = engine();
  let underWay = 0;
  let most = 0;
  provider.answer((request, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    setTimeout(() => {
      underWay -= 1;
      healthy(request, response);
    }, 10);
  });
  await Promise.all(Array.from({ length: 20 }, () => firstPage(providers, full)));
  expect(most).toBe(4);
});

describe('what is told of the attempts', () => {
  test('each finished attempt, to every listener until it leaves', async () => {
    const { providers, full } = engine();
    const outcomes: AttemptOutcome[] = [];
    const leave = providers.onOutcome((outcome) => outcomes.push(outcome));
    provider.answer(inTurn(json(500, {}), healthy));
    await firstPage(providers, full);
    leave();
    await firstPage(providers, full);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['server_error', 'ok']);
    expect(outcomes[0]).toMatchObject({
      provider: 'full',
      connectionId: 'conn_full',
      operation: 'list',
      latencyMs: expect.any(Number),
    });
  });

  test('how the provider last did', async () => {
    const { providers, full } = engine({ readAttempts: 1 });
    expect(stateOf(providers, full)).toEqual({
      circuit: 'closed',
      circuits: {},
      since: null,
      lastSuccessAt: null,
      lastFailureAt: null,
      lastError: null,
    });
    provider.answer(inTurn(healthy, healthy, json(404, {}), json(500, {})));
    for (let call = 0; call < 4; call += 1) await firstPage(providers, full).catch(() => {});
    expect(stateOf(providers, full)).toMatchObject({
      circuit: 'closed',
      lastSuccessAt: expect.any(Date),
      lastFailureAt: expect.any(Date),
      lastError: 'server_error',
    });
  });

  test('a change of the circuit, to the log', async () => {
    const told: unknown[] = [];
    const logger = { warn: (message: string, facts: object) => told.push([message, facts]) };
    const { providers, full } = engine({ readAttempts: 1, breakerConsecutive: 1 }, { logger });
    provider.answer(json(500, {}));
    await failureOf(firstPage(providers, full));
    expect(told).toEqual([
      [
        'provider circuit changed',
        {
          provider: 'full',
          origin: provider.baseUrl.replace('/v1', ''),
          group: 'inventory',
          circuit: 'open',
        },
      ],
    ]);
  });
});

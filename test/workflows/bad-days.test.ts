import type { Fault } from '../../sandbox/index.js';
import { ALL_PROVIDERS, BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

type ProviderName = (typeof ALL_PROVIDERS)[number];

/** Milliseconds that a provider has for an answer, where one is to come on a busy machine too. */
const PATIENT_MS = 30_000;
/** Where the gateway is to wait in vain. */
const HASTY_MS = 5_000;

let gateway: Gateway;
const connections = new Map<ProviderName, string>();
const begin = async (deadlineMs: number) => {
  // One bad day after the other would look like one long outage to the breaker's share of failures.
  const policies = {
    ...BRISK,
    readDeadlineMs: deadlineMs,
    writeDeadlineMs: deadlineMs,
    breakerMinimumCalls: 10_000,
  };
  gateway = await startGateway({ policies, sweepIntervalSeconds: 300 });
  for (const provider of ALL_PROVIDERS) connections.set(provider, await gateway.connect(provider));
};
afterEach(async () => {
  for (const provider of ALL_PROVIDERS) gateway.sandbox.provider(provider).faults.clear();
});

const connectionOf = (provider: ProviderName) => connections.get(provider) ?? '';
const connection = async (provider: ProviderName) =>
  (await gateway.root.get(`/v1/connections/${connectionOf(provider)}`)).body.data;
const accounts = async (provider: ProviderName) =>
  (
    await gateway.root.get(
      `/v1/accounts?provider=${provider}&limit=200&status=setup,active,paused,suspended,reconnect_required,unavailable,disconnected`,
    )
  ).body.data;
/**
 * The first sweep that calls are let through for: not before the circuit closes and Retry-After is
 * over.
 */
const sweepOnceHealed = async (provider: ProviderName) => {
  const isLetThrough = ({ error }: Record<string, unknown>) => {
    const { code } = (error ?? {}) as { code?: string };
    return code !== 'circuit_open' && code !== 'rate_limited';
  };
  return waitFor(
    `calls to ${provider} to be let through`,
    () => gateway.sweep(connectionOf(provider)),
    { until: isLetThrough },
  );
};
type Aged = Record<string, unknown> & { readonly health: Record<string, unknown> };
const withoutAge = ({
  last_seen_at: _seen,
  health: { checked_at: _checked, ...health },
  ...account
}: Aged) => ({ ...account, health });
const another = (provider: ProviderName): ProviderName =>
  provider === 'octopost' ? 'outfame' : 'octopost';

/** Faults that a deadline ends. */
const WAITED_OUT: readonly Fault[] = [
  { kind: 'slow', delay_ms: HASTY_MS + 1_500 },
  { kind: 'hang' },
];
const FAULTS: readonly (readonly [fault: Fault, code: string])[] = [
  [{ kind: 'down' }, 'network'],
  [{ kind: 'reset' }, 'invalid_answer'],
  [{ kind: 'rate_limited', retry_after: 1 }, 'rate_limited'],
  [{ kind: 'server_error' }, 'server_error'],
  [{ kind: 'server_error', status: 503, retry_after: 1 }, 'unavailable'],
  [{ kind: 'html' }, 'server_error'],
  [{ kind: 'html', status: 200 }, 'invalid_answer'],
  [{ kind: 'truncated' }, 'invalid_answer'],
  [{ kind: 'wrong_shape' }, 'invalid_answer'],
  [{ kind: 'lost_answer' }, 'network'],
];

/** A provider's bad day, until all is well again. */
async function haveBadDay(provider: ProviderName, fault: Fault, code: string): Promise<void> {
  const before = await accounts(provider);
  gateway.sandbox.provider(provider).faults.add(fault);
  const sweeping = gateway.sweep(connectionOf(provider));
  let isOver = false;
  void sweeping.then(() => {
    isOver = true;
  });
  if (fault.kind === 'hang') {
    // Readers do not wait for the provider.
    await accounts(provider);
    expect(isOver).toBe(false);
  }
  const failed = await sweeping;
  // SocialSyncer has one code for every failure of its own, and that counts before the status.
  const told = provider === 'socialsyncer' && code === 'unavailable' ? 'server_error' : code;
  expect(failed).toMatchObject({
    state: 'failed',
    vanished: 0,
    error: { code: told, message: expect.stringMatching(/^\w+ .+\.$/) },
  });
  expect((await connection(provider)).last_error).toMatchObject({ code: told });
  expect((await connection(provider)).state).toBe('active');
  const after = await accounts(provider);
  expect(after.map(withoutAge)).toEqual(before.map(withoutAge));
  // What came before the fault was seen; nothing else is said to have been.
  if (fault.kind !== 'repeat_cursor') expect(after).toEqual(before);
  expect(await gateway.sweep(connectionOf(another(provider)))).toMatchObject({
    state: 'succeeded',
    vanished: 0,
  });

  gateway.sandbox.provider(provider).faults.clear();
  expect(await sweepOnceHealed(provider)).toMatchObject({
    state: 'succeeded',
    seen: before.length,
    unchanged: before.length,
  });
  expect((await connection(provider)).last_error).toBeNull();
}

describe('with deadlines that pass', () => {
  beforeAll(() => begin(HASTY_MS));
  afterAll(() => gateway.stop());

  /** They are well while the others are not, and the other way round. */
  const groups = [
    ALL_PROVIDERS.filter((name) => name !== 'octopost'),
    ALL_PROVIDERS.filter((name) => name === 'octopost'),
  ];
  test.each(WAITED_OUT)(
    '$kind: each sweep says timeout, nothing is lost, and all is well afterwards',
    async (fault) => {
      for (const group of groups)
        await Promise.all(group.map((provider) => haveBadDay(provider, fault, 'timeout')));
    },
  );
});

describe('with time for every answer', () => {
  beforeAll(() => begin(PATIENT_MS));
  afterAll(() => gateway.stop());

  describe.each([...ALL_PROVIDERS])('%s', (provider) => {
    const cases = ['outfame', 'creatoraudit'].includes(provider)
      ? [...FAULTS, [{ kind: 'repeat_cursor' }, 'invalid_answer'] as const]
      : FAULTS;

    test.each(cases.map(([fault, code]) => ({ fault, code })))(
      '$fault: the sweep says $code, nothing is lost, and all is well afterwards',
      ({ fault, code }) => haveBadDay(provider, fault, code),
    );

    test('rejects our key: its accounts are unknown, it is asked less often, and a new key mends it', async () => {
      const before = await accounts(provider);
      gateway.sandbox.provider(provider).setKey('another-key-0123456789');
      expect(await gateway.sweep(connectionOf(provider))).toMatchObject({
        state: 'failed',
        error: { code: 'credential_rejected' },
      });
      const rejected = await connection(provider);
      expect(rejected).toMatchObject({
        state: 'credential_rejected',
        last_error: { code: 'credential_rejected' },
      });
      const wait = new Date(rejected.next_sweep_at).getTime() - Date.now();
      expect(wait).toBeGreaterThan(0.85 * 1_800_000);
      for (const item of await accounts(provider)) {
        const former = before.find(({ id }: { id: string }) => id === item.id);
        expect(item.status).toBe(former.status);
        expect(item.health).toMatchObject({
          status: 'unknown',
          reason: 'credential_rejected',
          fault: 'connection',
        });
        expect(item.health.recommendations[0].code).toBe('check_credentials');
      }
      expect((await gateway.root.post(`/v1/accounts/${before[0].id}/probe`)).body).toMatchObject({
        code: 'provider_credential_rejected',
        fault: 'connection',
      });
      expect(await gateway.sweep(connectionOf(another(provider)))).toMatchObject({
        state: 'succeeded',
      });

      const path = `/v1/connections/${connectionOf(provider)}`;
      const wrong = await gateway.root.patch(path, { credentials: { api_key: 'a-wrong-one' } });
      expect(wrong).toMatchObject({ status: 502, body: { code: 'provider_credential_rejected' } });
      expect((await connection(provider)).state).toBe('credential_rejected');
      const mended = await gateway.root.patch(path, {
        credentials: { api_key: 'another-key-0123456789' },
      });
      expect(mended.body.data).toMatchObject({ state: 'active', last_error: null });
      await gateway.sweep(connectionOf(provider));
      const health = ({
        health: { status, reason, fault },
      }: {
        health: Record<string, unknown>;
      }) => ({ status, reason, fault });
      expect((await accounts(provider)).map(health)).toEqual(before.map(health));
    });
  });

  test('a permission that a good key lacks for one call condemns no connection', async () => {
    gateway.sandbox.provider('creatoraudit').faults.add({ kind: 'key_revoked', times: 1 });
    expect(await gateway.sweep(connectionOf('creatoraudit'))).toMatchObject({
      state: 'failed',
      error: { code: 'credential_rejected' },
    });
    expect((await connection('creatoraudit')).state).toBe('active');
    expect(await gateway.sweep(connectionOf('creatoraudit'))).toMatchObject({ state: 'succeeded' });
  });
});

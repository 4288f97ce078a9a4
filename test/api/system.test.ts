import { adapters } from '../../adapters/index.gen.js';
import type { Client } from '../support/client.js';
import { ALL_PROVIDERS, BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
let nobody: Client;
let outfame: string;
beforeAll(async () => {
  // A circuit that opens stays open for as long as the tests look at it.
  const policies = { ...BRISK, breakerOpenMs: 600_000, breakerOpenMaxMs: 600_000 };
  gateway = await startGateway({ policies });
  nobody = gateway.with(undefined);
  outfame = await gateway.connect('outfame');
  for (const provider of ['creatoraudit', 'socialsyncer', 'octopost'] as const)
    await gateway.connect(provider);
});
afterAll(() => gateway.stop());

describe('for load balancers and monitors, without a key', () => {
  test('/livez, /readyz and /health tell how it does', async () => {
    expect((await nobody.get('/livez')).body).toEqual({ status: 'pass' });
    expect((await nobody.get('/readyz')).body).toEqual({ status: 'pass' });
    const health = await nobody.get('/health');
    expect(health.headers.get('content-type')).toMatch(/^application\/health\+json/);
    expect(health.body.status).toBe('pass');
    for (const provider of ALL_PROVIDERS)
      expect(health.body.checks[`provider:${provider}`]).toEqual([{ status: 'pass' }]);
    for (const path of ['/livez', '/readyz', '/health', '/metrics'])
      expect((await nobody.get(path)).headers.get('cache-control')).toBe('no-store');
  });

  test('a provider that is down is a warning, and no reason not to be ready', async () => {
    gateway.sandbox.provider('outfame').faults.add({ kind: 'down' });
    await gateway.root.post('/v1/accounts/outfame:acc_7Gx2kLm9Qr/probe');
    for (let turn = 0; turn < 8; turn++) await gateway.sweep(outfame);
    gateway.sandbox.provider('outfame').faults.clear();
    const health = (await nobody.get('/health')).body;
    expect([health.status, health.checks['provider:outfame'][0].status]).toEqual(['warn', 'warn']);
    expect((await nobody.get('/readyz')).status).toBe(200);
    const { state } = (await gateway.root.get('/v1/providers/outfame')).body.data;
    expect(state).toMatchObject({ status: 'down', circuit: 'open' });
    expect(state.last_error).not.toBeNull();
    expect((await gateway.root.get('/v1/providers/octopost')).body.data.state).toMatchObject({
      status: 'operational',
      circuit: 'closed',
    });
  });

  test('/metrics counts requests, provider calls and sweeps, and tells no secret', async () => {
    const { text } = await nobody.get('/metrics');
    expect(text).toMatch(
      /rollcall_http_request_duration_seconds_count\{method="POST",route="\/v1\/connections",status="201"\} 4/,
    );
    expect(text).toMatch(
      /rollcall_provider_call_duration_seconds_count\{provider="octopost",operation="list",outcome="ok"\} \d/,
    );
    expect(text).toMatch(/rollcall_sweeps_total\{provider="octopost",state="succeeded"\} 1/);
    for (const kind of ['sweeps', 'disconnect_steps', 'webhook_deliveries', 'account_reports'])
      for (const figure of ['due', 'leased', 'oldest_due_seconds'])
        expect(text).toContain(`rollcall_work_${figure}{kind="${kind}"} 0`);
    expect(text).toMatch(/rollcall_work_seconds_count\{kind="sweeps"\} \d/);
    expect(text).toMatch(/^rollcall_http_requests_in_progress \d/m);
    expect(text).toMatch(/^rollcall_database_queries_waiting \d/m);
    for (const state of ['running', 'waiting'])
      expect(text).toMatch(
        new RegExp(`^rollcall_provider_calls\\{provider="octopost",state="${state}"\\} \\d`, 'm'),
      );
    expect(text).toContain('rollcall_provider_open_circuits{provider="octopost"} 0');
    for (const provider of ALL_PROVIDERS)
      expect(text).not.toContain(gateway.sandbox.apiKey(provider));
    expect(text).not.toContain('acc_7Gx2kLm9Qr');
  });

  test('while it drains it is alive and not ready, and serves requests on', async () => {
    const draining = await startGateway();
    draining.app.drain();
    expect((await draining.with(undefined).get('/livez')).status).toBe(200);
    expect((await draining.with(undefined).get('/readyz')).status).toBe(503);
    expect((await draining.with(undefined).get('/health')).body.checks.process).toEqual([
      { status: 'fail', output: 'shutting down' },
    ]);
    expect((await draining.root.get('/v1/whoami')).status).toBe(200);
    await draining.stop();
  });
});

describe('/v1/providers', () => {
  test('tell what each provider can do, and what a disconnect does there', async () => {
    const { body } = await gateway.root.get('/v1/providers');
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual(adapters.map(({ id }) => id));
    const disconnects = Object.fromEntries(
      body.data.map((provider: { id: string; disconnect: object }) => [
        provider.id,
        provider.disconnect,
      ]),
    );
    expect(disconnects).toMatchObject({
      outfame: { destroys_data: true, reversible: false },
      socialsyncer: { revokes_token: true },
    });
    const outfame = (await gateway.root.get('/v1/providers/outfame')).body.data;
    expect(outfame).toMatchObject({
      name: 'Outfame',
      platforms: ['instagram', 'tiktok'],
      connect: null,
    });
    expect(outfame.operations).toEqual([
      'create',
      'probe',
      'update',
      'pause',
      'resume',
      'activity',
      'stats',
      'disconnect',
    ]);
    expect((await gateway.root.get('/v1/providers/socialsyncer')).body.data).toMatchObject({
      connect: { flow: 'oauth' },
      operations: ['connect', 'probe', 'disconnect'],
    });
    expect((await gateway.root.get('/v1/providers/myspace')).status).toBe(404);
  });
});

import type { LogFields, Logger } from '../../src/lib/logger.js';
import { Canaries, dump } from '../support/canaries.js';
import { BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** What is special about Postiz and Zernio, over the whole gateway. */
const logged: string[] = [];
const log = (message: string, fields?: LogFields) => logged.push(JSON.stringify([message, fields]));
const logger: Logger = { error: log, warn: log, info: log, debug: log };

let gateway: Gateway;
let postiz: string;
let zernio: string;
beforeAll(async () => {
  gateway = await startGateway({ logger, policies: BRISK });
  [postiz, zernio] = [await gateway.connect('postiz'), await gateway.connect('zernio')];
});
beforeEach(async () => {
  gateway.sandbox.reset();
  for (const connection of [postiz, zernio]) await gateway.sweep(connection);
});
afterAll(() => gateway.stop());

const account = async (ref: string) => (await gateway.root.get(`/v1/accounts/${ref}`)).body.data;
const disconnect = (ref: string) =>
  gateway.root.delete(`/v1/accounts/${ref}`, { Prefer: 'wait=30' });
const plan = async (ref: string) =>
  (await gateway.root.post('/v1/disconnects', { account_ids: [ref], dry_run: true })).body.data;
const calls = (provider: 'postiz' | 'zernio') =>
  gateway.sandbox.provider(provider).counts().by_operation;

describe('Postiz', () => {
  const ACME = 'cm4acme0instagram00000001';
  const HARBOR = 'cm4harbor0maps00000000003';
  const LUMEN = 'cm4lumen0cast000000000005';

  test('tells no health, calls networks by words of its own, and groups channels by customer', async () => {
    expect(await account(`postiz:${ACME}`)).toMatchObject({
      platform: 'instagram',
      platform_user_id: null,
      username: 'acmefitness',
      provider_group: { id: 'cust_acme', name: 'Acme' },
      status: 'active',
      health: { status: 'unknown', reason: 'not_told', fault: null, next_step: 'none' },
    });
    expect(await account(`postiz:${HARBOR}`)).toMatchObject({
      platform: 'googlebusiness',
      username: null,
      display_name: 'Harbor Kitchen',
      provider_group: null,
    });
    expect(await account('postiz:cm4lumen0x0000000000000004')).toMatchObject({
      platform: 'twitter',
      status: 'paused',
      health: { status: 'warning', reason: 'account_paused' },
    });
  });

  test('says what its delete destroys, and nothing shows the tokens that it answers', async () => {
    const canaries = new Canaries();
    for (const kind of ['token', 'refresh-token'])
      canaries.watch(kind, `network-${kind}-of-${ACME}`);
    const held = JSON.stringify(gateway.sandbox.provider('postiz').account(ACME));
    expect(canaries.shownIn(held)).toEqual(['token', 'refresh-token']);
    const { accounts } = await plan(`postiz:${ACME}`);
    expect(accounts[0].effect).toMatchObject({ destroys_data: true, revokes_token: false });
    const done = await disconnect(`postiz:${ACME}`);
    expect(done).toMatchObject({ status: 200, body: { data: { state: 'succeeded' } } });
    const [step] = done.body.data.steps;
    expect(step).toMatchObject({ outcome: 'disconnected', verified: 'absent' });
    expect(step.evidence).toContainEqual(
      expect.objectContaining({ call: 'delete', status: 200, shape: 'success' }),
    );
    const shown = [
      done.text,
      (await gateway.root.get(`/v1/accounts/postiz:${ACME}?include=remote_data`)).text,
      (await gateway.root.get(`/v1/disconnects/${done.body.data.id}/receipt`)).text,
      (await gateway.root.get('/v1/events?limit=200')).text,
      logged.join('\n'),
      ...(await dump(gateway.database.pool)).values(),
    ];
    expect(shown.flatMap((text) => canaries.shownIn(text))).toEqual([]);
  });

  test('fails over an id that it does not know: the list tells, and the delete is not repeated', async () => {
    gateway.sandbox.provider('postiz').faults.add({ kind: 'lost_answer', method: 'DELETE' });
    const done = await disconnect(`postiz:${LUMEN}`);
    expect(done.body.data).toMatchObject({
      state: 'succeeded',
      steps: [{ verified: 'absent' }],
    });
    expect(gateway.sandbox.provider('postiz').counts().deletes[LUMEN]).toEqual({
      calls: 1,
      effective: 1,
    });
    // Its 500 to the delete of an account that is there proves nothing.
    const fault = { kind: 'not_found', method: 'DELETE', times: 1 } as const;
    gateway.sandbox.provider('postiz').faults.clear();
    gateway.sandbox.provider('postiz').faults.add(fault);
    const retried = await disconnect(`postiz:${HARBOR}`);
    expect(retried.body.data).toMatchObject({
      state: 'succeeded',
      steps: [{ attempts: 2, outcome: 'disconnected', verified: 'absent' }],
    });
  });

  test('connects by a link, and takes the owner back itself', async () => {
    const request = { provider: 'postiz', platform: 'twitter' };
    const started = await gateway.root.post('/v1/connect', request);
    expect(started).toMatchObject({
      status: 201,
      body: { data: { auth_url: expect.stringMatching(/\/authorize\/x\?state=/) } },
    });
  });
});

describe('Zernio', () => {
  const ACME = '66f0a1b2c3d4e5f600000001';
  const LACKING = '66f0a1b2c3d4e5f600000002';

  test('has list and health joined, and is asked one by one only for what they leave open', async () => {
    const healthOf = async (number: number) =>
      (await account(`zernio:66f0a1b2c3d4e5f60000000${number}`)).health;
    expect(await account(`zernio:${ACME}`)).toMatchObject({
      username: 'acmefitness',
      provider_group: { id: 'prof_acme', name: 'Acme' },
      health: { status: 'healthy', token_valid: true, token_expires_at: expect.any(String) },
      metrics: { followers: 14_832 },
    });
    expect(await healthOf(2)).toMatchObject({
      status: 'warning',
      reason: 'permission_missing',
      fault: 'account',
      next_step: 'reconnect',
      recommendations: [
        { code: 'reconnect', message: 'Missing permission: pages_manage_posts' },
        { code: 'reconnect', message: 'Reconnect the page and allow it to post.' },
      ],
    });
    expect(await healthOf(3)).toMatchObject({ status: 'warning', reason: 'token_expiring' });
    expect(await healthOf(4)).toMatchObject({ status: 'unhealthy', reason: 'token_invalid' });
    expect(await healthOf(5)).toMatchObject({ status: 'unknown', reason: 'not_told' });
    expect(calls('zernio')).toMatchObject({ 'GET /accounts': 1, 'GET /accounts/health': 1 });
    expect(calls('zernio')['GET /accounts/{id}/health']).toBe(2);
  });

  test('may call an account an error in so many words: that is its health, and no failed look', async () => {
    const state = { status: 'error', missingRequired: ['instagram_content_publish'] };
    gateway.sandbox.provider('zernio').putAccount(ACME, state);
    const probed = await gateway.root.post(`/v1/accounts/zernio:${ACME}/probe`);
    expect(probed).toMatchObject({
      status: 200,
      body: {
        data: { status: 'active', health: { status: 'warning', reason: 'permission_missing' } },
      },
    });
  });

  test('keeps a verdict whose detail is not told, and what is in no health report', async () => {
    const faults = { kind: 'server_error', path: '/accounts/*/health' } as const;
    gateway.sandbox.provider('zernio').faults.add(faults);
    expect(await gateway.sweep(zernio)).toMatchObject({ state: 'succeeded', vanished: 0 });
    expect((await account(`zernio:${LACKING}`)).health.reason).toBe('permission_missing');
  });

  test('reports an account that lost its grant: it is looked at, and what is seen then counts', async () => {
    const secret = 'whsec_0123456789abcdef';
    const credentials = { api_key: gateway.sandbox.apiKey('zernio'), webhook_secret: secret };
    const changed = await gateway.root.patch(`/v1/connections/${zernio}`, { credentials });
    expect(changed.text).not.toContain(secret);
    await gateway.sweep(zernio);
    const sandbox = gateway.sandbox.provider('zernio');
    const url = `${gateway.url}${changed.body.data.hook_path}`;
    const report = (id: string, by = secret) =>
      sandbox.report(id, 'account.disconnected', { url, secret: by });
    const looks = () => calls('zernio')['GET /accounts'] ?? 0;

    sandbox.putAccount(ACME, { status: 'error', tokenValid: false, needsReconnect: true });
    expect(await report(ACME, 'whsec_of_somebody_else')).toBe(404);
    const before = looks();
    expect(await report(ACME)).toBe(202);
    const seen = await waitFor('the account to be looked at', () => account(`zernio:${ACME}`), {
      until: ({ status }) => status === 'reconnect_required',
    });
    expect(seen.health).toMatchObject({ status: 'unhealthy', reason: 'token_invalid' });

    // A report that the provider's own answer does not bear out changes nothing.
    expect(await report(LACKING)).toBe(202);
    await waitFor('the second look', async () => looks(), { until: (made) => made > before + 1 });
    expect(await account(`zernio:${LACKING}`)).toMatchObject({
      status: 'active',
      health: { reason: 'permission_missing' },
    });
  });

  test('does not tell what a disconnect does to data and grant, and neither do we', async () => {
    const { accounts, totals } = await plan(`zernio:${ACME}`);
    expect(accounts[0].effect).toMatchObject({
      destroys_data: null,
      revokes_token: null,
      reversible: null,
    });
    expect(totals).toMatchObject({ effect_not_told: 1 });
    const done = await disconnect(`zernio:${ACME}`);
    expect(done.body.data).toMatchObject({
      state: 'succeeded',
      steps: [{ outcome: 'disconnected', verified: 'absent', effect: { revokes_token: null } }],
    });
    // Found by the list, as it says nothing of single accounts.
    expect(calls('zernio')['DELETE /accounts/{id}']).toBe(1);
  });

  test('connects accounts to a profile, by a link, and takes the owner back itself', async () => {
    const request = {
      provider: 'zernio',
      platform: 'instagram',
      redirect_url: 'https://app.example/',
    };
    const account = { provider: 'zernio', platform: 'instagram', username: 'any' };
    expect(await gateway.root.post('/v1/accounts', account)).toMatchObject({
      status: 422,
      body: { code: 'operation_not_supported', connect: { flow: 'link' } },
    });
    // Zernio refuses a connect without the profile that it is for.
    expect(await gateway.root.post('/v1/connect', request)).toMatchObject({
      status: 502,
      body: { provider: { id: 'zernio', status: 400, message: 'profileId is required' } },
    });
    const credentials = {
      api_key: gateway.sandbox.apiKey('zernio'),
      profile_id: 'prof_acme',
    };
    const changed = await gateway.root.patch(`/v1/connections/${zernio}`, { credentials });
    expect(changed.status).toBe(200);
    const { data } = (await gateway.root.post('/v1/connect', request)).body;
    const url = new URL(data.auth_url);
    expect(url.searchParams.get('profileId')).toBe('prof_acme');
    expect(data.state).toBeNull();
  });
});

import { BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';

const clock = shiftedClock();
let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ clock, policies: BRISK });
  await gateway.connect('socialsyncer');
  await gateway.connect('outfame');
});
afterAll(() => gateway.stop());

const CALLBACK = 'https://app.example/callback?from=rollcall';
const start = (more: object = {}) =>
  gateway.root.post('/v1/connect', {
    provider: 'socialsyncer',
    platform: 'instagram',
    redirect_url: CALLBACK,
    ...more,
  });

/**
 * What the account's owner does at the network: agrees, and is sent back with a code and the state.
 */
async function agree(authUrl: string, accountId: string): Promise<{ code: string; state: string }> {
  const response = await fetch(`${authUrl}&account_id=${accountId}`, { redirect: 'manual' });
  const back = new URL(response.headers.get('location') ?? '');
  expect(back.searchParams.get('from')).toBe('rollcall');
  // Our own state came first; the provider's, which can be guessed, is added behind it or in its
  // place.
  return {
    code: back.searchParams.get('code') ?? '',
    state: new URL(authUrl).searchParams.get('redirect_url') ?? '',
  };
}

describe('the connect flow', () => {
  test('leads to a connected account', async () => {
    const askedAt = clock.now().getTime();
    const started = await start();
    expect(started.status).toBe(201);
    expect(started.headers.get('cache-control')).toBe('no-store');
    const { auth_url, state, expires_at } = started.body.data;
    expect(state).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(new Date(expires_at).getTime()).toBeGreaterThanOrEqual(askedAt + 600_000);
    expect(new Date(expires_at).getTime()).toBeLessThanOrEqual(clock.now().getTime() + 600_000);
    const { code, state: callback } = await agree(auth_url, '17841400999111222');
    expect(new URL(callback).searchParams.get('state')).toBe(state);

    const completed = await gateway.root.post('/v1/connect/complete', { state, code });
    expect(completed).toMatchObject({
      status: 200,
      body: { data: { ref: 'socialsyncer:instagram/17841400999111222', status: 'active' } },
    });
    const again = await gateway.root.post('/v1/connect/complete', { state, code });
    expect(again).toMatchObject({ status: 422, body: { errors: [{ field: 'state' }] } });
  });

  test('revives an account whose token was lost', async () => {
    const path = '/v1/accounts/socialsyncer:instagram%2F17841400777666555';
    const before = (await gateway.root.get(path)).body.data;
    expect(before.status).toBe('reconnect_required');
    const { auth_url, state } = (await start()).body.data;
    const { code } = await agree(auth_url, '17841400777666555');
    const { data } = (await gateway.root.post('/v1/connect/complete', { state, code })).body;
    expect(data).toMatchObject({ id: before.id, status: 'active', health: { status: 'healthy' } });
  });

  test("is good for ten minutes, for its own team, and with the provider's code", async () => {
    const { auth_url, state } = (await start()).body.data;
    const { code } = await agree(auth_url, '17841400333000111');
    const stranger = await gateway.newTeam('stranger');
    expect((await stranger.client.post('/v1/connect/complete', { state, code })).status).toBe(422);
    expect(
      (await gateway.root.post('/v1/connect/complete', { state: `${state}x`, code })).status,
    ).toBe(422);
    clock.advance(600_000);
    expect((await gateway.root.post('/v1/connect/complete', { state, code })).status).toBe(422);

    const fresh = (await start()).body.data;
    const wrong = await gateway.root.post('/v1/connect/complete', {
      state: fresh.state,
      code: 'code_made_up',
    });
    expect(wrong).toMatchObject({
      status: 502,
      body: { code: 'provider_rejected', provider: { code: 'VALIDATION_ERROR' } },
    });
  });

  test('is refused where it cannot be', async () => {
    expect(
      await gateway.root.post('/v1/connect', {
        provider: 'outfame',
        platform: 'instagram',
        redirect_url: CALLBACK,
      }),
    ).toMatchObject({
      status: 422,
      body: { code: 'operation_not_supported' },
    });
    expect((await start({ platform: 'myspace' })).body.errors[0].field).toBe('platform');
    expect((await start({ redirect_url: 'javascript:alert(1)' })).body.errors[0].field).toBe(
      'redirect_url',
    );
    // No connection would help, so that none is asked for.
    const { client } = await gateway.newTeam('without connections');
    const startAt = (provider: string) =>
      client.post('/v1/connect', { provider, platform: 'instagram', redirect_url: CALLBACK });
    expect((await startAt('octopost')).body.code).toBe('operation_not_supported');
    expect((await startAt('socialsyncer')).body.errors[0].field).toBe('provider');
  });
});

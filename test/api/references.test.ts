import { ALL_PROVIDERS, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
  for (const provider of ALL_PROVIDERS) await gateway.connect(provider);
  gateway.sandbox.provider('octopost').putAccount('urn:li:a/b?c=d#e.%2F', { username: 'awkward' });
  const { body } = await gateway.root.get('/v1/connections?limit=200');
  await gateway.sweep(
    body.data.find(({ provider }: { provider: string }) => provider === 'octopost').id,
  );
});
afterAll(() => gateway.stop());

const idOf = async (reference: string) =>
  (await gateway.root.get(`/v1/accounts/${reference}`)).body.data?.id;

describe('the three spellings of an account', () => {
  test.each([
    ['outfame', 'acc_7Gx2kLm9Qr'],
    ['creatoraudit', '3c90c3cc-0d44-4b50-8888-8dd25736052a'],
    ['octopost', 'acc_abc123'],
    ['socialsyncer', 'instagram/17841400123456789'],
    ['socialsyncer', 'tiktok/_000MpQ-9.xZ_tK'],
    ['socialsyncer', 'tiktok/723f24d7-e717-40f8-a2b6/cb8464cd'],
    ['octopost', 'urn:li:a/b?c=d#e.%2F'],
  ])('%s %s', async (provider, providerId) => {
    const ref = `${provider}:${providerId}`;
    const id = await idOf(encodeURIComponent(ref).replaceAll('.', '%2E'));
    expect(id).toMatch(/^acct_[0-9a-z]{26}$/);
    const encoded = encodeURIComponent(providerId).replaceAll('.', '%2E');
    for (const spelling of [id, `${provider}:${encoded}`, `${provider}%3A${encoded}`, encoded])
      expect(await idOf(spelling)).toBe(id);
    expect((await gateway.root.get(`/v1/accounts/${id}`)).body.data).toMatchObject({
      provider,
      provider_account_id: providerId,
      ref,
    });
  });

  test('work on every route that takes one', async () => {
    const id = await idOf('socialsyncer:twitter%2F1234567890');
    const spellings = [id, 'socialsyncer:twitter%2F1234567890', 'twitter%2f1234567890'];
    const routes = gateway.app.routes.filter(
      ({ path, method }) => path.startsWith('/v1/accounts/{id}') && method !== 'DELETE',
    );
    expect(routes.length).toBeGreaterThan(6);
    for (const { method, path } of routes) {
      const answers = [];
      for (const spelling of spellings) {
        const body =
          method === 'PATCH' ? '{"labels":{"a":"b"}}' : method === 'GET' ? undefined : '{}';
        const reply = await gateway.root.send(method, path.replace('{id}', spelling), body, {
          'Content-Type': 'application/json',
        });
        answers.push(`${reply.status} ${reply.body?.code ?? reply.body.data?.id ?? ''}`);
      }
      expect([method, path, new Set(answers).size, answers[0]?.startsWith('404')]).toEqual([
        method,
        path,
        1,
        false,
      ]);
    }
    for (const [at, spelling] of spellings.entries()) {
      const reply = await gateway.root.delete(`/v1/accounts/${spelling}`);
      expect([at, reply.status, reply.body.data.steps[0].account_id]).toEqual([at, 200, id]);
    }
    expect(gateway.sandbox.provider('socialsyncer').counts().deletes['twitter/1234567890']).toEqual(
      { calls: 1, effective: 1 },
    );
  });

  test('that name two accounts are refused with both refs, on every route', async () => {
    const routes = gateway.app.routes.filter(({ path }) => path.startsWith('/v1/accounts/{id}'));
    for (const { method, path } of routes) {
      const bodies: Record<string, string | undefined> = {
        GET: undefined,
        PATCH: '{"labels":{"a":"b"}}',
        PUT: '{"mode":"automatic"}',
      };
      const body = method in bodies ? bodies[method] : '{}';
      const reply = await gateway.root.send(method, path.replace('{id}', 'acc_Twin00Same'), body, {
        'Content-Type': 'application/json',
      });
      expect([path, reply.status, reply.body.code]).toEqual([path, 409, 'ambiguous_reference']);
      const refs = ['outfame:acc_Twin00Same', 'octopost:acc_Twin00Same'];
      expect(new Set(reply.body.refs)).toEqual(new Set(refs));
      for (const ref of refs) expect(reply.body.detail).toContain(ref);
    }
    expect(await idOf('outfame:acc_Twin00Same')).not.toBe(await idOf('octopost:acc_Twin00Same'));
  });

  test('a disconnected account gives way to a live one of the same provider id', async () => {
    await gateway.root.delete('/v1/accounts/outfame:acc_Twin00Same');
    expect(await idOf('acc_Twin00Same')).toBe(await idOf('octopost:acc_Twin00Same'));
    expect((await gateway.root.get('/v1/accounts/outfame:acc_Twin00Same')).body.data.status).toBe(
      'disconnected',
    );
  });

  test.each([
    'acct_nothing',
    'outfame:',
    ':acc_7Gx2kLm9Qr',
    'outfame:outfame:acc_7Gx2kLm9Qr',
    'OUTFAME:acc_7Gx2kLm9Qr',
    'acc_7gx2klm9qr',
    'yourhandle',
    'instagram:17841400123456789',
    '17841400123456789',
    '%20',
    "'%3B--",
    'a'.repeat(5000),
    '%F0%9F%92%AA',
  ])('%s is none', async (reference) => {
    expect((await gateway.root.get(`/v1/accounts/${reference}`)).status).toBe(404);
  });

  test('with a NUL is refused', async () => {
    expect((await gateway.root.get('/v1/accounts/acc%00')).status).toBe(422);
    expect((await gateway.root.get('/v1/connections/%00')).status).toBe(422);
  });
});

describe('GET /v1/platforms/{platform}/accounts/{platform_user_id}', () => {
  test('lists every account on the pair, whichever provider holds it', async () => {
    const { body } = await gateway.root.get('/v1/platforms/Instagram/accounts/17841400123456789');
    expect(new Set(body.data.map(({ ref }: { ref: string }) => ref))).toEqual(
      new Set(['socialsyncer:instagram/17841400123456789', 'octopost:acc_jkl012']),
    );
    const bluesky = await gateway.root.get(
      '/v1/platforms/bluesky/accounts/did:plc:z72i7hdynmk6r22z27h6tvur',
    );
    expect(bluesky.body.data).toHaveLength(1);
    expect((await gateway.root.get('/v1/platforms/instagram/accounts/nobody')).body.data).toEqual(
      [],
    );
  });
});

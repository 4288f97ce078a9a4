import { describe, expect, test } from '../support/jest.js';
import { useWorlds } from './world.js';

const worlds = useWorlds();
const COMPOSED = 'Caf\u00e9 Noir';
const DECOMPOSED = 'Cafe\u0301 Noir';

describe('12 small: composed and decomposed letters', () => {
  test.each([
    [DECOMPOSED, 'caf\u00e9 noir'],
    [COMPOSED, 'cafe\u0301 noir'],
    [DECOMPOSED, 'CAFE\u0301'],
    ['\u1100\u1161\u11a8 shop', '\uac01'],
    ['\u212bngstr\u00f6m', '\u00e5ngstro\u0308m'],
  ])('q finds %j by %j', async (display_name, q) => {
    const world = await worlds.open('octopost', ['acc_b']);
    world.provider.put('acc_a', { display_name });
    await world.sweep();
    const { body } = await world.client.get(`/v1/accounts?q=${encodeURIComponent(q)}`);
    expect(body.data.map(({ ref }: { ref: string }) => ref)).toEqual(['octopost:acc_a']);
    expect((await world.account('acc_a')).display_name).toBe(display_name);
  });

  test.each([
    ['jos\u00e9', 'jose\u0301'],
    ['jose\u0301', 'JOS\u00c9'],
  ])('username %j is found as %j', async (username, asked) => {
    const world = await worlds.open('octopost', ['acc_b']);
    world.provider.put('acc_a', { username });
    await world.sweep();
    const { body } = await world.client.get(`/v1/accounts?username=${encodeURIComponent(asked)}`);
    expect(body.data.map(({ ref }: { ref: string }) => ref)).toEqual(['octopost:acc_a']);
  });
});

describe('12 small: addresses that are signed anew at each read', () => {
  test.each([
    'https://s3.example/a.jpg?X-Amz-Date=20260101&X-Amz-Signature=SIG&X-Amz-Expires=60',
    'https://cdn.example/a.jpg?Expires=17SIG&Signature=SIG&Key-Pair-Id=K',
    'https://scontent.example/a.jpg?stp=dst&oh=00_SIG&oe=66SIG&_nc_sid=1',
    'https://p16.example/a.jpeg?x-expires=SIG&x-signature=SIG%3D',
    'https://cdn.example/a.jpg?sig=SIG&se=2026',
  ])('%s is no account.updated', async (address) => {
    const world = await worlds.open('octopost');
    for (let round = 0; round < 3; round++) {
      world.provider.put('acc_a', { avatar_url: address.replaceAll('SIG', `${round}a7f`) });
      await world.sweep();
    }
    expect(await world.events('account.updated')).toEqual([]);
    expect((await world.account('acc_a')).avatar_url).toMatch(/^https:\/\/[^?]+\.jpe?g/);
  });

  test.each([
    ['https://cdn.example/a.jpg?sig=1', 'https://cdn.example/b.jpg?sig=1'],
    ['https://cdn.example/a.jpg?v=1', 'https://cdn.example/a.jpg?v=2'],
    ['https://cdn.example/a.jpg', null],
  ])('%s then %s is another picture', async (first, then) => {
    const world = await worlds.open('octopost');
    world.provider.put('acc_a', { avatar_url: first });
    await world.sweep();
    world.provider.put('acc_a', { avatar_url: then });
    await world.sweep();
    const [event] = await world.events('account.updated');
    expect(event?.data.changed).toEqual(['avatar_url']);
  });
});

describe('12 small: labels follow the platform identity', () => {
  const PERSON = { platform: 'linkedin', platform_user_id: 'urn:li:person:abcdef' };

  test.each([
    ['at the provider', false],
    ['by us', true],
  ])('to the new id of an account that was disconnected %s', async (_by, byUs) => {
    const world = await worlds.open('octopost', ['acc_other']);
    world.provider.put('acc_old', PERSON);
    await world.sweep();
    await world.client.patch('/v1/accounts/octopost:acc_old', { labels: { brand: 'acme' } });
    if (byUs) await world.disconnect('acc_old');
    else world.provider.held.delete('acc_old');
    world.provider.put('acc_new', PERSON);
    await world.sweep();
    expect((await world.account('acc_new')).labels).toEqual({ brand: 'acme' });
    expect((await world.account('acc_other')).labels).toEqual({});
  });

  test.each([
    ['another platform', { ...PERSON, platform: 'facebook' }],
    ['another id', { ...PERSON, platform_user_id: 'urn:li:person:other' }],
    ['no id', { ...PERSON, platform_user_id: null }],
  ])('and to nobody with %s', async (_what, part) => {
    const world = await worlds.open('octopost', ['acc_other']);
    world.provider.put('acc_old', PERSON);
    await world.sweep();
    await world.client.patch('/v1/accounts/octopost:acc_old', { labels: { brand: 'acme' } });
    world.provider.held.delete('acc_old');
    world.provider.put('acc_new', part);
    await world.sweep();
    expect((await world.account('acc_new')).labels).toEqual({});
  });

  test('an id that is a placeholder is nobody’s', async () => {
    const world = await worlds.open('octopost', ['acc_other']);
    world.provider.put('acc_old', { ...PERSON, platform_user_id: '0' });
    await world.sweep();
    await world.client.patch('/v1/accounts/octopost:acc_old', { labels: { brand: 'acme' } });
    world.provider.held.delete('acc_old');
    world.provider.put('acc_new', { ...PERSON, platform_user_id: '0' });
    await world.sweep();
    expect((await world.account('acc_new')).labels).toEqual({});
  });
});

describe('12 small: the connect flow', () => {
  test.each([
    ['a text', '"17841400123456789"'],
    ['a number', '17841400123456789'],
  ])('accepts an id that is %s, to its last digit', async (_what, accountId) => {
    const world = await worlds.open('socialsyncer');
    const ref = 'instagram/17841400123456789';
    world.provider.when('GET /connect/instagram', {
      body: { authUrl: 'https://www.instagram.com/oauth/authorize?x=1', state: 'owner:instagram' },
    });
    world.provider.when('POST /connect/instagram', () => {
      world.provider.put(ref);
      return { raw: `{"platform":"instagram","username":"harbor","accountId":${accountId}}` };
    });
    const started = await world.client.post('/v1/connect', {
      connection_id: world.connectionId,
      platform: 'instagram',
      redirect_url: 'https://app.example/callback',
    });
    const { state } = started.body.data;
    const completed = await world.client.post('/v1/connect/complete', { state, code: 'code-1' });
    expect(completed).toMatchObject({
      status: 200,
      body: { data: { provider_account_id: ref, status: 'active' } },
    });
  });
});

import { describe, expect, test } from '../support/jest.js';
import { membersOf } from '../support/raw-json.js';
import type { ProviderName } from './provider-formats.js';
import type { Answer } from './scripted-provider.js';
import { useWorlds, type World } from './world.js';

const worlds = useWorlds();
const UUID = '3c90c3cc-0d44-4b50-8888-8dd25736052a';

const ACCOUNT = { id: UUID, platform: 'instagram', username: 'harbor' };

/** The members of the last change that the provider was sent, as they stand in its body. */
function lastChange({ provider }: World): ReadonlyMap<string, string> {
  const sent = provider.requests.findLast(({ method }) => method === 'PATCH');
  return membersOf(sent?.body ?? '{}');
}

const settingsAt = ({ provider }: World, id: string) =>
  membersOf(provider.held.get(id)?.item ?? '{}');

describe('5 write back', () => {
  test('redaction of display is not written back', async () => {
    const world = await worlds.open('creatoraudit', [UUID]);
    const metadata = '{"campaign_key":"spring-26","owner_token":"blue","note":"plain"}';
    world.provider.put(UUID, {}, `"category":"food","metadata":${metadata}`);
    await world.sweep();
    expect((await world.change(UUID, { category: 'beauty' })).status).toBe(200);
    expect(lastChange(world).get('metadata') ?? metadata).toBe(metadata);
    expect(lastChange(world).get('category')).toBe('"beauty"');
    expect(settingsAt(world, UUID).get('metadata')).toBe(metadata);
  });

  test('number past 2^53 in a settings object', async () => {
    const world = await worlds.open('creatoraudit', [UUID]);
    const metadata = '{"ig_user_id":17841400123456789}';
    world.provider.put(UUID, {}, `"metadata":${metadata}`);
    await world.sweep();
    expect((await world.change(UUID, { category: 'beauty' })).status).toBe(200);
    expect(settingsAt(world, UUID).get('metadata')).toBe(metadata);
    expect(settingsAt(world, UUID).get('category')).toBe('"beauty"');
  });

  const BYTES: readonly (readonly [what: string, text: string])[] = [
    ['numbers with a fraction that is none', '{"ratio":1.0,"more":[2.50,3e2,1E-7,-0,-0.0]}'],
    [
      'numbers that no double holds',
      '{"n":123456789012345678901234567890,"f":0.1234567890123456789}',
    ],
    [
      'numbers too large for a double',
      '{"huge":1e400,"ids":[9007199254740993,18446744073709551615]}',
    ],
    ['escapes', '{"a":"\\u00e9\\u2028\\/\\ud83d\\ude00","b":"\\u0041"}'],
    ['half a surrogate pair', '{"a":"Acme \\ud83d","b":"\\udc00 x"}'],
    ['a NUL', '{"a":"x\\u0000y"}'],
    ['nulls and empties at any depth', '{"a":null,"b":{"c":[null,{}],"d":[]},"":""}'],
    ['a member called __proto__', '{"__proto__":{"likes":1},"constructor":{"prototype":2}}'],
    ['numeric names, in their order', '{"10":"a","9":"b","1":"c"}'],
    ['names that sound secret', '{"apiKey":"k","password":"p","auth":{"bearer":"b"},"cookie":[1]}'],
    [
      'the connection’s own key',
      '{"echo":"oct_live_0123456789abcdef","in":"x oct_live_0123456789abcdef"}',
    ],
    ['addresses with secrets', '{"hook":"https://u:p@host.example/?api_key=1&access_token=EAAB"}'],
    ['words like sentinels', '{"n":"-1","t":"0001-01-01T00:00:00Z","s":"N/A","b":"false"}'],
    ['text in two forms of Unicode', '{"a":"Cafe\u0301","b":"Caf\u00e9"}'],
    ['long lists', `{"tags":[${Array.from({ length: 2000 }, (_, at) => at).join(',')}]}`],
  ];
  test.each(BYTES)('%s go back to CreatorAudit byte for byte', async (_what, metadata) => {
    const world = await worlds.open('creatoraudit', [UUID]);
    world.provider.put(UUID, {}, `"category":"food","metadata":${metadata}`);
    await world.sweep();
    const before = settingsAt(world, UUID);
    expect((await world.change(UUID, { category: 'beauty' })).status).toBe(200);
    const after = settingsAt(world, UUID);
    expect(after).toEqual(new Map([...before, ['category', '"beauty"']]));
  });

  test.each(BYTES)('%s beside a changed limit go back to Outfame', async (_what, part) => {
    const world = await worlds.open('outfame', ['acc_a']);
    const targeting = `{"hashtags":["coffee"],"filters":${part},"ai_optimization":{"mode":"x"}}`;
    const limits = `{"likes":150.0,"follows":60,"unknown":${part}}`;
    world.provider.put('acc_a', {}, `"targeting_config":${targeting},"daily_limits":${limits}`);
    await world.sweep();
    expect((await world.change('acc_a', { daily_limits: { follows: 61 } })).status).toBe(200);
    const after = settingsAt(world, 'acc_a');
    expect(after.get('targeting_config')).toBe(targeting);
    expect(after.get('daily_limits')).toBe(`{"likes":150.0,"follows":61,"unknown":${part}}`);
  });

  test('what a caller names is sent as the caller wrote it, and nothing beside it is invented', async () => {
    const world = await worlds.open('outfame', ['acc_a']);
    world.provider.put('acc_a', { targeting_config: undefined }, '"daily_limits":{"likes":1}');
    await world.sweep();
    const change = { targeting_config: { hashtags: ['ünïcode', '#tag'] } };
    expect((await world.change('acc_a', change)).status).toBe(200);
    const sent = lastChange(world);
    expect(JSON.parse(sent.get('targeting_config') ?? '')).toMatchObject(change.targeting_config);
    expect(sent.get('daily_limits') ?? '{"likes":1}').toBe('{"likes":1}');
    const allowed = ['targeting_config', 'daily_limits'];
    expect([...sent.keys()].filter((name) => !allowed.includes(name))).toEqual([]);
  });

  test.each<readonly [what: string, Answer]>([
    ['a failure', { status: 500 }],
    ['an error beside them', { body: { data: ACCOUNT, errors: [{ message: 'partial' }] } }],
    ['half of them', { raw: `{"data":${JSON.stringify(ACCOUNT)}}`, cutAfter: 40 }],
    ['a part of them', { status: 206, body: { data: ACCOUNT } }],
    ['an answer without an account', { body: { data: null } }],
  ])('%s in place of the current settings: nothing is sent', async (_what, answer) => {
    const world = await worlds.open('creatoraudit', [UUID]);
    world.provider.when(`GET /accounts/${UUID}`, answer);
    expect((await world.change(UUID, { category: 'beauty' })).status).toBe(502);
    expect(world.provider.writes()).toEqual([]);
  });

  const LIMITS = { daily_limits: { likes: 10 } };
  test.each<readonly [ProviderName, id: string, Answer['body'], change: object]>([
    ['outfame', 'acc_a', { error: { code: 'route_unknown', message: 'Not Found' } }, LIMITS],
    [
      'creatoraudit',
      UUID,
      { type: 'about:blank', title: 'Not Found', status: 404, code: 'ROUTE_UNKNOWN' },
      { metadata: { note: 'new' } },
    ],
  ])(
    'an account of %s that the list alone shows: nothing is sent, as its settings are not known',
    async (name, id, body, change) => {
      const world = await worlds.open(name, [id]);
      world.provider.when(`GET /accounts/${id}`, { status: 404, body });
      expect((await world.probe(id)).status).toBe(200);
      expect(await world.change(id, { ...change })).toMatchObject({
        status: 502,
        body: { code: 'provider_error', fault: 'provider' },
      });
      expect(world.provider.writes()).toEqual([]);
    },
  );
});

describe('5 shown without secrets', () => {
  /** All that the gateway would tell a reader of the team. */
  const told = async ({ client, accounts, account, events }: World, id: string) =>
    JSON.stringify([
      await accounts(),
      await account(id),
      await events(),
      (await client.get('/v1/audit?limit=200')).body,
    ]);
  const stored = async ({ connectionId }: World) => {
    const { rows } = await worlds
      .gateway()
      .database.pool.query(
        'SELECT to_jsonb(a)::text AS row FROM accounts a WHERE connection_id = $1',
        [connectionId],
      );
    return rows.map(({ row }: { row: string }) => row).join('\n');
  };

  test('access token inside an avatar address', async () => {
    const world = await worlds.open('octopost');
    const address = 'https://graph.example.com/17/picture?type=large&access_token=EAABsecret';
    world.provider.put('acc_a', { avatar_url: address });
    await world.sweep();
    expect((await world.account('acc_a')).avatar_url).toMatch(
      /^https:\/\/graph\.example\.com\/17\/picture\?type=large/,
    );
    expect(await told(world, 'acc_a')).not.toContain('EAABsecret');
    expect(await stored(world)).not.toContain('EAABsecret');
  });

  test.each([
    'https://cdn.example/a.jpg?api_key=EAABsecret',
    'https://cdn.example/a.jpg?apikey=EAABsecret&size=2',
    'https://cdn.example/a.jpg?x=1&ACCESS_TOKEN=EAABsecret',
    'https://cdn.example/a.jpg?access%5Ftoken=EAABsecret',
    'https://cdn.example/a.jpg#access_token=EAABsecret&state=1',
    'https://owner:EAABsecret@cdn.example/a.jpg',
    'https://EAABsecret@cdn.example/a.jpg',
    'HTTPS://cdn.example/a.jpg?client_secret=EAABsecret',
    'https://cdn.example/a.jpg?x=1;token=EAABsecret',
  ])('%s', async (address) => {
    const world = await worlds.open('octopost');
    world.provider.put('acc_a', { avatar_url: address, extra: { deep: [`see ${address}`] } });
    await world.sweep();
    expect((await world.account('acc_a')).username).toBe('acc_a_handle');
    expect(await told(world, 'acc_a')).not.toContain('EAABsecret');
    expect(await stored(world)).not.toContain('EAABsecret');
  });

  test('settings with secrets are shown, stored and audited without them', async () => {
    const world = await worlds.open('creatoraudit', [UUID]);
    const metadata = '{"owner_token":"EAABsecret","hook":"https://u:EAABsecret@h.example/"}';
    world.provider.put(UUID, {}, `"metadata":${metadata}`);
    await world.sweep();
    expect((await world.change(UUID, { category: 'beauty' })).status).toBe(200);
    expect((await world.account(UUID)).settings).toMatchObject({ category: 'beauty' });
    expect(await told(world, UUID)).not.toContain('EAABsecret');
    expect(await stored(world)).not.toContain('EAABsecret');
    expect(settingsAt(world, UUID).get('metadata')).toBe(metadata);
  });

  test.each(['test', 'acc', 'harbor', 'e', '1'])(
    'a key `%s` leaves ids and names as they are',
    async (apiKey) => {
      const world = await worlds.open('octopost', [], { apiKey });
      world.provider.put('acc_test1', {
        username: 'harbor.test',
        display_name: 'Harbor test acc',
        platform_user_id: 'urn:li:test:1',
      });
      await world.sweep();
      expect(await world.account('acc_test1')).toMatchObject({
        provider_account_id: 'acc_test1',
        username: 'harbor.test',
        display_name: 'Harbor test acc',
        platform_user_id: 'urn:li:test:1',
        platform: 'twitter',
      });
      expect((await world.disconnect('acc_test1')).body.data.steps[0].verified).toBe('absent');
      expect(world.provider.writes()).toEqual(['DELETE /accounts/acc_test1']);
    },
  );
});

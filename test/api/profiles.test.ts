import { PROVIDER_NAMES } from '../../sandbox/index.js';
import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { idsOf } from '../support/pages.js';

/** As far as these tests look into one. */
interface Profile {
  readonly id: string;
  readonly platform: string;
  readonly match: string;
  readonly candidates: readonly string[];
  readonly username: { readonly value: string | null; readonly provider: string | null };
  readonly platform_user_id: { readonly alternatives: readonly { readonly value: string }[] };
  readonly display_name: { readonly value: string | null };
  readonly metrics: { readonly followers: { readonly value: number | null } };
  readonly health: {
    readonly status: string;
    readonly reason: string | null;
    readonly evidence: readonly { readonly provider: string; readonly says: string }[];
  };
  readonly conflicts: readonly { readonly field: string }[];
  readonly providers: readonly string[];
  readonly provider_count: number;
  readonly account_count: number;
  readonly members: readonly {
    readonly account: { readonly id: string; readonly ref: string; readonly username: string };
    readonly rule: string;
    readonly linked_to: string | null;
  }[];
  readonly created_at: string;
  readonly updated_at: string;
}

let gateway: Gateway;
let root: Client;
let connections: Readonly<Record<string, string>>;
beforeAll(async () => {
  gateway = await startGateway();
  root = gateway.root;
  const made: [string, string][] = [];
  for (const provider of PROVIDER_NAMES) made.push([provider, await gateway.connect(provider)]);
  connections = Object.fromEntries(made);
});
afterAll(() => gateway.stop());

const list = async (query = '', client = root): Promise<Profile[]> => {
  const reply = await client.get(`/v1/profiles?limit=200${query && `&${query}`}`);
  expect([query, reply.status]).toEqual([query, 200]);
  return reply.body.data;
};
/** The profile that holds the account with this ref. */
async function holding(ref: string, client = root): Promise<Profile> {
  const { profile_id } = (await client.get(`/v1/accounts/${encodeURIComponent(ref)}`)).body.data;
  return (await client.get(`/v1/profiles/${profile_id}`)).body.data;
}
const refsOf = ({ members }: Profile) => members.map(({ account }) => account.ref);
const dead = ({ health }: Profile) =>
  health.evidence.filter(({ says }) => says === 'dead').map(({ provider }) => provider);
const fieldsOf = ({ conflicts }: Profile) => conflicts.map(({ field }) => field);

describe('the seeds show', () => {
  test('one person at two providers by an equal id, dead at one of them and alive at the other', async () => {
    const profile = await holding('socialsyncer:threads/17841400999888777');
    expect(profile).toMatchObject({ match: 'strong', platform: 'threads' });
    expect(profile.members.map(({ rule }) => rule)).toEqual(['same_id', 'same_id']);
    expect(profile.health).toMatchObject({ status: 'warning', reason: 'grant_broken' });
    expect(dead(profile)).toEqual(['socialsyncer']);
  });

  test('one tied by an equal handle alone, whose followers are told differently', async () => {
    const profile = await holding('outfame:acc_aCme2Run00');
    expect(profile).toMatchObject({ match: 'weak', providers: ['creatoraudit', 'outfame'] });
    const [one, other] = profile.members;
    expect([one?.linked_to, other?.linked_to]).toEqual([other?.account.id, one?.account.id]);
    expect(fieldsOf(profile)).toEqual(['followers']);
  });

  test('one tied in both ways, whose names come from who publishes', async () => {
    const profile = await holding('octopost:acc_jkl012');
    expect(profile).toMatchObject({ match: 'mixed', provider_count: 6, account_count: 6 });
    expect(profile.username.value).toBe('acmefitness');
    expect(['octopost', 'socialsyncer', 'postiz', 'zernio']).toContain(profile.username.provider);
  });

  test('one that TikTok calls differently to two apps, tied by its handle: no contradiction', async () => {
    const profile = await holding('socialsyncer:tiktok/_000MpQ-9.xZ_tK');
    expect((await holding('octopost:acc_vwx234')).id).toBe(profile.id);
    expect(profile).toMatchObject({ match: 'weak', platform: 'tiktok', candidates: [] });
    expect(profile.platform_user_id.alternatives).toHaveLength(1);
    expect(fieldsOf(profile)).not.toContain('platform_user_id');
  });

  test('one that fits two people and joins neither', async () => {
    const alone = await holding('postiz:cm4lumen0x0000000000000004');
    expect(alone).toMatchObject({ match: 'none', account_count: 1 });
    const both = await Promise.all(
      ['octopost:acc_efg135', 'socialsyncer:twitter/2244994945'].map((ref) => holding(ref)),
    );
    expect(alone.candidates).toEqual(both.map(({ id }) => id).sort());
    expect(both.map(({ username }) => username.value)).toEqual(['LumenStudio_', 'LumenStudio_']);
  });

  test('one that is dead wherever it is held', async () => {
    const profile = await holding('outfame:acc_Sus1Pend00');
    expect(profile.health).toMatchObject({ status: 'unhealthy', reason: 'token_invalid' });
    expect(dead(profile).sort()).toEqual(['creatoraudit', 'outfame', 'socialsyncer']);
  });
});

describe('the list', () => {
  test('holds every account once', async () => {
    const held = (await list()).flatMap((profile) =>
      profile.members.map(({ account }) => [account.id, profile.id]),
    );
    const { data } = (await root.get('/v1/accounts?limit=200')).body;
    const accounts = data.map((one: { id: string; profile_id: string }) => [
      one.id,
      one.profile_id,
    ]);
    expect(held.sort()).toEqual(accounts.sort());
  });

  test('passes over a profile that has lost its last account, and goes on', async () => {
    const [newest] = await list();
    const { pool } = gateway.database;
    await pool.query(
      `INSERT INTO profiles SELECT r.* FROM profiles p, jsonb_populate_record(p,
         '{"id": "prof_empty", "created_at": "2999-01-01T00:00:00Z"}') AS r WHERE p.id = $1`,
      [newest?.id],
    );
    const first = await root.get('/v1/profiles?limit=1');
    await pool.query(`DELETE FROM profiles WHERE id = 'prof_empty'`);
    expect(first.body.data.map(({ id }: Profile) => id)).toEqual([newest?.id]);
    expect(first.body.pagination.has_next).toBe(true);
  });

  test.each<[string, (profile: Profile) => boolean]>([
    ['platform=tiktok,threads', ({ platform }) => ['tiktok', 'threads'].includes(platform)],
    [
      'provider=octopost,socialsyncer',
      ({ providers }) => providers.includes('octopost') && providers.includes('socialsyncer'),
    ],
    ['provider_count=2', ({ provider_count }) => provider_count === 2],
    ['match=strong,mixed', ({ match }) => ['strong', 'mixed'].includes(match)],
    ['match=none', ({ match }) => match === 'none'],
    ['health=unhealthy,unknown', ({ health }) => ['unhealthy', 'unknown'].includes(health.status)],
    ['has_conflicts=true', ({ conflicts }) => conflicts.length > 0],
    ['has_conflicts=false', ({ conflicts }) => conflicts.length === 0],
    ['q=ACME.Run', ({ username }) => username.value === 'acme.running'],
    [
      'q=lumen&platform=instagram&health=unhealthy&provider=outfame',
      ({ username, platform }) => username.value === 'lumen_studio' && platform === 'instagram',
    ],
    ['updated_since=2999-01-01T00:00:00Z', () => false],
    ['updated_since=2020-01-01T00:00:00Z', () => true],
  ])('filters by %s', async (query, fits) => {
    const wanted = (await list()).filter(fits).map(({ id }) => id);
    const { data, pagination } = (
      await root.get(`/v1/profiles?limit=200&include_total=true&${query}`)
    ).body;
    expect(data.map(({ id }: Profile) => id)).toEqual(wanted);
    expect(pagination.total_count).toBe(wanted.length);
  });

  test.each(['a', 'zq', '_', 'ru', 'Lumen'])('holds those of the accounts with %s', async (q) => {
    const accounts = (await root.get(`/v1/accounts?limit=200&q=${q}`)).body.data;
    const ids = new Set(accounts.map((one: { profile_id: string }) => one.profile_id));
    const wanted = (await list()).flatMap(({ id }) => (ids.has(id) ? [id] : []));
    expect(await idsOf(root, `/v1/profiles?limit=3&q=${q}`)).toEqual(wanted);
  });

  test('filters by a label of any of its accounts', async () => {
    const label = `brand-${Date.now()}`;
    await root.patch('/v1/accounts/creatoraudit:b1f0a9d8-1111-4c3e-9a7b-000000000009', {
      labels: { label },
    });
    await gateway.app.recurringJobs.runNamed('profiles.settle');
    const found = await list(`label[label]=${label}`);
    expect(found.map(({ username }) => username.value)).toEqual(['tidewater_yoga']);
    expect(await list('label[label]=none')).toEqual([]);
  });

  const keys: Readonly<Record<string, (profile: Profile) => string | number | null>> = {
    created_at: ({ created_at }) => created_at,
    updated_at: ({ updated_at }) => updated_at,
    username: ({ username }) => username.value?.toLowerCase() ?? null,
    followers: ({ metrics }) => metrics.followers.value,
  };
  test.each(
    Object.keys(keys).flatMap((key) => ['asc', 'desc'].map((direction) => ({ key, direction }))),
  )('is in order of $key $direction, page by page, nulls last', async ({ key, direction }) => {
    const order = `order_by=${key}&order_direction=${direction}`;
    const whole = await list(order);
    const values = whole.map((profile) => keys[key]?.(profile) ?? null);
    const known = values.filter((value) => value !== null);
    const sorted = known.toSorted((one, other) => (one < other ? -1 : Number(one > other)));
    expect(known).toEqual(direction === 'asc' ? sorted : sorted.reverse());
    expect(values.slice(known.length).every((value) => value === null)).toBe(true);
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Reply = await root.get(
        `/v1/profiles?limit=7&${order}${cursor && `&cursor=${cursor}`}`,
      );
      paged.push(...page.body.data.map(({ id }: Profile) => id));
      cursor = page.body.pagination.next_cursor;
    }
    expect(paged).toEqual(whole.map(({ id }) => id));
  });

  test('binds its cursors to filters and order', async () => {
    const { next_cursor } = (await root.get('/v1/profiles?limit=1&match=weak')).body.pagination;
    const reply = await root.get(`/v1/profiles?limit=1&match=strong&cursor=${next_cursor}`);
    expect(reply).toMatchObject({ status: 422, body: { code: 'cursor_mismatch' } });
  });

  test('and one profile answer 304 while nothing changed', async () => {
    const [first] = await list('match=weak');
    for (const path of ['/v1/profiles?match=weak', `/v1/profiles/${first?.id}`]) {
      const etag = (await root.get(path)).headers.get('etag') ?? '';
      expect((await root.get(path, { 'If-None-Match': etag })).status).toBe(304);
      await root.patch(`/v1/accounts/${first?.members[0]?.account.id}`, {
        labels: { changed: path },
      });
      expect((await root.get(path, { 'If-None-Match': etag })).status).toBe(200);
    }
  });
});

describe('an id', () => {
  test('that is none, or of another team, is not found', async () => {
    const [{ id } = { id: '' }] = await list();
    const { client } = await gateway.newTeam('other');
    for (const below of ['', '/history']) {
      expect((await root.get(`/v1/profiles/prof_no${below}`)).status).toBe(404);
      expect((await client.get(`/v1/profiles/${id}${below}`)).status).toBe(404);
    }
    expect(await list('', client)).toEqual([]);
  });

  test('of a profile that joined another leads to it, everywhere', async () => {
    const put = async (username: string) => {
      const account = 'instagram/17841400313131313';
      const answer = await fetch(
        `${gateway.sandbox.url}/control/socialsyncer/accounts/${encodeURIComponent(account)}`,
        { method: 'PUT', body: JSON.stringify({ username }) },
      );
      expect(answer.ok).toBe(true);
      await gateway.sweep(connections.socialsyncer ?? '');
      return holding(`socialsyncer:${account}`);
    };
    const former = await put('nobody.yet');
    expect(former.match).toBe('none');
    const survivor = await holding('outfame:acc_7Gx2kLm9Qr');
    const joined = await put('YourHandle');
    expect(joined.id).toBe(survivor.id);

    const reply = await root.get(`/v1/profiles/${former.id}`);
    expect(reply.status).toBe(301);
    expect(reply.headers.get('location')).toBe(`/v1/profiles/${survivor.id}`);
    expect(reply.body.data).toEqual({
      id: former.id,
      type: 'profile',
      merged_into: survivor.id,
      merged_at: expect.any(String),
    });
    const { merged_at } = reply.body.data;
    const merged = async (client: Client, since: string) =>
      (await client.get(`/v1/profiles?include=merged&limit=1&updated_since=${since}`)).body.merged;
    expect(await merged(root, merged_at)).toContainEqual(reply.body.data);
    expect(await merged(root, '2999-01-01T00:00:00Z')).toEqual([]);
    const stranger = (await gateway.newTeam('stranger')).client;
    expect(await merged(stranger, merged_at)).toEqual([]);
    const leading = gateway.app.routes.filter(({ endpoint }) => 301 in endpoint.answers);
    expect(leading.length).toBeGreaterThan(1);
    for (const { path } of leading) {
      const [told, whole] = await Promise.all(
        [former, survivor].map(({ id }) => root.get(path.replace('{id}', id))),
      );
      // The id may be that of a profile again, and no cache may lead on from it then.
      expect([path, told?.status, whole?.status]).toEqual([path, 301, 200]);
      for (const name of ['cache-control', 'vary'])
        expect([path, told?.headers.get(name)]).toEqual([path, whole?.headers.get(name)]);
      expect(told?.headers.get('cache-control')).toBe('private, no-cache');
    }
    const past = await root.get(`/v1/profiles/${former.id}/history?limit=1`);
    expect([past.status, past.headers.get('location')]).toEqual([
      301,
      `/v1/profiles/${survivor.id}/history?limit=1`,
    ]);

    const { data: history } = (await root.get(`/v1/profiles/${survivor.id}/history`)).body;
    const [{ id: number } = { id: '' }] = history;
    expect(history[0]).toMatchObject({
      id: expect.stringMatching(/^\d+$/),
      type: 'profile_change',
      profile_id: survivor.id,
      action: 'linked',
      account_id: joined.members.at(-1)?.account.id,
      rule: 'same_handle',
      evidence: [{ username: 'YourHandle' }, { username: 'yourhandle' }],
      actor: null,
    });
    expect(Number(number)).toBeGreaterThan(0);

    const { data: accounts } = (await root.get(`/v1/accounts?profile_id=${former.id}`)).body;
    expect(accounts.map(({ ref }: { ref: string }) => ref).sort()).toEqual(refsOf(joined).sort());
    const ended = await root.delete(`/v1/accounts/${joined.members.at(-1)?.account.id}`);
    const left = (await root.get(`/v1/profiles/${survivor.id}`)).body.data as Profile;
    expect([ended.status, left.account_count]).toEqual([200, joined.account_count - 1]);
    expect(left.updated_at > joined.updated_at).toBe(true);
    const changed = await list(`updated_since=${left.updated_at}`);
    expect(changed.map(({ id }) => id)).toContain(survivor.id);
    const { data: disconnects } = (await root.get(`/v1/disconnects?profile_id=${former.id}`)).body;
    expect(disconnects.map(({ id }: { id: string }) => id)).toEqual([ended.body.data.id]);
    expect((await root.get('/v1/disconnects?profile_id=prof_no')).body.data).toEqual([]);
  });
});

describe('a key for one provider', () => {
  const HIDDEN = /creatoraudit|octopost|socialsyncer|postiz|zernio/;
  let restricted: Client;
  beforeAll(async () => {
    const rights = { name: 'outfame', scopes: ['read'], providers: ['outfame'] };
    restricted = gateway.with((await root.post('/v1/keys', rights)).body.data.key);
  });

  test('sees profiles as the accounts there make them', async () => {
    const seen = await list('', restricted);
    expect(JSON.stringify(seen)).not.toMatch(HIDDEN);
    const { data } = (await restricted.get('/v1/accounts?limit=200')).body;
    expect(seen.flatMap(refsOf).sort()).toEqual(data.map(({ ref }: { ref: string }) => ref).sort());
    for (const profile of seen)
      expect(profile).toMatchObject({ match: 'none', providers: ['outfame'], provider_count: 1 });
    const [one] = seen;
    expect((await restricted.get(`/v1/profiles/${one?.id}`)).body.data).toEqual(one);
  });

  test('is in order and filters by what it sees', async () => {
    for (const order of ['username', 'followers', 'created_at', 'updated_at']) {
      const whole = await list(`order_by=${order}&order_direction=asc`, restricted);
      const first = await restricted.get(
        `/v1/profiles?order_by=${order}&order_direction=asc&limit=5&include_total=true`,
      );
      const { next_cursor, total_count } = first.body.pagination;
      const rest = await list(
        `order_by=${order}&order_direction=asc&cursor=${next_cursor}`,
        restricted,
      );
      expect([...first.body.data, ...rest]).toEqual(whole);
      expect(total_count).toBe(whole.length);
    }
    expect(await list('provider_count=2', restricted)).toEqual([]);
    expect(await list('q=acme.running', restricted)).toHaveLength(1);
  });

  test('is refused filters that hidden accounts decide', async () => {
    for (const query of ['match=weak', 'health=warning', 'has_conflicts=true'])
      expect(await restricted.get(`/v1/profiles?${query}`)).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      });
    expect((await restricted.get('/v1/profiles?provider=octopost')).body.data).toEqual([]);
  });

  test('finds no profile of hidden accounts alone, and hears nothing of them', async () => {
    const hidden = await holding('octopost:acc_def456');
    for (const below of ['', '/history'])
      expect((await restricted.get(`/v1/profiles/${hidden.id}${below}`)).status).toBe(404);
    for (const { id } of await list('', restricted)) {
      const whole = (await root.get(`/v1/profiles/${id}`)).body.data as Profile;
      const others = whole.members.filter(({ account }) => !account.ref.startsWith('outfame:'));
      const told = (await restricted.get(`/v1/profiles/${id}/history`)).text;
      for (const { account } of others) expect(told).not.toContain(account.id);
    }
  });
});

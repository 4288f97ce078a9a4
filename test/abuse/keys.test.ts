import { DatabaseKeyWatch } from '../../src/teams/key-watch.js';
import { startChild } from '../support/child.js';
import { type Client, clientOf } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';
import { readStream } from '../support/stream.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

interface Made {
  readonly id: string;
  readonly client: Client;
}

async function make(maker: Client, name: string, more: object = {}): Promise<Made> {
  const made = await maker.post('/v1/keys', { name, scopes: ['admin'], ...more });
  return { id: made.body.data?.id, client: gateway.with(made.body.data?.key) };
}
const isLive = async ({ client }: Made) => (await client.get('/v1/whoami')).status === 200;
const areLive = (keys: readonly Made[]) => Promise.all(keys.map(isLive));
const idsOf = async (client: Client, query = '') =>
  (await client.get(`/v1/keys${query}`)).body.data.map(({ id }: { id: string }) => id);

describe('a stream', () => {
  /** What a contract promises callers: from the end of the key to that of its streams. */
  const MAX_MS = 5_000;
  const streamOf = ({ client }: Made) =>
    readStream({ url: gateway.url, root: client }, '/v1/events/stream');
  const endOf = (stream: { readonly ended: Promise<void> }, why: string) =>
    waitFor(why, () => stream.ended.then(() => true), { ms: MAX_MS });

  test('ends when its key is revoked, here or by another replica, with its maker, or expires', async () => {
    const { client: owner } = await gateway.newTeam('listening');
    const replica = await startChild(gateway);
    const maker = await make(owner, 'maker');
    const keys = {
      here: await make(owner, 'revoked here'),
      there: await make(owner, 'revoked there'),
      created: await make(maker.client, 'made by another'),
      expiring: await make(owner, 'expiring', { expires_at: new Date(Date.now() + 3_000) }),
      untouched: await make(owner, 'untouched'),
    };
    const streams = {
      here: await Promise.all([streamOf(keys.here), streamOf(keys.here)]),
      there: await streamOf(keys.there),
      created: await streamOf(keys.created),
      expiring: await streamOf(keys.expiring),
      untouched: await streamOf(keys.untouched),
      stranger: await streamOf({ id: '', client: (await gateway.newTeam('stranger')).client }),
    };
    let others = 0;
    for (const stream of [streams.untouched, streams.stranger])
      void stream.ended.then(() => {
        others += 1;
      });
    await endOf(streams.expiring, 'the stream of the expired key to end');
    expect((await keys.expiring.client.get('/v1/whoami')).status).toBe(401);
    await owner.delete(`/v1/keys/${keys.here.id}`);
    for (const stream of streams.here) await endOf(stream, 'the streams of the revoked key to end');
    await clientOf(replica.url, owner.key).delete(`/v1/keys/${keys.there.id}`);
    await endOf(streams.there, 'the stream of the key that a replica revoked to end');
    await owner.delete(`/v1/keys/${maker.id}?include_created=true`);
    await endOf(streams.created, 'the stream of the key revoked with its maker to end');
    expect(others).toBe(0);

    await owner.delete(`/v1/keys/${keys.untouched.id}`);
    await endOf(streams.untouched, 'the last stream of the team to end');
    expect(others).toBe(1);
    streams.stranger.close();
    await replica.kill();
  });
});

test('a stream ends when nobody can tell for seconds whether its key is still good', async () => {
  const clock = manualClock();
  let isAway = false;
  const findEnded = async () => {
    if (isAway) throw new Error('the database is away');
    return [];
  };
  const left = new AbortController();
  const ended = new DatabaseKeyWatch({ findEnded }, clock).watch(
    { key: { id: 'key_a' } },
    left.signal,
  );
  const looks = () => clock.sleeps.length;
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      const before = looks();
      clock.advance(1_000);
      await waitFor('the next look', () => looks() > before);
    }
  };
  await waitFor('the first look', () => looks() > 0);
  await pass(10);
  isAway = true;
  await pass(2);
  expect(ended.aborted).toBe(false);
  isAway = false;
  await pass(1);
  isAway = true;
  await pass(2);
  expect(ended.aborted).toBe(false);
  await pass(1);
  expect(ended.aborted).toBe(true);
  left.abort();
});

describe('keys that a lost key made', () => {
  test('name it, are listed by it, and are revoked with it, whoever made them in between', async () => {
    const { client: owner } = await gateway.newTeam('owner');
    const { client: stranger } = await gateway.newTeam('stranger');
    const lost = await make(owner, 'lost');
    const child = await make(lost.client, 'child');
    const grandchild = await make(child.client, 'grandchild');
    const bystander = await make(owner, 'bystander');
    expect((await owner.get(`/v1/keys/${grandchild.id}`)).body.data.created_by).toEqual({
      key_id: child.id,
      name: 'child',
    });
    expect(await idsOf(owner, `?created_by=${lost.id}`)).toEqual([child.id]);
    expect(await idsOf(stranger, `?created_by=${lost.id}`)).toEqual([]);

    // The maker is revoked alone; what it made is still there to be found, and to be revoked.
    expect((await owner.delete(`/v1/keys/${lost.id}`)).status).toBe(204);
    expect(await areLive([lost, child, grandchild])).toEqual([false, true, true]);
    expect(await idsOf(owner, `?created_by=${lost.id}`)).toEqual([child.id]);
    const all = `/v1/keys/${lost.id}?include_created=true`;
    expect((await stranger.delete(all)).status).toBe(404);
    expect((await grandchild.client.delete(all)).body.code).toBe('conflict');
    expect(await areLive([child, grandchild])).toEqual([true, true]);
    expect((await owner.delete(all)).status).toBe(204);
    expect(await areLive([child, grandchild, bystander])).toEqual([false, false, true]);
    expect((await owner.delete(all)).status).toBe(404);
    const { data } = (await owner.get(`/v1/audit?action=key.revoked&target_id=${grandchild.id}`))
      .body;
    expect(data).toMatchObject([{ after: { with: lost.id } }]);
  });

  test('take the webhooks with them that they made or pointed elsewhere', async () => {
    const { client: owner } = await gateway.newTeam('listened to');
    const lost = await make(owner, 'lost');
    const child = await make(lost.client, 'child');
    const url = 'http://127.0.0.1:9/stolen';
    const hook = async (client: Client): Promise<string> =>
      (await client.post('/v1/webhooks', { url })).body.data.id;
    const stolen = [await hook(lost.client), await hook(child.client), await hook(owner)];
    const kept = await hook(owner);
    const pointed = await child.client.patch(`/v1/webhooks/${stolen[2]}`, { url });
    expect(pointed.body.data.url_set_by).toEqual({ key_id: child.id, name: 'child' });
    await child.client.patch(`/v1/webhooks/${kept}`, { description: 'seen' });
    const states = () =>
      Promise.all(
        [...stolen, kept].map(
          async (id) => (await owner.get(`/v1/webhooks/${id}`)).body.data.disabled?.reason ?? null,
        ),
      );

    // Who replaces a key has its webhooks go on.
    expect((await owner.delete(`/v1/keys/${lost.id}`)).status).toBe(204);
    expect(await states()).toEqual([null, null, null, null]);
    const all = `/v1/keys/${lost.id}?include_created=true`;
    expect((await owner.delete(all)).status).toBe(204);
    expect(await states()).toEqual(['key_revoked', 'key_revoked', 'key_revoked', null]);
    expect((await owner.delete(all)).status).toBe(404);
    const { data } = (await owner.get('/v1/audit?action=webhook.disabled')).body;
    expect(data.map(({ after }: { after: object }) => after)).toEqual(
      Array(3).fill({ reason: 'key_revoked', with: lost.id }),
    );
    const back = { enabled: true, url: 'http://127.0.0.1:9/own' };
    const again = await owner.patch(`/v1/webhooks/${stolen[2]}`, back);
    expect(again.body.data).toMatchObject({ enabled: true, disabled: null });
    expect((await owner.delete(all)).status).toBe(404);
  });

  test('are all revoked, however many it is making meanwhile', async () => {
    const { client: owner } = await gateway.newTeam('racing');
    const lost = await make(owner, 'lost');
    const making = Array.from({ length: 12 }, (_, turn) => make(lost.client, `spare ${turn}`));
    const [revoked, ...made] = await Promise.all([
      owner.delete(`/v1/keys/${lost.id}?include_created=true`),
      ...making,
    ]);
    expect(revoked.status).toBe(204);
    const spares = made.filter(({ id }) => id !== undefined);
    expect(await areLive([lost, ...spares])).toEqual([lost, ...spares].map(() => false));
  });

  test('of a lost root key are revoked in every team', async () => {
    const one = await gateway.newTeam('first tenant');
    const two = await gateway.newTeam('second tenant');
    const { id } = (await gateway.root.get('/v1/whoami')).body.data.key;
    const minted = [one, two].map(({ client }) => ({ id: '', client }));
    expect(await areLive(minted)).toEqual([true, true]);
    // Nobody but another root key may, and not even it can while it is the one.
    expect((await one.client.delete(`/v1/keys/${id}?include_created=true`)).status).toBe(404);
    expect((await gateway.root.delete(`/v1/keys/${id}?include_created=true`)).status).toBe(409);
    expect(await areLive(minted)).toEqual([true, true]);
  });
});

describe('a key that is restricted to some providers', () => {
  test('revokes and sees only keys that are no stronger than itself', async () => {
    const { client: owner } = await gateway.newTeam('restricting');
    const restricted = await make(owner, 'restricted', { providers: ['octopost', 'outfame'] });
    const narrower = await make(owner, 'narrower', { providers: ['outfame'] });
    const alike = await make(owner, 'alike', { providers: ['outfame', 'octopost', 'outfame'] });
    const stronger = [
      await make(owner, 'unrestricted'),
      await make(owner, 'of another', { providers: ['creatoraudit'] }),
      await make(owner, 'overlapping', { providers: ['creatoraudit', 'octopost'] }),
      { id: (await owner.get('/v1/whoami')).body.data.key.id, client: owner },
    ];
    for (const { id } of stronger)
      for (const path of [`/v1/keys/${id}`, `/v1/keys/${id}?include_created=true`]) {
        const refused = await restricted.client.delete(path);
        expect([path, refused.status]).toEqual([path, 404]);
        expect(refused.text).not.toMatch(/creatoraudit|restricted to/);
      }
    expect(await areLive(stronger)).toEqual([true, true, true, true]);
    expect(await idsOf(restricted.client)).toEqual([restricted.id, narrower.id, alike.id]);
    expect((await restricted.client.get(`/v1/keys/${stronger[0]?.id}`)).status).toBe(404);
    expect((await restricted.client.get('/v1/keys?include_total=true')).text).not.toMatch(
      /creatoraudit/,
    );
    for (const { id } of [narrower, alike])
      expect((await restricted.client.delete(`/v1/keys/${id}`)).status).toBe(204);
    expect(await idsOf(owner)).toHaveLength(5);
  });
});

import { apiDocument } from '../support/api-document.js';
import { type Child, startChild } from '../support/child.js';
import { type Client, clientOf } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let replica: Child;
let client: Client;
let there: Client;
beforeAll(async () => {
  gateway = await startGateway();
  const team = await gateway.newTeam('racers');
  client = team.client;
  await gateway.connect('outfame', team.id);
  replica = await startChild(gateway);
  there = clientOf(replica.url, client.key, apiDocument);
});
afterAll(async () => {
  await replica.kill();
  await gateway.stop();
});

const etagOf = async (address: string) => (await client.get(address)).headers.get('etag') ?? '';

/** All ways to spell the address of what stands at `/v1/<noun>/<id>`. */
const spellings = (noun: string, id: string, ...others: readonly string[]) =>
  [id, id.replace('_', '%5F'), ...others].map((spelling) => `/v1/${noun}/${spelling}`);

describe('If-Match with the same ETag at different spellings of one address, on two replicas', () => {
  test('lets one change of an account through: id, ref, the provider’s own id', async () => {
    for (let run = 0; run < 4; run++) {
      const [{ id, ref, provider_account_id }] = (await client.get('/v1/accounts?limit=1')).body
        .data;
      const addresses = spellings(
        'accounts',
        id,
        ref,
        encodeURIComponent(ref),
        provider_account_id,
      );
      const etag = await etagOf(addresses[0] as string);
      const replies = await Promise.all(
        addresses.map((address, turn) =>
          (turn % 2 ? there : client).patch(
            address,
            { labels: { turn: `${run}.${turn}` } },
            { 'If-Match': etag },
          ),
        ),
      );
      expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412]);
    }
  });

  test('lets one of a change and a disconnect of an account through', async () => {
    const { id, ref } = (await client.get('/v1/accounts/acc_Pau1Sed000')).body.data;
    const condition = { 'If-Match': await etagOf(`/v1/accounts/${id}`) };
    const statuses = (
      await Promise.all([
        client.delete(`/v1/accounts/${ref}`, condition),
        there.patch(`/v1/accounts/${id}`, { labels: { kept: 'yes' } }, condition),
      ])
    ).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 412]);
  });

  const made: Readonly<Record<string, () => Promise<string>>> = {
    connections: async () => (await client.get('/v1/connections')).body.data[0].id,
    webhooks: async () =>
      (await client.post('/v1/webhooks', { url: 'https://93.184.215.14/' })).body.data.id,
  };
  test.each(Object.keys(made))('lets one change of /v1/%s/{id} through', async (noun) => {
    const id = (await made[noun]?.()) ?? '';
    const condition = { 'If-Match': await etagOf(`/v1/${noun}/${id}`) };
    const word = noun === 'webhooks' ? 'description' : 'name';
    const replies = await Promise.all(
      spellings(noun, id).map((address, turn) =>
        (turn ? there : client).patch(address, { [word]: `turn ${turn}` }, condition),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412]);
  });

  test('names what is not there 404, and locks nothing for it', async () => {
    const patched = await client.patch('/v1/accounts/acct_x', { labels: {} }, { 'If-Match': '*' });
    expect(patched.status).toBe(404);
  });
});

describe("a connection's base_url", () => {
  test('is not changed without credentials, so that the stored key is not sent there', async () => {
    const key = gateway.sandbox.apiKey('octopost');
    const own = gateway.sandbox.baseUrl('octopost');
    const id = await gateway.connect('octopost');
    const address = `/v1/connections/${id}`;
    // What would read the key: it is another provider's address, and counts who calls.
    const elsewhere = gateway.sandbox.baseUrl('creatoraudit');
    const calls = () => JSON.stringify(gateway.sandbox.provider('creatoraudit').counts());
    const before = calls();
    for (const change of [
      { base_url: elsewhere },
      { base_url: elsewhere, verify: false },
      { base_url: null, verify: false },
      { base_url: `${own}/below`, name: 'renamed' },
    ]) {
      const refused = await gateway.root.patch(address, change);
      expect([refused.status, refused.body.errors?.[0].field]).toEqual([422, 'credentials']);
    }
    expect(calls()).toBe(before);
    expect((await gateway.root.get(address)).body.data).toMatchObject({
      base_url: own,
      name: 'octopost',
      state: 'active',
    });
    const same = await gateway.root.patch(address, { base_url: `${own}/` });
    expect(same.status).toBe(200);
    const both = { base_url: elsewhere, credentials: { api_key: key }, verify: false };
    expect((await gateway.root.patch(address, both)).body.data.base_url).toBe(elsewhere);
  });
});

describe('what others change of a connection while its new key is verified', () => {
  const SLOW = { kind: 'slow', method: 'GET', times: 1, delay_ms: 2_000 } as const;
  const provider = () => gateway.sandbox.provider('creatoraudit');
  const key = () => ({ api_key: gateway.sandbox.apiKey('creatoraudit') });
  const replaced = { credentials: { api_key: 'cra_replaced_meanwhile' }, verify: false };
  let id: string;
  let address: string;
  beforeAll(async () => {
    id = await gateway.connect('creatoraudit');
    address = `/v1/connections/${id}`;
  });

  /** Sends a change, and another once the provider is asked on behalf of the first, if it is. */
  async function overtaken(first: object, second: object) {
    const { requests } = provider().counts();
    provider().faults.add(SLOW);
    let isAnswered = false;
    const reply = gateway.root.patch(address, first).finally(() => {
      isAnswered = true;
    });
    await waitFor(
      'the provider to be asked, or an answer',
      () => isAnswered || provider().counts().requests > requests,
    );
    expect((await gateway.root.patch(address, second)).status).toBe(200);
    const answer = await reply;
    provider().faults.clear();
    return answer;
  }

  test('its key, where the change repeats the address', async () => {
    const base_url = gateway.sandbox.baseUrl('creatoraudit');
    const answer = await overtaken({ name: 'renamed', base_url }, replaced);
    expect([answer.status, answer.body.data.name]).toEqual([200, 'renamed']);
    expect(await gateway.sweep(id)).toMatchObject({ state: 'failed' });
    await gateway.root.patch(address, { credentials: key() });
    expect(await gateway.sweep(id)).toMatchObject({ state: 'succeeded' });
  });

  test('its address: the key is not stored for another one than it was verified at', async () => {
    const elsewhere = gateway.sandbox.baseUrl('outfame');
    const answer = await overtaken({ credentials: key() }, { ...replaced, base_url: elsewhere });
    expect([answer.status, answer.body.code]).toEqual([409, 'conflict']);
    expect(answer.body.detail).toContain('base_url');
    expect((await gateway.root.get(address)).body.data.base_url).toBe(elsewhere);
    const back = { credentials: key(), base_url: gateway.sandbox.baseUrl('creatoraudit') };
    expect((await gateway.root.patch(address, back)).status).toBe(200);
  });

  test('its pause, which stays', async () => {
    const answer = await overtaken({ credentials: key() }, { paused: true });
    expect([answer.status, answer.body.data.paused]).toEqual([200, true]);
    const { after, before } = (await gateway.root.get('/v1/audit?action=connection.changed')).body
      .data[0];
    expect([before.paused, after.paused]).toEqual([true, true]);
  });
});

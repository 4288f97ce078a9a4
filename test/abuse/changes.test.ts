import { apiDocument } from '../support/api-document.js';
import { type Child, startChild } from '../support/child.js';
import { type Client, clientOf } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

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

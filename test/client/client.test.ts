import { createRollcall, type Rollcall, RollcallError } from '../../src/client/index.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
let rollcall: Rollcall;
const key = () => gateway.root.key ?? '';
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.connect('outfame');
  rollcall = createRollcall({ baseUrl: gateway.url, key: key() });
});
afterAll(() => gateway.stop());

/** A fetch that answers as listed first, then for real; it notes what it was asked. */
function afterAnswers(...answers: (Response | Error)[]) {
  const asked: Request[] = [];
  const fetch = (request: Request) => {
    asked.push(request);
    const answer = answers.shift();
    if (answer instanceof Error) return Promise.reject(answer);
    return answer ? Promise.resolve(answer) : globalThis.fetch(request);
  };
  return { fetch, asked };
}

const waits = () => {
  const waited: number[] = [];
  return { waited, sleep: async (ms: number) => waited.push(ms) };
};

describe('rollcall/client', () => {
  test('reads a list over its pages, each item once', async () => {
    const { data } = await rollcall.GET('/v1/accounts', {
      params: { query: { limit: 200, order_by: 'username' } },
    });
    const ids: string[] = [];
    for await (const account of rollcall.pages('/v1/accounts', {
      query: { limit: 2, order_by: 'username' },
    }))
      ids.push(account.id);
    expect(ids.length).toBeGreaterThan(4);
    expect(ids).toEqual(data?.data.map(({ id }) => id));
  });

  test('throws a problem as an error that has its code', async () => {
    const error = await rollcall
      .GET('/v1/accounts/{id}', { params: { path: { id: 'nothing' } } })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RollcallError);
    expect((error as RollcallError).problem).toMatchObject({ code: 'not_found', status: 404 });
  });

  test('waits as Retry-After says, and gives up after its retries', async () => {
    const { waited, sleep } = waits();
    const busy = () => new Response('{}', { status: 429, headers: { 'Retry-After': '7' } });
    const { fetch, asked } = afterAnswers(busy(), busy());
    const patient = createRollcall({ baseUrl: gateway.url, key: key(), fetch, sleep });
    expect((await patient.GET('/v1/whoami')).data?.data.type).toBe('whoami');
    expect([waited, asked.length]).toEqual([[7000, 7000], 3]);
    const never = afterAnswers(busy(), busy(), busy());
    await expect(
      createRollcall({
        baseUrl: gateway.url,
        key: key(),
        fetch: never.fetch,
        sleep,
        retries: 2,
      }).GET('/v1/whoami'),
    ).rejects.toThrow('429');
    expect(never.asked).toHaveLength(3);
  });

  test('sends a POST again under the same Idempotency-Key: it takes effect once', async () => {
    const { sleep } = waits();
    let isLost = false;
    const lossy = async (request: Request) => {
      const response = await globalThis.fetch(request);
      if (isLost) return response;
      isLost = true;
      throw new TypeError('the answer was lost');
    };
    const client = createRollcall({ baseUrl: gateway.url, key: key(), fetch: lossy, sleep });
    const { response } = await client.POST('/v1/keys', {
      body: { name: 'made once', scopes: ['read'] },
    });
    expect(response.headers.get('idempotency-replayed')).toBe('true');
    expect(await gateway.database.prisma.apiKey.count({ where: { name: 'made once' } })).toBe(1);
  });

  test('sends a PATCH that may have arrived once only', async () => {
    const { fetch, asked } = afterAnswers(new TypeError('broken'));
    const client = createRollcall({ baseUrl: gateway.url, key: key(), fetch });
    await expect(
      client.PATCH('/v1/accounts/{id}', { params: { path: { id: 'x' } }, body: { labels: {} } }),
    ).rejects.toThrow('broken');
    expect(asked).toHaveLength(1);
  });
});

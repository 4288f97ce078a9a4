import { randomUUID } from 'node:crypto';
import { Agent, request } from 'undici';
import { seededRandom } from '../../sandbox/deterministic.js';
import { apiDocument } from '../support/api-document.js';
import { type Child, startChild } from '../support/child.js';
import { type Client, clientOf, type Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

const RUNS = Number(process.env.IDEMPOTENCY_RUNS ?? 10);
const AT_ONCE = 50;

let gateway: Gateway;
let connections: string[];
let taken = 0;

beforeAll(async () => {
  gateway = await startGateway({ accounts: 60 });
  connections = [await gateway.connect('outfame'), await gateway.connect('socialsyncer')];
});
afterAll(() => gateway.stop());

const count = async (table: string, where: string, ...values: unknown[]) => {
  const { rows } = await gateway.database.pool.query(
    `SELECT count(*)::int AS count FROM ${table} WHERE ${where}`,
    values,
  );
  return rows[0].count as number;
};
const audited = (action: string, targetId: string) =>
  count('audit_events', 'action = $1 AND target_id = $2', action, targetId);
const outfame = () => gateway.sandbox.provider('outfame');

/** A POST, and what must be true once it was done once. */
interface TestedPost {
  readonly path: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly status: number;
  /** Where one waits for a better answer. */
  readonly finalStatus?: number;
  check(data: ReturnType<typeof JSON.parse>): Promise<void>;
}

const posts: Readonly<Record<string, (name: string) => TestedPost>> = {
  'a key': (name) => ({
    path: '/v1/keys',
    body: { name, scopes: ['read'] },
    status: 201,
    check: async ({ id, key }) => {
      expect([
        await count('api_keys', 'name = $1', name),
        await audited('key.created', id),
      ]).toEqual([1, 1]);
      expect((await gateway.with(key).get('/v1/whoami')).status).toBe(200);
    },
  }),
  'a connection': (name) => ({
    path: '/v1/connections',
    body: {
      provider: 'octopost',
      name,
      credentials: { api_key: gateway.sandbox.apiKey('octopost') },
      base_url: gateway.sandbox.baseUrl('octopost'),
    },
    status: 201,
    check: async ({ id }) => {
      expect([
        await count('connections', 'name = $1', name),
        await count('sweeps', 'connection_id = $1', id),
      ]).toEqual([1, 1]);
      expect(
        await count(
          'events',
          `type = 'connection.created' AND data -> 'connection' ->> 'id' = $1`,
          id,
        ),
      ).toBe(1);
    },
  }),
  'a sweep': () => ({
    path: `/v1/connections/${connections[taken % 2]}/sweep`,
    status: 202,
    check: async ({ id }) => expect(await audited('sweep.requested', id)).toBe(1),
  }),
  'an account at its provider': (name) => ({
    path: '/v1/accounts',
    body: { provider: 'outfame', platform: 'instagram', username: name, labels: { brand: 'acme' } },
    status: 201,
    check: async ({ id, labels }) => {
      expect(labels).toEqual({ brand: 'acme' });
      expect([
        await count('accounts', 'username = $1', name),
        await audited('account.created', id),
      ]).toEqual([1, 1]);
      expect(await count('events', `type = 'account.discovered' AND account_id = $1`, id)).toBe(1);
    },
  }),
  'a pause': (name) => ({
    path: `/v1/accounts/outfame:${name}/pause`,
    status: 200,
    check: async ({ id, status }) => {
      expect([status, outfame().account(name)?.status]).toEqual(['paused', 'paused']);
      expect(await audited('account.paused', id)).toBe(1);
    },
  }),
  'a disconnect that is waited for': (name) => ({
    path: '/v1/disconnects',
    body: { account_ids: [`outfame:${name}`] },
    headers: { Prefer: 'wait=30' },
    status: 202,
    finalStatus: 200,
    check: async ({ id }) => {
      expect(await count('disconnect_steps', 'provider_account_id = $1', name)).toBe(1);
      expect(await audited('disconnect.requested', id)).toBe(1);
    },
  }),
};

/**
 * An account that no other test uses, which is active; as a name it serves for other things too.
 */
function freshName(what: string): string {
  taken += 1;
  const needsAccount = what === 'a pause' || what === 'a disconnect that is waited for';
  return needsAccount ? `acc_S${String(taken).padStart(9, '0')}` : `crash${taken}`;
}

const send = (client: Client, { path, body, headers }: TestedPost, key: string): Promise<Reply> =>
  client.post(path, body, { ...headers, 'Idempotency-Key': key });

/** Has a process of its own do it and be killed at `place`. */
async function killedAt(place: string, post: TestedPost, key: string): Promise<void> {
  const child = await startChild(gateway, undefined, place);
  const answered = await send(clientOf(child.url, gateway.root.key, apiDocument), post, key).catch(
    () => undefined,
  );
  await child.kill();
  expect([answered?.text, await child.ended]).toEqual([undefined, 'SIGKILL']);
}

/** The answers to asking twice after the crash. */
async function askTwice(post: TestedPost, key: string): Promise<[Reply, Reply]> {
  return [await send(gateway.root, post, key), await send(gateway.root, post, key)];
}

const told = ({ status, headers }: Reply) => [status, headers.get('idempotency-replayed')];

describe('killed with -9 in the middle of a POST, another process answers the same Idempotency-Key', () => {
  test.each(Object.entries(posts))('%s', async (what, postOf) => {
    const [committed, uncommitted] = [postOf(freshName(what)), postOf(freshName(what))];
    const keys = [randomUUID(), randomUUID()] as const;
    // The answer was kept in the transaction, and the transaction was not over; or it was, and the
    // answer not sent.
    await Promise.all([
      killedAt('commit:after', committed, keys[0]),
      killedAt('keep:after', uncommitted, keys[1]),
    ]);

    const replayed = await askTwice(committed, keys[0]);
    expect(replayed.map(told)).toEqual(Array(2).fill([committed.status, 'true']));
    expect(replayed[1].text).toBe(replayed[0].text);
    await committed.check(replayed[0].body.data);

    const [done, again] = await askTwice(uncommitted, keys[1]);
    expect([told(done), told(again)]).toEqual([
      [uncommitted.finalStatus ?? uncommitted.status, null],
      [done.status, 'true'],
    ]);
    expect(again.text).toBe(done.text);
    await uncommitted.check(done.body.data);
  });

  test('an account that the provider held before is not called ours', async () => {
    const [known] = (await gateway.root.get('/v1/accounts?provider=outfame&status=active&limit=1'))
      .body.data;
    const body = { provider: 'outfame', platform: 'instagram', username: known.username };
    const post: TestedPost = {
      path: '/v1/accounts',
      body,
      status: 409,
      check: async () => undefined,
    };
    await gateway.database.pool.query(
      `UPDATE accounts SET username_key = 'unknown' WHERE id = $1`,
      [known.id],
    );
    outfame().faults.add({ kind: 'hang', method: 'POST', path: '/accounts', times: 1 });
    const child = await startChild(gateway, undefined);
    const cutOff = send(
      clientOf(child.url, gateway.root.key, apiDocument),
      post,
      'held-before',
    ).catch(() => undefined);
    await waitFor('the provider to be asked', () => outfame().faults.list()[0]?.struck === 1);
    await child.kill();
    await cutOff;
    const reply = await send(gateway.root, post, 'held-before');
    expect([reply.status, reply.body.code, reply.headers.get('idempotency-replayed')]).toEqual([
      409,
      'conflict',
      null,
    ]);
  });

  const CALLBACK = 'https://app.example/callback';
  const networkId = (number: number) => `17841400999${String(number).padStart(6, '0')}`;
  /** A flow whose owner agreed. */
  async function agreedFlow(accountId: string): Promise<TestedPost> {
    const flow = { provider: 'socialsyncer', platform: 'instagram', redirect_url: CALLBACK };
    const { auth_url, state } = (await gateway.root.post('/v1/connect', flow)).body.data;
    const agreed = await fetch(`${auth_url}&account_id=${accountId}`, { redirect: 'manual' });
    const code = new URL(agreed.headers.get('location') ?? '').searchParams.get('code') ?? '';
    const check = async ({ id, ref }: { id: string; ref: string }) => {
      expect(ref).toBe(`socialsyncer:instagram/${accountId}`);
      expect(await audited('account.connected', id)).toBe(1);
    };
    return { path: '/v1/connect/complete', body: { state, code }, status: 200, check };
  }

  test.each([
    ['before the provider was asked', 'flow:before'],
    ['after the provider had taken the code', 'flow:after'],
    ['before the account was written', 'commit:before'],
    ['with the account written, before the commit', 'keep:after'],
  ])('a connect flow goes on that was cut off %s', async (_when, place) => {
    taken += 1;
    const post = await agreedFlow(networkId(taken));
    await killedAt(place, post, place);
    const stranger = await send(gateway.root, post, `not-${place}`);
    expect([stranger.status, stranger.body.errors[0].field]).toEqual([422, 'state']);
    const [done, again] = await askTwice(post, place);
    expect([told(done), told(again)]).toEqual([
      [200, null],
      [200, 'true'],
    ]);
    await post.check(done.body.data);
  });

  test('of two accounts that were connected meanwhile none is taken for that of the flow', async () => {
    const post = await agreedFlow(networkId(901));
    await killedAt('flow:after', post, 'two');
    const other = `instagram/${networkId(902)}`;
    gateway.sandbox.provider('socialsyncer').putAccount(other, {
      connectedAt: new Date().toISOString(),
    });
    const reply = await send(gateway.root, post, 'two');
    expect([reply.status, reply.body.code]).toEqual([409, 'conflict']);
    expect(reply.body.detail).toContain('refuses the code');
  });
});

test(
  `${RUNS} times ${AT_ONCE} at once over two replicas: one execution`,
  async () => {
    const replicas = await Promise.all([
      startChild(gateway, undefined),
      startChild(gateway, undefined),
    ]);
    const agent = new Agent({ connections: AT_ONCE });
    const random = seededRandom(7);
    const post = async (
      key: string,
    ): Promise<{ status: number; isReplayed: boolean; text: string }> => {
      const { url } = replicas[Math.floor(random() * 2)] as Child;
      const headers = {
        Authorization: `Bearer ${gateway.root.key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
      };
      const reply = await request(`${url}/v1/teams`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ name: key }),
        dispatcher: agent,
      });
      const text = await reply.body.text();
      // What a busy machine sheds was not looked at.
      if (reply.statusCode === 503) return post(key);
      return {
        status: reply.statusCode,
        isReplayed: 'idempotency-replayed' in reply.headers,
        text,
      };
    };
    for (let run = 0; run < RUNS; run++) {
      const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => post(`rush-${run}`)));
      const made = replies.filter(({ status }) => status === 201);
      expect(replies.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
      expect([
        new Set(made.map(({ text }) => text)).size,
        made.filter(({ isReplayed }) => !isReplayed).length,
      ]).toEqual([1, 1]);
    }
    expect(await count('teams', `name LIKE 'rush-%'`)).toBe(RUNS);
    expect(
      await count('audit_events', `action = 'team.created' AND after ->> 'name' LIKE 'rush-%'`),
    ).toBe(RUNS);
    await agent.close();
    await Promise.all(replicas.map((replica) => replica.kill()));
  },
  240_000 + RUNS * 2_000,
);

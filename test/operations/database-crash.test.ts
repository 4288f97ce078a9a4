import pg from 'pg';
import { bringUpToDate } from '../../src/database/index.js';
import type { Reply } from '../support/client.js';
import { migrationsFolder } from '../support/database.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { POST_REQUESTS } from '../support/post-requests.js';
import { type Edge, type PostgresRelay, startPostgresRelay } from '../support/postgres-relay.js';
import { startReceiver } from '../support/receiver.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';
import { audited, isAnswered, type KeyedPost, prepareKeyedPosts } from './keyed-posts.js';

/** The database crashes and comes back while the gateway goes on; each team has one POST. */

let postgres: TcpPostgres;
let relay: PostgresRelay;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let gateway: Gateway;
let direct: pg.Pool;

beforeAll(async () => {
  postgres = await startTcpPostgres();
  relay = await startPostgresRelay(postgres.port);
  receiver = await startReceiver();
  const connection = { connectionString: postgres.url };
  await bringUpToDate({ connection, owner: undefined }, migrationsFolder);
  direct = new pg.Pool(connection);
  direct.on('error', () => undefined);
  const through = postgres.url.replace(`:${postgres.port}/`, `:${relay.port}/`);
  gateway = await startGateway({
    place: {
      connection,
      gateway: { connectionString: through },
      drop: async () => undefined,
    },
    pool: { poolSize: 80 },
  });
});
afterAll(async () => {
  await gateway?.stop();
  receiver?.stop();
  await direct?.end();
  await relay?.close();
  await postgres?.stop();
});

const prepare = () => prepareKeyedPosts({ gateway, receiverUrl: receiver.url });

const send = ({ client, path, body, team, key }: KeyedPost) =>
  client.post(path, body, {
    'Idempotency-Key': key,
    ...(client === gateway.root && { 'Rollcall-Team': team }),
  });

/** Asks until the gateway has an answer that is no "later". */
const answered = (prepared: KeyedPost) =>
  waitFor(`an answer to POST ${prepared.route}`, () => send(prepared), {
    everyMs: 100,
    until: isAnswered,
  });

const inAudit = async (posts: readonly KeyedPost[]) =>
  Object.fromEntries(
    await audited(async (text, values) => (await direct.query(text, values)).rows, posts),
  );

const told = (replies: readonly Reply[], posts: readonly KeyedPost[]) =>
  Object.fromEntries(posts.map(({ route }, index) => [route, replies[index]?.status]));

let undisturbed: { audited: Record<string, string[]>; told: object };

test('every POST route is here, and works', async () => {
  const routes = gateway.app.routes.filter(({ method }) => method === 'POST');
  expect(Object.keys(POST_REQUESTS).sort()).toEqual(
    routes.flatMap(({ path, scope }) => (scope === 'public' ? [] : [path])).sort(),
  );
  const posts = await prepare();
  const replies = await Promise.all(posts.map(answered));
  undisturbed = { audited: await inAudit(posts), told: told(replies, posts) };
  const refused = replies.filter(({ status }) => status >= 300);
  expect(refused.map(({ body }) => body)).toEqual([]);
});

test.each<Edge>(['before the commit', 'during the commit', 'after the commit'])(
  'a crash of the database %s leaves nothing undone and does nothing twice',
  async (edge) => {
    const posts = await prepare();
    relay.stopAt(edge);
    const first = Promise.all(posts.map(send));
    await waitFor('every POST to be stopped', () => relay.stopped(), {
      until: (stopped) => stopped === posts.length,
    });
    await postgres.crash();
    relay.cut();
    const cutOff = await first;
    await postgres.restart();
    expect(cutOff.filter(({ status }) => status >= 500 && status !== 503)).toEqual([]);
    for (const { status, headers } of cutOff)
      if (status === 503) expect(headers.get('retry-after')).toMatch(/^\d+$/);

    const replies = await Promise.all(posts.map(answered));
    const again = await Promise.all(posts.map(answered));
    expect(again.map(({ text }) => text)).toEqual(replies.map(({ text }) => text));
    expect({ told: told(replies, posts), audited: await inAudit(posts) }).toEqual(undisturbed);
    const created = replies[posts.findIndex(({ route }) => route === '/v1/accounts')];
    expect(created?.body.data.labels).toEqual({ brand: 'acme' });
  },
);

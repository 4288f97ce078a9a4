import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { bringUpToDate } from '../../src/database/index.js';
import type { Reply } from '../support/client.js';
import { migrationsFolder } from '../support/database.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { POST_DEEDS, type PostDeed } from '../support/post-deeds.js';
import { type Edge, type PostgresRelay, startPostgresRelay } from '../support/postgres-relay.js';
import { startReceiver } from '../support/receiver.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

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

interface Sent extends PostDeed {
  readonly route: string;
  readonly key: string;
}

async function prepare(): Promise<Sent[]> {
  const tools = { gateway, receiverUrl: receiver.url };
  return Promise.all(
    Object.entries(POST_DEEDS).map(async ([route, ready]) => ({
      ...(await ready(tools)),
      route,
      key: randomUUID(),
    })),
  );
}

const send = ({ client, path, body, team, key }: Sent) =>
  client.post(path, body, {
    'Idempotency-Key': key,
    ...(client === gateway.root && { 'Rollcall-Team': team }),
  });

/** Asks until the gateway has an answer that is no "later". */
const answered = (deed: Sent) =>
  waitFor(`an answer to POST ${deed.route}`, () => send(deed), {
    everyMs: 100,
    until: ({ status, body }) => status !== 503 && body?.code !== 'idempotency_in_progress',
  });

/** What callers did to each team, as the audit log has it, without what work did for them since. */
async function audited(deeds: readonly Sent[]): Promise<Record<string, string[]>> {
  const { rows } = await direct.query(
    `SELECT team_id, action FROM audit_events
     WHERE key_id IS NOT NULL AND action !~ '^disconnect_step|^disconnect.finished|^account.disconnect(ed|_failed)$'`,
  );
  return Object.fromEntries(
    deeds.map(({ route, team }) => [
      route,
      rows.flatMap(({ team_id, action }) => (team_id === team ? [action] : [])).sort(),
    ]),
  );
}

const told = (replies: readonly Reply[], deeds: readonly Sent[]) =>
  Object.fromEntries(deeds.map(({ route }, index) => [route, replies[index]?.status]));

let undisturbed: { audited: Record<string, string[]>; told: object };

test('every POST route is here, and works', async () => {
  const routes = gateway.app.routes.filter(({ method }) => method === 'POST');
  expect(Object.keys(POST_DEEDS).sort()).toEqual(
    routes.flatMap(({ path, scope }) => (scope === 'public' ? [] : [path])).sort(),
  );
  const deeds = await prepare();
  const replies = await Promise.all(deeds.map(answered));
  undisturbed = { audited: await audited(deeds), told: told(replies, deeds) };
  const refused = replies.filter(({ status }) => status >= 300);
  expect(refused.map(({ body }) => body)).toEqual([]);
});

test.each<Edge>(['before the commit', 'during the commit', 'after the commit'])(
  'a crash of the database %s leaves nothing undone and does nothing twice',
  async (edge) => {
    const deeds = await prepare();
    relay.stopAt(edge);
    const first = Promise.all(deeds.map(send));
    await waitFor('every POST to be stopped', () => relay.stopped(), {
      until: (stopped) => stopped === deeds.length,
    });
    await postgres.crash();
    relay.cut();
    const cutOff = await first;
    await postgres.restart();
    expect(cutOff.filter(({ status }) => status >= 500 && status !== 503)).toEqual([]);
    for (const { status, headers } of cutOff)
      if (status === 503) expect(headers.get('retry-after')).toMatch(/^\d+$/);

    const replies = await Promise.all(deeds.map(answered));
    const again = await Promise.all(deeds.map(answered));
    expect(again.map(({ text }) => text)).toEqual(replies.map(({ text }) => text));
    expect({ told: told(replies, deeds), audited: await audited(deeds) }).toEqual(undisturbed);
    const created = replies[deeds.findIndex(({ route }) => route === '/v1/accounts')];
    expect(created?.body.data.labels).toEqual({ brand: 'acme' });
  },
);

import pg from 'pg';
import { createRollcall } from '../../src/client/index.js';
import { bringUpToDate } from '../../src/database/index.js';
import { migrationsFolder } from '../support/database.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, expect, test } from '../support/jest.js';
import { RowsTeam } from '../support/rows-team.js';
import { type Standby, startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

/** A gateway whose reads may come from a standby, which tests pause in replay, and break. */

const MAX_LAG_SECONDS = 4;

let postgres: TcpPostgres;
let standby: Standby;
let onStandby: pg.Pool;
let gateway: Gateway;
let team: RowsTeam;
let account: string;

beforeAll(async () => {
  postgres = await startTcpPostgres();
  const connection = { connectionString: postgres.url };
  await bringUpToDate({ connection, owner: undefined }, migrationsFolder);
  standby = await postgres.startStandby();
  onStandby = new pg.Pool({ connectionString: standby.url });
  onStandby.on('error', () => undefined);
  gateway = await startGateway({
    place: { connection, gateway: connection, drop: async () => undefined },
    pool: {
      poolSize: 12,
      replicas: [{ connectionString: standby.url }],
      maxReadLagSeconds: MAX_LAG_SECONDS,
    },
  });
  team = await RowsTeam.begin(gateway, () => new Date());
  account = await team.hold('octopost', 'acme');
});
afterAll(async () => {
  await gateway?.stop();
  await onStandby?.end();
  await postgres?.stop();
});
beforeEach(() => replicaServes());

const LIST = '/v1/accounts?limit=5';
const label = (value: string) =>
  team.client.patch(`/v1/accounts/${account}`, { labels: { tried: value } });
const read = (headers: Record<string, string> = {}, path = LIST) => team.client.get(path, headers);
const labelIn = (reply: { body: { data: { labels: { tried?: string } }[] } }) =>
  reply.body.data[0]?.labels.tried;
const after = (write: { headers: Headers }) => ({
  'Rollcall-Position': write.headers.get('rollcall-position') ?? '',
});

async function servedBy(server: string): Promise<number> {
  const { text } = await gateway.root.get('/metrics');
  return Number(
    new RegExp(`^rollcall_reads_total{server="${server}"} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
  );
}

/** Which server a read comes from. */
async function serverOf(path = LIST, headers: Record<string, string> = {}): Promise<string> {
  const before = await servedBy('replica_0');
  expect((await read(headers, path)).status).toBe(200);
  return (await servedBy('replica_0')) > before ? 'replica' : 'primary';
}

const replicaServes = () =>
  waitFor('the replica to serve', () => serverOf(), { until: (server) => server === 'replica' });
const caughtUp = async (write: { headers: Headers }) =>
  waitFor('the replica to have the write', () => serverOf(LIST, after(write)), {
    until: (server) => server === 'replica',
  });

test('lists, health, profiles and feeds come from the replica, and all else from the primary', async () => {
  const paths = [LIST, '/v1/accounts/health', '/v1/profiles', '/v1/events', '/v1/health/changes'];
  for (const path of paths) expect([path, await serverOf(path)]).toEqual([path, 'replica']);
  // What a caller wrote is in a feed only once that is published.
  const written = after(await label('in a feed'));
  for (const path of ['/v1/events', '/v1/health/changes'])
    expect([path, await serverOf(path, written)]).toEqual([path, 'primary']);
  for (const path of ['/v1/keys', '/v1/connections', '/v1/disconnects'])
    expect([path, await serverOf(path)]).toEqual([path, 'primary']);
});

test('a standby that is paused in replay shows no caller less than it has written', async () => {
  await caughtUp(await label('before'));
  const old = await read();
  await onStandby.query('SELECT pg_wal_replay_pause()');
  const written = await label('after');
  const [mine, others] = [await read(after(written)), await read()];
  expect([labelIn(mine), labelIn(others)]).toEqual(['after', 'before']);
  // Neither is taken for the other, whatever the caller has.
  expect(mine.headers.get('etag')).not.toBe(others.headers.get('etag'));
  const known = { 'If-None-Match': old.headers.get('etag') ?? '' };
  expect((await read({ ...known, ...after(written) })).status).toBe(200);
  expect((await read(known)).status).toBe(304);
  const rollcall = createRollcall({ baseUrl: gateway.url, key: team.client.key ?? '' });
  await rollcall.PATCH('/v1/accounts/{id}', {
    params: { path: { id: account } },
    body: { labels: { tried: 'by the client' } },
  });
  const { data } = await rollcall.GET('/v1/accounts');
  expect(data?.data[0]?.labels).toEqual({ tried: 'by the client' });
  for await (const one of rollcall.pages('/v1/accounts'))
    expect(one.labels).toEqual({ tried: 'by the client' });

  await onStandby.query('SELECT pg_wal_replay_resume()');
  await caughtUp(written);
  await waitFor('others to see it', async () => labelIn(await read()), {
    until: (seen) => seen === 'by the client',
  });
});

test('a replica that is too far behind is left out until it has caught up', async () => {
  await onStandby.query('SELECT pg_wal_replay_pause()');
  await label('late');
  await waitFor('the primary to serve', () => serverOf(), {
    until: (server) => server === 'primary',
  });
  expect(labelIn(await read())).toBe('late');
  await onStandby.query('SELECT pg_wal_replay_resume()');
  await replicaServes();
  expect(labelIn(await read())).toBe('late');
});

test('a position that no write was answered with is refused, by its name', async () => {
  const whole = after(await label('whole'))['Rollcall-Position'];
  for (const garbled of ['x', `${whole}x`, `${whole}!`, whole.slice(0, -4), ` ${whole.slice(1)}`])
    expect(await read({ 'Rollcall-Position': garbled })).toMatchObject({
      status: 422,
      body: { code: 'validation_error', errors: [{ field: 'Rollcall-Position' }] },
    });
});

test('a replica that breaks is passed over, and used again when it is back', async () => {
  await standby.crash();
  const replies = [await read(), await read(), await read({}, '/v1/profiles')];
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await serverOf()).toBe('primary');
  await standby.restart();
  await replicaServes();
});

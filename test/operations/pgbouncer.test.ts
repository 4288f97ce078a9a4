import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { isUnreachable, openDatabase, requestUse } from '../../src/database/index.js';
import { describeWith } from '../support/describe-with.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type GatewayProcess, run, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

/** Bytes of a cancel request; a session begins with more. */
const CANCEL_LENGTH = 16;

/** Debian's PgBouncer in transaction mode: it keeps no named statement, and no session for anybody. */
describeWith(['pgbouncer'], 'through PgBouncer in transaction mode', () => {
  let folder: string;
  let postgres: TcpPostgres;
  let pooler: PgBouncer;
  let gateways: GatewayProcess[] = [];
  const settings = () => ({
    DATABASE_URL: pooler.url,
    DATA_DIR: folder,
    ROLLCALL_SECRET: SECRET,
    DRAIN_SECONDS: '0',
    SANDBOX: 'true',
  });
  beforeAll(async () => {
    folder = await makeFolder();
    postgres = await startTcpPostgres();
    pooler = await startPgBouncer(postgres, 5);
  });
  afterAll(async () => {
    for (const gateway of gateways) await gateway.end('SIGKILL');
    await pooler?.stop();
    await postgres?.stop();
    await removeFolder(folder);
  });

  test('a start that has to migrate asks for the address of PostgreSQL itself', async () => {
    const { code, errors } = await run(settings()).ended();
    expect([code, errors]).toEqual([
      1,
      expect.stringMatching(
        /^DATABASE_DIRECT_URL: migrations are pending .* leads through a pooler.*\n$/,
      ),
    ]);
  });

  test('two gateways sweep, write once under a key, refuse what came too late, and disconnect', async () => {
    const direct = { DATABASE_DIRECT_URL: postgres.url };
    const first = await startProcess({ ...settings(), ...direct });
    gateways = [first];
    const second = await startProcess({ ...settings(), ...direct });
    gateways = [first, second];
    const { body } = await first.root.get('/v1/accounts?limit=100');
    expect(body.data.length).toBeGreaterThan(20);
    const [account] = body.data;
    const address = `/v1/accounts/${account.id}`;

    const reads = Array.from({ length: 200 }, (_, index) =>
      (index % 2 ? first : second).root.get(
        index % 3 ? '/v1/accounts?status=active' : '/v1/events?limit=5',
      ),
    );
    for (const { status } of await Promise.all(reads)) expect(status).toBe(200);

    const etag = (await first.root.get(address)).headers.get('etag') ?? '';
    const changes = Array.from({ length: 10 }, (_, turn) =>
      (turn % 2 ? first : second).root.patch(
        address,
        { labels: { turn: `${turn}` } },
        { 'If-Match': etag },
      ),
    );
    const statuses = (await Promise.all(changes)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array(9).fill(412)]);

    const key = { 'Idempotency-Key': 'once' };
    const request = { account_ids: body.data.slice(0, 10).map(({ id }: { id: string }) => id) };
    const [one, again] = [
      await first.root.post('/v1/disconnects', request, key),
      await second.root.post('/v1/disconnects', request, key),
    ];
    expect([one.status, again.status]).toEqual([202, 202]);
    expect(again.body.data.id).toBe(one.body.data.id);
    await waitFor(
      'the disconnect to end',
      async () => (await second.root.get(`/v1/disconnects/${one.body.data.id}`)).body.data.state,
      { everyMs: 200, until: (state) => state === 'succeeded' },
    );

    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    const connections = (await first.root.get('/v1/connections')).body.data;
    for (const { id } of connections) {
      const { body: asked } = await second.root.post(`/v1/connections/${id}/sweep`, {});
      await waitFor(
        `the sweep of ${id} to end`,
        async () =>
          (await client.query('SELECT state FROM sweeps WHERE id = $1', [asked.data.id])).rows[0],
        { until: (row) => row?.state === 'succeeded' },
      );
    }
    // A sweep is told as done before its session gives back its lock.
    await waitFor(
      'no idle session to hold a lock',
      async () => {
        const held = `SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE l.locktype = 'advisory' AND a.state = 'idle'`;
        return (await client.query(held)).rowCount;
      },
      { until: (count) => count === 0 },
    );
    await client.end();
    for (const { root } of gateways) expect((await root.get('/readyz')).status).toBe(200);
  });

  test('a cancel request that takes its time on the way to the server leaves the pooler alive', async () => {
    const slow = await startSlowCancels(postgres.port);
    const { password } = postgres;
    const between = await startPgBouncer({ port: slow.port, password }, 2);
    const database = openDatabase({ connection: { connectionString: between.url }, poolSize: 2 });
    const use = { team: 'team', key: 'key', isBegun: false, reads: undefined, isOver: false };
    const asked = requestUse.run({ ...use, statementMs: 200 }, () =>
      database.pool.query('SELECT pg_sleep(60)'),
    );
    try {
      const failed = asked.catch((error: unknown) => error);
      await waitFor('the cancel request to be on its way', () => slow.held() > 0);
      expect(isUnreachable(await failed)).toBe(true);
      slow.letThrough();
      const sleeping = `SELECT FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'`;
      await waitFor('the server to have cancelled the statement', async () => {
        between.requireRunning();
        const { rowCount } = await database.pool.query(sleeping).catch(() => ({ rowCount: null }));
        return rowCount === 0;
      });
    } finally {
      await database.close();
      await between.stop();
      await slow.close();
    }
  });
});

/** A proxy before PostgreSQL that holds cancel requests until it is told to let them through. */
async function startSlowCancels(target: number) {
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  const server = createServer((socket) => {
    const other = connect(target, '127.0.0.1').on('error', () => socket.destroy());
    for (const one of [socket, other]) sockets.add(one.on('error', () => undefined));
    other.pipe(socket);
    socket.once('data', (first) => {
      const pass = () => {
        other.write(first);
        socket.pipe(other);
      };
      if (first.length !== CANCEL_LENGTH) return pass();
      socket.pause();
      held.push(pass);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    held: () => held.length,
    letThrough: () => {
      for (const pass of held.splice(0)) pass();
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

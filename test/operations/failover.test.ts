import pg from 'pg';
import { bringUpToDate, checkConnection } from '../../src/database/index.js';
import type { Reply } from '../support/client.js';
import { migrationsFolder } from '../support/database.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { type Standby, startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

/** A primary and its standby, and a gateway whose address names both. */

let postgres: TcpPostgres;
let standby: Standby;
let gateway: Gateway;
let address: string;

beforeAll(async () => {
  postgres = await startTcpPostgres();
  const connection = { connectionString: postgres.url };
  await bringUpToDate({ connection, owner: undefined }, migrationsFolder);
  standby = await startedStandby();
  const hosts = `127.0.0.1:${standby.port},127.0.0.1:${postgres.port}`;
  address = `${postgres.url.replace(`127.0.0.1:${postgres.port}`, hosts)}?target_session_attrs=read-write`;
  gateway = await startGateway({
    place: { connection, gateway: { connectionString: address }, drop: async () => undefined },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await postgres?.stop();
});

async function startedStandby(): Promise<Standby> {
  const begun = await postgres.startStandby();
  await caughtUp(begun);
  return begun;
}

/** Waits until a standby has all that the primary wrote. */
async function caughtUp({ url }: Standby): Promise<void> {
  const [{ lsn } = { lsn: '' }] = await ask(
    postgres.url,
    'SELECT pg_current_wal_flush_lsn() AS lsn',
  );
  await waitFor('the standby to catch up', async () => {
    const question = `SELECT pg_last_wal_replay_lsn() >= '${lsn}'::pg_lsn AS done`;
    return (await ask(url, question))[0]?.done;
  });
}

async function ask(connectionString: string, text: string) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client.query(text).then(
    ({ rows }) => client.end().then(() => rows),
    (error) => client.end().then(() => Promise.reject(error)),
  );
}

/** Writes and reads without pause until told to stop. @returns all answers */
function traffic(): { end(): Promise<Reply[]> } {
  const replies: Reply[] = [];
  let goesOn = true;
  const call = async (worker: number) => {
    for (let count = 0; goesOn; count++) {
      const name = `during ${worker} ${count}`;
      const made = await gateway.root.post('/v1/keys', { name, scopes: ['read'] });
      replies.push(made, await gateway.root.get('/v1/accounts?limit=1'));
      // What was accepted is there, whichever server answers.
      if (made.status === 201)
        replies.push(await gateway.root.get(`/v1/keys/${made.body.data.id}`));
    }
  };
  const workers = Promise.all([1, 2, 3].map(call));
  return {
    end: async () => {
      goesOn = false;
      await workers;
      return replies;
    },
  };
}

/** Neither a 404 of what was accepted, nor an error of ours; whoever comes too early is told when. */
function expectOnlyWaits(replies: readonly Reply[]): void {
  const other = replies.filter(({ status }) => status >= 300 && status !== 503);
  expect(other.map(({ status, text }) => [status, text])).toEqual([]);
  for (const { status, headers } of replies)
    if (status === 503) expect(headers.get('retry-after')).toMatch(/^\d+$/);
}

const writes = () =>
  waitFor(
    'a write to succeed',
    () => gateway.root.post('/v1/keys', { name: 'after', scopes: ['read'] }),
    {
      everyMs: 50,
      until: ({ status }) => status === 201,
    },
  );
const readiness = async () => (await gateway.root.get('/readyz')).status;

test('of several hosts the one that takes writes is used, at the start too', async () => {
  await expect(checkConnection({ connectionString: address })).resolves.toBeUndefined();
  await expect(checkConnection({ connectionString: standby.url })).rejects.toThrow(
    /takes no writes/,
  );
  expect((await writes()).status).toBe(201);
  expect(await readiness()).toBe(200);
});

test('a primary that becomes read-only is left for the one that is promoted', async () => {
  const sent = traffic();
  await writes();
  await ask(postgres.url, 'ALTER SYSTEM SET default_transaction_read_only = on');
  await ask(postgres.url, 'SELECT pg_reload_conf()');
  await waitFor('it to be not ready', readiness, { until: (status) => status === 503 });
  await caughtUp(standby);
  await standby.promote();
  await writes();
  await waitFor('it to be ready', readiness, { until: (status) => status === 200 });
  const replies = await sent.end();
  expectOnlyWaits(replies);
  const refused = replies.filter(({ status }) => status === 503);
  expect(refused.length).toBeGreaterThan(0);
  const left = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'rollcall'`;
  expect(await ask(postgres.url, left)).toEqual([{ count: 0 }]);
});

test('a primary that crashes and comes back as a standby gets no session', async () => {
  await postgres.crash();
  await postgres.restartAsStandby();
  const sent = traffic();
  await writes();
  await standby.crash();
  await waitFor('it to be not ready', readiness, { until: (status) => status === 503 });
  await standby.restart();
  await writes();
  expectOnlyWaits(await sent.end());
});

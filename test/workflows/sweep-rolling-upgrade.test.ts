import type pg from 'pg';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/**
 * The release before, beside this one: it knows no leases and finds its sweeps through pg-boss. What
 * both respect is the advisory lock of a connection, and what both read is the sweep's row.
 */
let gateway: Gateway;
let connection: string;
let former: pg.PoolClient;
beforeAll(async () => {
  gateway = await startGateway();
  connection = await gateway.connect('octopost');
  former = await gateway.database.pool.connect();
});
afterAll(async () => {
  former.release(true);
  await gateway.stop();
});

const LOCK = 'hashtextextended($1, 0)';
const lock = () => former.query(`SELECT pg_advisory_lock(${LOCK})`, [`sweep ${connection}`]);
const unlock = () => former.query(`SELECT pg_advisory_unlock(${LOCK})`, [`sweep ${connection}`]);
const lists = () =>
  gateway.sandbox.provider('octopost').counts().by_operation['GET /accounts'] ?? 0;
const rowOf = (id: string) => gateway.database.prisma.sweep.findUniqueOrThrow({ where: { id } });
const request = async () =>
  (await gateway.root.post(`/v1/connections/${connection}/sweep`)).body.data.id;
/** This release has taken the sweep, and found the former one at it. */
const isPutOff = (id: string) =>
  waitFor('the sweep to be put off', () => rowOf(id), {
    until: ({ createdAt, dueAt, leasedBy }) => leasedBy === null && dueAt > createdAt,
  });

test('a connection that the release before sweeps is left to it, and its finished sweep is not done again', async () => {
  await lock();
  const before = lists();
  const id = await request();
  await isPutOff(id);
  // As the former release ends a sweep.
  await gateway.database.pool.query(
    `UPDATE sweeps SET state = 'succeeded', finished_at = now() WHERE id = $1`,
    [id],
  );
  await unlock();
  expect(lists()).toBe(before);
  expect(await gateway.sweep(connection)).toMatchObject({ state: 'succeeded' });
  expect(lists()).toBe(before + 1);
  expect((await rowOf(id)).startedAt).toBeNull();
});

test('what the release before queued, or left behind, is done', async () => {
  const columns = 'id, team_id, connection_id, state, created_at';
  await gateway.database.pool.query(
    `INSERT INTO sweeps (${columns})
     SELECT 'swp_former', team_id, id, 'running', now() FROM connections WHERE id = $1`,
    [connection],
  );
  await waitFor('the former sweep to finish', () => rowOf('swp_former'), {
    until: ({ state }) => state === 'succeeded',
  });
});

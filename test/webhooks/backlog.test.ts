import pg from 'pg';
import { requestUse } from '../../src/database/index.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { nodesOf, type Statement, watchStatements } from '../support/plans.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';

/** Events in front of a webhook: five times as many as are looked through at once. */
const EVENTS = 5_000;
const MAX_ROWS = 1_000;
/** Of two webhooks at one receiver. */
const PATHS = ['/', '/other'];
/** Counts all that there is, for metrics. */
const COUNTS = 'depth-of-enabled-webhooks';

let gateway: Gateway;
let receiver: Receiver;
let owner: pg.Client;
/** The first of each name that deliveries were taken and written with. */
const statements = new Map<string, Statement>();

beforeAll(async () => {
  [gateway, receiver] = await Promise.all([startGateway(), startReceiver()]);
  owner = new pg.Client(gateway.owner);
  await owner.connect();
  const [first, other] = PATHS.map((path) => receiver.url + path);
  await gateway.root.post('/v1/webhooks', { url: first, types: ['account.updated'] });
  await gateway.root.post('/v1/webhooks', { url: other, types: [] });
  const { rows: places } = await owner.query('SELECT id, feed_position FROM webhooks');
  watchStatements(gateway.database.pool, (statement) => {
    const { name, text } = statement;
    const isOfDeliveries = /\b(webhooks|webhook_deliveries|events e)\b/.test(text);
    if (requestUse.getStore() !== undefined || name === undefined || !isOfDeliveries) return;
    if (!statements.has(name)) statements.set(name, statement);
  });
  await owner.query(
    `INSERT INTO events (id, team_id, type, data, created_at)
     SELECT 'evt_' || lpad(n::text, 26, '0'), $1, 'account.updated', '{}', now()
     FROM generate_series(1, ${EVENTS}) AS n`,
    [DEFAULT_TEAM_ID],
  );
  await owner.query('ANALYZE events');
  await waitFor('what came of deliveries to be written', () => statements.has('write-attempts'));
  for (const path of PATHS) await waitFor(`an event at ${path}`, () => idsAt(path).length > 0);
  await gateway.halt();
  // As before the first of them was taken.
  await owner.query('DELETE FROM webhook_deliveries');
  for (const { id, feed_position } of places)
    await owner.query('UPDATE webhooks SET feed_position = $2 WHERE id = $1', [id, feed_position]);
});
afterAll(async () => {
  await owner.end();
  await gateway.stop();
  receiver.stop();
});

const idsAt = (path: string) =>
  receiver.received
    .filter((request) => request.path === path)
    .map(({ headers }) => headers['webhook-id']);

test('however many events are in front of a webhook, no statement reads more of them than are looked through at once', async () => {
  const read = new Map<string, number>();
  for (const [name, { text, values }] of statements) {
    if (name === COUNTS) continue;
    await owner.query('BEGIN');
    const { rows } = await owner.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, [...values]);
    await owner.query('ROLLBACK');
    const most = nodesOf(rows[0]['QUERY PLAN'][0].Plan).map(
      (node) => (node['Actual Rows'] ?? 0) * (node['Actual Loops'] ?? 0),
    );
    read.set(name, Math.max(...most));
  }
  expect([...read.keys()]).toEqual(
    expect.arrayContaining(['due-webhooks', 'next-events', 'take-webhook_deliveries']),
  );
  expect([...read].filter(([, rows]) => rows > MAX_ROWS)).toEqual([]);
});

test('each webhook gets each event once, whoever read it first', async () => {
  for (const path of PATHS) {
    const ids = idsAt(path);
    expect(new Set(ids).size).toBe(ids.length);
  }
});

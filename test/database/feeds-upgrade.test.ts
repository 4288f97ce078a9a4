import pg from 'pg';
import { type Database, openDatabase } from '../../src/database/index.js';
import { createFeeds } from '../../src/events/index.js';
import type { Caller } from '../../src/http/caller.js';
import type { Position } from '../../src/http/cursor.js';
import { systemClock } from '../../src/lib/clock.js';
import { createSealer } from '../../src/lib/seal.js';
import { DeliveryQueue } from '../../src/webhooks/delivery-queue.repository.js';
import { WebhooksRepository } from '../../src/webhooks/webhooks.repository.js';
import { createFormerDatabase, type FormerDatabase } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

const MIGRATION = '20261127004500_feed_positions';
/** The statements of the release before. */
const FORMER = {
  write: `INSERT INTO events (id, team_id, type, data, created_at)
    VALUES ($1, 'team_1', 'account.updated', '{}', now())`,
  read: `SELECT e.id, e.transaction_id AS value FROM events e
    WHERE e.team_id = 'team_1'
      AND e.transaction_id < (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint
      AND (e.transaction_id, e.id) > ($1::bigint, $2) ORDER BY e.transaction_id, e.id LIMIT $3`,
  position: 'SELECT position_transaction AS value, position_id AS id FROM webhooks',
  move: 'UPDATE webhooks SET position_transaction = $1, position_id = $2',
  deliver: `INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, state, created_at)
    SELECT 'dlv_' || id, 'whk_1', id, 'account.updated', 'succeeded', now()
    FROM unnest($1::text[]) AS id`,
};
const CALLER = { teamId: 'team_1', key: { providers: [] as string[] } } as unknown as Caller;

let former: FormerDatabase;
let client: pg.Client;
let other: pg.Client;
let database: Database;
/** A page of the release before ended here, before the upgrade. */
let old: Position;

const write = (id: string, by = client) => by.query(FORMER.write, [id]);
const formerPage = async ({ value, id }: Position, limit = 100) =>
  (await client.query<{ value: string; id: string }>(FORMER.read, [value, id, limit])).rows;
const START = { value: '0', id: '' };

beforeAll(async () => {
  former = await createFormerDatabase(MIGRATION);
  client = new pg.Client(former.connection);
  other = new pg.Client(former.connection);
  await Promise.all([client.connect(), other.connect()]);
  await client.query(`INSERT INTO teams (id, name) VALUES ('team_1', 'one')`);
  await client.query(
    `INSERT INTO webhooks (id, team_id, url, secret, types, providers, position_transaction, position_id, created_at, updated_at)
     VALUES ('whk_1', 'team_1', 'http://127.0.0.1/', '', '{}', '{}', 0, '', now(), now())`,
  );
  // The first to begin is the last to end, and of one transaction the second id is the first.
  await other.query('BEGIN');
  await write('evt_b', other);
  await write('evt_a', other);
  await write('evt_c');
  await other.query('COMMIT');
  await write('evt_d');
  // It waits for every transaction on the server, of other tests, too.
  [old = START] = await waitFor('the release before to show one', () => formerPage(START, 1), {
    until: ({ length }) => length === 1,
  });
  const { value, id } = old;
  await client.query(FORMER.deliver, [['evt_a']]);
  await client.query(FORMER.move, [value, id]);
  await former.upgrade();
  database = openDatabase({ connection: former.connection, poolSize: 3 });
});
afterAll(async () => {
  await database?.close();
  await Promise.all([client?.end(), other?.end()]);
  await former?.drop();
});

/** What this release shows after a cursor. */
async function read(after?: Position) {
  const { feed } = createFeeds(database, systemClock);
  const position = after && (await feed.resume(CALLER, after));
  const rows = await feed.read(CALLER, { types: [] }, position, 100);
  return {
    ids: rows.map(({ document }) => JSON.parse(document).id as string),
    end: rows.at(-1)?.position,
  };
}

/** Makes deliveries as this release does. @returns how many there are by now of each event */
async function deliver(): Promise<Record<string, number>> {
  const { feed } = createFeeds(database, systemClock);
  const webhooks = new WebhooksRepository(database);
  const sealer = createSealer(Buffer.alloc(32, 3).toString('base64'));
  const queue = new DeliveryQueue({ database, webhooks, feed, sealer });
  const now = new Date();
  const asked = { now, holder: 'test', working: [], limit: 100 };
  for (const { lane } of await queue.dueLanes({ ...asked, fullLanes: [], fullShares: [] }))
    await queue.take({ ...asked, lane });
  const { rows } = await client.query<{ id: string; n: number }>(
    'SELECT event_id AS id, count(*)::int AS n FROM webhook_deliveries GROUP BY 1 ORDER BY 1',
  );
  return Object.fromEntries(rows.map(({ id, n }) => [id, n]));
}

test('rows from before keep their order, and a cursor from before goes on', async () => {
  expect(old.id).toBe('evt_a');
  expect((await read()).ids).toEqual(['evt_a', 'evt_b', 'evt_c', 'evt_d']);
  expect((await read(old)).ids).toEqual(['evt_b', 'evt_c', 'evt_d']);
});

describe('while the release before runs beside this one', () => {
  test('both show what either writes, and each goes on from the cursors of the other', async () => {
    const { end } = await read();
    await other.query('BEGIN');
    await write('evt_late', other);
    await write('evt_quick');
    // An open transaction holds the place of what it writes.
    expect((await read(end)).ids).toEqual([]);
    await write('evt_later', other);
    await other.query('COMMIT');
    expect((await read(end)).ids).toEqual(['evt_late', 'evt_quick', 'evt_later']);
    expect((await read(old)).ids.slice(3)).toEqual(['evt_late', 'evt_quick', 'evt_later']);
    // In the order of the release before, which waits for everyone on the server.
    const shown = await waitFor('the release before to show all', () => formerPage(old), {
      until: ({ length }) => length === 6,
    });
    const ids = shown.map(({ id }) => id);
    expect(ids).toEqual(['evt_b', 'evt_c', 'evt_d', 'evt_late', 'evt_later', 'evt_quick']);

    // Nothing is missed after any cursor of it.
    for (const [index, cursor] of shown.entries()) {
      const { ids: rest } = await read(cursor);
      expect(rest).toEqual(expect.arrayContaining(ids.slice(index + 1)));
    }
    const { end: last } = await read();
    expect((await read(last)).ids).toEqual([]);
    expect(await formerPage(last ?? START)).toEqual([]);
  });

  test('every event is delivered once, whichever of them makes the delivery', async () => {
    const [next] = (await formerPage(old)).slice(3);
    // The release before delivers up to the first event that has a position.
    await client.query(FORMER.deliver, [['evt_b', 'evt_c', 'evt_d', 'evt_late']]);
    await client.query(FORMER.move, [next?.value, next?.id]);
    const once = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, 1]));
    const all = ['evt_a', 'evt_b', 'evt_c', 'evt_d', 'evt_late', 'evt_later', 'evt_quick'];
    expect(await deliver()).toEqual(once(all));

    // The release before has nothing left to deliver, and then what is new.
    const position = async () => (await client.query<Position>(FORMER.position)).rows[0] ?? START;
    const left = async () => (await formerPage(await position())).map(({ id }) => id);
    expect(await left()).toEqual([]);
    await write('evt_new');
    await waitFor('the release before to have one to deliver', left, {
      until: (ids) => ids.length > 0,
    });
    expect(await left()).toEqual(['evt_new']);
    const [moved] = await formerPage(await position());
    await client.query(FORMER.deliver, [['evt_new']]);
    await client.query(FORMER.move, [moved?.value, moved?.id]);
    expect(await deliver()).toEqual(once([...all, 'evt_new']));
    await write('evt_newest');
    expect(await deliver()).toEqual(once([...all, 'evt_new', 'evt_newest']));
  });
});

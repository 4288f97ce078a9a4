import pg from 'pg';
import { keepPartitions, openDatabase } from '../../src/database/index.js';
import { createFormerDatabase, createTestDatabase } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

const DAY_MS = 86_400_000;
/** A Wednesday. */
const NOW = new Date('2027-03-10T12:00:00Z');

const WRITE = `INSERT INTO events (id, team_id, type, data, created_at) VALUES ($1, 'team', 'account.updated', '{}', $2)`;

const open = async (connection: pg.ClientConfig) => {
  const client = new pg.Client(connection);
  await client.connect();
  return client;
};

/** The partitions of the table, with how many rows each holds. */
async function held(client: pg.Client, table: string): Promise<Record<string, number>> {
  const { rows } = await client.query(
    'SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = to_regclass($1)',
    [table],
  );
  const counts: Record<string, number> = {};
  for (const { name } of rows) {
    const { rows: counted } = await client.query(`SELECT count(*)::int AS count FROM ${name}`);
    counts[name] = counted[0].count;
  }
  return counts;
}

describe('a database with events', () => {
  const ROLE = `former_gateway_${process.pid}`;
  let former: Awaited<ReturnType<typeof createFormerDatabase>>;
  let client: pg.Client;
  beforeAll(async () => {
    former = await createFormerDatabase('20261127012500_events_by_time_keys');
    client = await open(former.connection);
  });
  afterAll(async () => {
    await client.query(`DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`);
    await client.end();
    await former.drop();
  });

  test('is migrated without a copy of them, and its gateways go on', async () => {
    await client.query(`CREATE ROLE ${ROLE}; GRANT SELECT, INSERT, DELETE ON events TO ${ROLE}`);
    await client.query(`GRANT SELECT, UPDATE ON SEQUENCE feed_positions TO ${ROLE}`);
    const old = ['2020-01-01T00:00:00Z', '2026-11-01T00:00:00Z', new Date().toISOString()];
    for (const [number, time] of old.entries()) await client.query(WRITE, [`evt_${number}`, time]);
    const fileOf = async (table: string) =>
      (await client.query('SELECT pg_relation_filenode($1) AS file', [table])).rows[0].file;
    const file = await fileOf('events');
    // Planned while it is one table.
    const count = { name: 'count', text: 'SELECT count(*)::int AS count FROM events' };
    await client.query(count);
    await former.upgrade();

    expect(await fileOf('events_former')).toBe(file);
    expect((await client.query(count)).rows).toEqual([{ count: 3 }]);
    await client.query(`SET ROLE ${ROLE}`);
    await client.query(WRITE, ['evt_now', new Date()]);
    await client.query(WRITE, ['evt_later', new Date(Date.now() + 30 * DAY_MS)]);
    await client.query(`DELETE FROM events WHERE id = 'evt_0'`);
    await client.query('RESET ROLE');
    expect(await held(client, 'events')).toEqual({ events_former: 3, events_rest: 1 });
    const { rows } = await client.query(
      `SELECT id, position IS NOT NULL AS placed FROM events ORDER BY id`,
    );
    expect(rows.map(({ id }) => id)).toEqual(['evt_1', 'evt_2', 'evt_later', 'evt_now']);
    expect(rows.every(({ placed }) => placed)).toBe(true);

    const { rows: indexes } = await client.query(
      `SELECT c.relname AS name, c.relispartition AS attached, i.indisvalid AS valid
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE i.indrelid = 'events_former'::regclass ORDER BY 1`,
    );
    const whole = { attached: true, valid: true };
    expect(indexes).toEqual([
      { name: 'events_former_created_at_idx', ...whole },
      { name: 'events_former_pkey', ...whole },
      { name: 'events_former_team_id_account_id_place_id_idx', ...whole },
      { name: 'events_former_team_id_place_id_idx', ...whole },
      { name: 'events_former_team_id_transaction_id_id_idx', ...whole },
    ]);
  });
});

describe('keepPartitions', () => {
  const WEEKS = { table: 'events', unit: 'week', ahead: 2, retentionMs: 90 * DAY_MS } as const;
  let testDatabase: Awaited<ReturnType<typeof createTestDatabase>>;
  let database: ReturnType<typeof openDatabase>;
  let owner: pg.Client;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    // As a role that owns no table.
    database = openDatabase({ connection: testDatabase.gateway, poolSize: 4 });
    owner = await open(testDatabase.connection);
  });
  afterAll(async () => {
    await owner.end();
    await database.close();
    await testDatabase.drop();
  });
  const keep = (now: Date) => keepPartitions(database.pool, WEEKS, now);

  test('makes weeks ahead, takes in what waited for them, and drops what is past its retention', async () => {
    await database.pool.query(WRITE, ['evt_0', NOW]);
    await database.pool.query(WRITE, ['evt_1', new Date(NOW.getTime() + 20 * DAY_MS)]);
    // Two replicas at once, and each again.
    for (let round = 0; round < 2; round++) await Promise.all([keep(NOW), keep(NOW)]);
    expect(await held(owner, 'events')).toMatchObject({
      ...{ events_rest: 1, events_20270308: 1, events_20270315: 0, events_20270322: 0 },
    });
    await keep(new Date(NOW.getTime() + 7 * DAY_MS));
    expect(await held(owner, 'events')).toMatchObject({ events_rest: 0, events_20270329: 1 });

    const weeks = async (days: number) => {
      await keep(new Date(NOW.getTime() + days * DAY_MS));
      const names = Object.keys(await held(owner, 'events'));
      return names.filter((name) => name > 'events_2027' && name < 'events_20270401').sort();
    };
    // The week of the first ends on the fifth day after it.
    expect(await weeks(94)).toEqual([
      ...['events_20270308', 'events_20270315', 'events_20270322', 'events_20270329'],
    ]);
    expect(await weeks(95)).toEqual(['events_20270315', 'events_20270322', 'events_20270329']);
    const { rows } = await database.pool.query('SELECT id FROM events');
    expect(rows).toEqual([{ id: 'evt_1' }]);
  });

  test('leaves to the next run what someone is reading', async () => {
    const later = new Date(NOW.getTime() + 400 * DAY_MS);
    await owner.query('BEGIN');
    await owner.query('SELECT FROM events');
    await keep(later);
    expect(Object.keys(await held(owner, 'events'))).toContain('events_20270329');
    await owner.query('COMMIT');
    await keep(later);
    expect(Object.keys(await held(owner, 'events'))).not.toContain('events_20270329');
    expect(Object.keys(await held(owner, 'events'))).toContain('events_20280410');
  });

  test('does for a role what its rights on the table allow', async () => {
    const role = `reader_${process.pid}`;
    const password = 'reader';
    await owner.query(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
    await owner.query(`GRANT SELECT ON events TO ${role}`);
    const reader = await open({ ...testDatabase.connection, user: role, password });
    await expect(
      reader.query(`SELECT make_time_partitions('events', 'week', now(), 1)`),
    ).rejects.toThrow('permission denied for table events');
    await expect(reader.query(`SELECT drop_time_partitions('events', now())`)).rejects.toThrow(
      'permission denied for table events',
    );
    await expect(reader.query(`SELECT drop_time_partitions('teams', now())`)).rejects.toThrow(
      'teams is not a partitioned table',
    );
    await reader.end();
    await owner.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

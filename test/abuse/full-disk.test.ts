import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';

let gateway: Gateway;
let clients: readonly Client[];
beforeAll(async () => {
  gateway = await startGateway();
  const teams = [await gateway.newTeam('first'), await gateway.newTeam('second')];
  for (const { id } of teams) await gateway.connect('outfame', id);
  clients = teams.map(({ client }) => client);
});
afterAll(() => gateway.stop());

/** What PostgreSQL answers to a write that needs space: as for a full disk, whoever writes. */
async function fillDisk(): Promise<void> {
  await gateway.asOwner(`
    CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'could not extend file "base/1/2": No space left on device'
        USING ERRCODE = 'disk_full', HINT = 'Check free disk space.'; END $$;
    CREATE FUNCTION no_space_for_tables() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'could not create file "base/1/3": No space left on device'
        USING ERRCODE = 'disk_full'; END $$;
    CREATE EVENT TRIGGER no_space ON ddl_command_start WHEN TAG IN ('CREATE TABLE AS')
      EXECUTE FUNCTION no_space_for_tables()`);
  const { rows } = await gateway.database.pool.query<{ name: string }>(
    `SELECT quote_ident(relname) AS name FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  const triggers = rows.map(
    ({ name }) =>
      `CREATE TRIGGER a_no_space BEFORE INSERT OR UPDATE ON ${name} EXECUTE FUNCTION no_space()`,
  );
  await gateway.asOwner(triggers.join(';'));
}
const makeSpace = () =>
  gateway.asOwner(`
    DROP EVENT TRIGGER no_space;
    DROP FUNCTION no_space, no_space_for_tables CASCADE`);

test('a full disk is 503 for every write, is told by readiness, and keeps nobody from reading', async () => {
  const [first, second] = clients as [Client, Client];
  const nobody = gateway.with(undefined);
  const { id, labels } = (await first.get('/v1/accounts?limit=1')).body.data[0];
  expect((await nobody.get('/readyz')).body).toEqual({ status: 'pass' });

  await fillDisk();
  const writes = [
    await first.patch(`/v1/accounts/${id}`, { labels: { a: 'b' } }),
    await first.patch(`/v1/accounts/${id}`, { labels: { a: 'b' } }, { 'If-Match': '*' }),
    await first.post(`/v1/accounts/${id}/probe`),
    await second.post('/v1/keys', { name: 'one more', scopes: ['read'] }),
    await second.post(
      '/v1/webhooks',
      { url: 'https://93.184.215.14/' },
      { 'Idempotency-Key': 'a' },
    ),
    await second.delete('/v1/accounts/acc_7Gx2kLm9Qr'),
    await second.post('/v1/disconnects', {
      account_ids: ['outfame:acc_7Gx2kLm9Qr'],
      dry_run: true,
    }),
    await gateway.root.post('/v1/teams', { name: 'third' }),
  ];
  expect(writes.map(({ status, body }) => [status, body.code])).toEqual(
    writes.map(() => [503, 'service_unavailable']),
  );
  for (const { headers, text } of writes) {
    expect(headers.get('retry-after')).toBe('30');
    expect(text).not.toMatch(/base\/1|extend file|53100/);
  }
  expect((await first.get(`/v1/accounts/${id}`)).body.data.labels).toEqual(labels);
  expect((await second.get('/v1/accounts')).status).toBe(200);
  expect(await nobody.get('/readyz')).toMatchObject({
    status: 503,
    body: { status: 'fail', output: 'disk: the database has no space left to write' },
  });
  expect((await nobody.get('/health')).body.checks).toMatchObject({
    disk: [{ status: 'fail' }],
    database: [{ status: 'pass' }],
  });
  expect((await nobody.get('/livez')).status).toBe(200);

  await makeSpace();
  expect((await nobody.get('/readyz')).body).toEqual({ status: 'pass' });
  expect((await first.patch(`/v1/accounts/${id}`, { labels: { a: 'b' } })).status).toBe(200);
  const again = await second.post(
    '/v1/webhooks',
    { url: 'https://93.184.215.14/' },
    { 'Idempotency-Key': 'a' },
  );
  expect(again.status).toBe(201);
});

test('that a recurring job found the disk full is told too', async () => {
  const nobody = gateway.with(undefined);
  await fillDisk();
  expect(await gateway.app.recurringJobs.runAll()).not.toEqual([]);
  expect((await nobody.get('/readyz')).status).toBe(503);
  await makeSpace();
  expect(await gateway.app.recurringJobs.runAll()).toEqual([]);
  expect((await nobody.get('/readyz')).status).toBe(200);
});

import pg from 'pg';
import { type GatewayProcess, run, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '../support/jest.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';

let postgres: TcpPostgres;
/** The owner of the server and of the database's tables. */
let owner: pg.Client;
/** DATABASE_URL of a user who owns nothing. */
let url: string;
const running: GatewayProcess[] = [];
beforeAll(async () => {
  postgres = await startTcpPostgres();
  owner = new pg.Client(postgres.url);
  await owner.connect();
  await owner.query(`CREATE ROLE "the gateway's" LOGIN PASSWORD 'own'`);
  const address = new URL(postgres.url);
  address.username = encodeURIComponent("the gateway's");
  address.password = 'own';
  url = address.href;
});
afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.end('SIGTERM');
});
afterAll(async () => {
  await owner?.end();
  await postgres?.stop();
});

async function start(variables: Record<string, string>): Promise<GatewayProcess> {
  const settings = { ROLLCALL_SECRET: SECRET, LOG_LEVEL: 'warn', SANDBOX: 'false' };
  const gateway = await startProcess({ ...settings, ...variables });
  running.push(gateway);
  return gateway;
}

async function end(gateway: GatewayProcess): Promise<string> {
  running.splice(running.indexOf(gateway), 1);
  return (await gateway.end('SIGTERM')).errors;
}

async function rightsOn(table: string): Promise<string[]> {
  const { rows } = await owner.query<{ rights: string[] }>(
    `SELECT ARRAY(SELECT r FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) r
       WHERE has_table_privilege('the gateway''s', $1, r)) AS rights`,
    [table],
  );
  return rows[0]?.rights ?? [];
}

describe('the database user of the gateway', () => {
  test('cannot migrate when it owns nothing, and is told what to set', async () => {
    const { code, errors } = await run({ DATABASE_URL: url, ROLLCALL_SECRET: SECRET }).ended();
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^The database could not be migrated: [^\n]+ROLLCALL_MIGRATE_URL[^\n]+\n$/,
    );
    expect(errors).not.toContain('own@');
  });

  test('may be the owner of the tables, which is said once', async () => {
    const gateway = await start({ DATABASE_URL: postgres.url });
    expect((await gateway.root.post('/v1/keys', { name: 'a', scopes: ['read'] })).status).toBe(201);
    const said = await end(gateway);
    expect(said.match(/could change the audit log/g)).toHaveLength(1);
  });

  test('gets what it needs of the tables that ROLLCALL_MIGRATE_URL owns, and no more', async () => {
    const variables = { DATABASE_URL: url, ROLLCALL_MIGRATE_URL: postgres.url };
    const gateway = await start(variables);
    expect((await gateway.root.post('/v1/keys', { name: 'b', scopes: ['read'] })).status).toBe(201);
    expect((await gateway.root.get('/v1/audit')).body.data).not.toHaveLength(0);
    expect((await gateway.root.get('/readyz')).status).toBe(200);
    expect(await end(gateway)).toBe('');
    expect(await rightsOn('audit_events')).toStrictEqual(['SELECT', 'INSERT']);
    expect(await rightsOn('audit_chain')).toStrictEqual(['SELECT', 'INSERT']);
    expect(await rightsOn('_prisma_migrations')).toStrictEqual(['SELECT']);
    expect(await rightsOn('accounts')).toStrictEqual(['SELECT', 'INSERT', 'UPDATE', 'DELETE']);
  });

  test('loses what it should not have, and gets what is new, at the next start', async () => {
    await owner.query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO "the gateway's";
      REVOKE INSERT ON webhooks FROM "the gateway's"`);
    const variables = { DATABASE_URL: url, ROLLCALL_MIGRATE_URL: postgres.url };
    expect(await end(await start(variables))).toBe('');
    expect(await rightsOn('audit_events')).toStrictEqual(['SELECT', 'INSERT']);
    expect(await rightsOn('webhooks')).toStrictEqual(['SELECT', 'INSERT', 'UPDATE', 'DELETE']);
    // What everybody may do cannot be taken from one: it is said.
    await owner.query('GRANT DELETE ON audit_events TO PUBLIC');
    expect(await end(await start(variables))).toContain('could change the audit log');
    await owner.query('REVOKE DELETE ON audit_events FROM PUBLIC');
  });

  test.each([
    ['another database', { ROLLCALL_MIGRATE_URL: 'another' }, /leads to another database/],
    ['no DATABASE_URL', { DATABASE_URL: '' }, /needs DATABASE_URL, which is not set/],
  ])('is refused with %s', async (_what, changed, reason) => {
    if ('ROLLCALL_MIGRATE_URL' in changed) await owner.query('CREATE DATABASE another');
    const variables = {
      DATABASE_URL: url.replace(/\/postgres$/, '/template1'),
      ROLLCALL_MIGRATE_URL: postgres.url.replace(/\/postgres$/, '/another'),
      ROLLCALL_SECRET: SECRET,
    };
    const { code, errors } = await run({
      ...variables,
      ...('DATABASE_URL' in changed && changed),
    }).ended();
    expect(code).toBe(1);
    expect(errors).toMatch(/^ROLLCALL_MIGRATE_URL: [^\n]+\n$/);
    expect(errors).toMatch(reason);
  });
});

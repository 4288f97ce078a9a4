import pg from 'pg';
import { checkConnection } from '../../src/database/index.js';
import { run, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait.js';

const QUIET = { ROLLCALL_SECRET: SECRET, SANDBOX: 'false' };

let postgres: TcpPostgres;
let owner: pg.Client;
beforeAll(async () => {
  postgres = await startTcpPostgres();
  owner = new pg.Client(postgres.url);
  await owner.connect();
  await owner.query(`CREATE SCHEMA other; CREATE ROLE plain LOGIN PASSWORD 'hunter2';
    CREATE ROLE elsewhere LOGIN PASSWORD 'hunter2'; GRANT USAGE ON SCHEMA other TO elsewhere;
    ALTER ROLE elsewhere SET search_path = other;
    CREATE ROLE nowhere LOGIN PASSWORD 'hunter2'; ALTER ROLE nowhere SET search_path = absent`);
});
afterAll(async () => {
  await owner?.end();
  await postgres?.stop();
});

/** The address for another user. */
function as(user: string): string {
  const address = new URL(postgres.url);
  address.username = user;
  address.password = 'hunter2';
  return address.href;
}

async function refusal(url: string, more: Record<string, string> = {}): Promise<string> {
  const { code, errors } = await run({
    DATABASE_URL: url,
    ROLLCALL_SECRET: SECRET,
    ...more,
  }).ended();
  expect(code).toBe(1);
  expect(errors).toMatch(/^[^\n]+\n$/);
  expect(errors).not.toMatch(/hunter2|correct|\bat .*:\d+:\d+/);
  return errors.trim();
}

describe('a start with a database that cannot be used says so in one line, with what to do', () => {
  test.each([
    ['in the words of Prisma', () => `${postgres.url}?schema=other`],
    ['as an option of the session', () => `${postgres.url}?options=-c%20search_path%3Dother`],
    ['as a setting of the user', () => as('elsewhere')],
  ])('another schema than public, %s', async (_how, url) => {
    expect(await refusal(url())).toMatch(
      /^DATABASE_URL: it leads to the schema other, and Rollcall keeps its tables in public\. Leave out schema and search_path/,
    );
  });

  test('no schema at all', async () => {
    expect(await refusal(as('nowhere'))).toMatch(
      /^DATABASE_URL: the user may not use.*search_path/,
    );
  });

  test('a certificate file that is not there, and a server without TLS', async () => {
    expect(await refusal(`${postgres.url}?sslmode=verify-full&sslrootcert=/absent/ca.pem`)).toBe(
      'DATABASE_URL: the file /absent/ca.pem that it names for TLS cannot be read (ENOENT).',
    );
    expect(await refusal(`${postgres.url}?sslmode=verify-full`)).toMatch(
      /^DATABASE_URL: cannot use .*does not support SSL connections/,
    );
  });

  test('a user who may not migrate, and one who lacks rights on what is migrated', async () => {
    expect(await refusal(as('plain'))).toMatch(/Set ROLLCALL_MIGRATE_URL to a user who owns/);
    const gateway = await startProcess({ DATABASE_URL: `${postgres.url}?schema=public`, ...QUIET });
    await gateway.end('SIGTERM');
    const lacking = await refusal(as('plain'), { MIGRATE_ON_START: 'false' });
    expect(lacking).toMatch(/ROLLCALL_MIGRATE_URL to (a|the) user who owns the tables/);
    await owner.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain');
    expect(await refusal(as('plain'))).toMatch(/^DATABASE_URL: its user lacks a right \(/);
  });

  test('a certificate of a private authority, and it starts once that is named', async () => {
    const make = `cat > /dev/null; openssl req -x509 -nodes -newkey rsa:2048 -days 2 -subj /CN=rollcall
      -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out server.crt 2> /dev/null && chmod 600 server.key`;
    await owner.query(`COPY (SELECT 1) TO PROGRAM '${make.replace(/\s+/g, ' ')}'`);
    await owner.query('ALTER SYSTEM SET ssl = on');
    await owner.query('SELECT pg_reload_conf()');
    const url = `${postgres.url}?sslmode=verify-full`;
    await waitFor('the server to offer TLS', () => refusal(url), {
      until: (line) => /self-signed: add sslrootcert=\/path\/to\/ca.pem/.test(line),
    });
    const { rows } = await owner.query('SHOW data_directory');
    const trusting = `${url}&sslrootcert=${rows[0].data_directory}/server.crt`;
    const gateway = await startProcess({ DATABASE_URL: trusting, ...QUIET });
    expect((await gateway.root.get('/readyz')).status).toBe(200);
    expect(await gateway.end('SIGTERM')).toMatchObject({ code: 0, errors: '' });
  });
});

test('one that does not answer is asked again, over another connection', async () => {
  const proxy = await startTcpProxy(postgres.port);
  try {
    const url = postgres.url.replace(`:${postgres.port}/`, `:${proxy.port}/`);
    proxy.stopForwarding();
    const isUsable = checkConnection({ connectionString: url });
    await waitFor('the first connection', () => proxy.accepted() > 0);
    proxy.forwardNew();
    await isUsable;
    expect(proxy.accepted()).toBe(2);
  } finally {
    await proxy.close();
  }
});

/** Runs `work` while the user `name`, who may have one connection, has none to spare. */
async function whileFull(
  name: string,
  work: (place: { url: string; proxy: TcpProxy; free: () => Promise<void> }) => Promise<void>,
): Promise<void> {
  await owner.query(`CREATE ROLE ${name} LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 1`);
  const former = new pg.Client(as(name));
  await former.connect();
  const proxy = await startTcpProxy(postgres.port);
  try {
    const url = as(name).replace(`:${postgres.port}/`, `:${proxy.port}/`);
    await work({ url, proxy, free: () => former.end() });
  } finally {
    await former.end();
    await proxy.close();
  }
}

test('one that has no connection to spare is asked again', () =>
  whileFull('alone', async ({ url, proxy, free }) => {
    const isUsable = checkConnection({ connectionString: url });
    await waitFor('the second connection', () => proxy.accepted() > 1);
    await free();
    await isUsable;
  }));

test('a start that waits for one ends when it is told to', () =>
  whileFull('taken', async ({ url, proxy }) => {
    const { child, ended } = run({ DATABASE_URL: url, ...QUIET });
    await waitFor('the second connection', () => proxy.accepted() > 1);
    child.kill('SIGTERM');
    expect(await ended()).toMatchObject({ code: 0, errors: '' });
    expect(proxy.accepted()).toBeLessThan(10);
  }));

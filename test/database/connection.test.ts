import { readConfig } from '../../src/config.js';
import { checkConnection, migrate, openDatabase } from '../../src/database/index.js';
import { migrationsFolder } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, it } from '../support/jest.js';
import { findFreePort, startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { MAX_WAIT_MS } from '../support/wait.js';

let postgres: TcpPostgres;
beforeAll(async () => {
  postgres = await startTcpPostgres();
});
afterAll(() => postgres.stop());

/** What the operator would read. */
async function refusal(connectionString: string): Promise<string> {
  const error: unknown = await checkConnection({ connectionString }).then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  return String(error);
}

describe('DATABASE_URL', () => {
  it('serves Prisma and SQL by hand on a server of another time zone', async () => {
    const connection = { connectionString: postgres.url };
    await checkConnection(connection);
    expect(await migrate(connection, migrationsFolder)).not.toEqual([]);
    const database = openDatabase({ connection, poolSize: 2 });
    const createdAt = new Date('2026-02-09T11:45:22.125Z');
    await database.prisma.team.create({ data: { id: 'team_test', name: 'Tést', createdAt } });
    const { rows } = await database.pool.query(
      `SELECT to_json(created_at) AS json, created_at, 9007199254740993 AS big, '{"a":[1]}'::jsonb AS document FROM teams`,
    );
    const [team] = await database.prisma.team.findMany();
    await database.close();
    expect(rows).toEqual([
      {
        json: '2026-02-09T11:45:22.125+00:00',
        created_at: createdAt,
        big: '9007199254740993',
        document: { a: [1] },
      },
    ]);
    expect(team).toMatchObject({ name: 'Tést', createdAt });
  });

  it('is named in one line, without the password, when it does not work', async () => {
    const { url, port, password } = postgres;
    const closed = await findFreePort();
    const refusals = {
      password: await refusal(url.replace(encodeURIComponent(password), 'secret')),
      database: await refusal(url.replace('/postgres', '/absent')),
      port: await refusal(url.replace(`${port}`, `${closed}`)),
      host: await refusal(url.replace('127.0.0.1', 'absent.invalid')),
      address: await refusal('postgresql://gateway:secret@[nonsense/postgres'),
      encryption: await refusal(`${url}?sslmode=verify-full`),
    };
    const place = `StartError: DATABASE_URL: cannot use the PostgreSQL at 127.0.0.1`;
    expect(refusals).toEqual({
      password: `${place}:${port}: the user name or password is wrong.`,
      database: `${place}:${port}: the database does not exist.`,
      port: `${place}:${closed}: nothing listens there.`,
      host: expect.stringMatching(
        /^StartError: DATABASE_URL: cannot use the PostgreSQL at absent\.invalid:\d+: the host name .+\.$/,
      ),
      address:
        'StartError: DATABASE_URL is not a PostgreSQL address such as postgresql://user:password@host:5432/database.',
      encryption: `${place}:${port}: The server does not support SSL connections.`,
    });
    for (const line of Object.values(refusals)) expect(line).not.toMatch(/secret|\n|correct/);
  });
});

describe('a role that may have few sessions', () => {
  const MOST = 6;
  let url: string;
  beforeAll(async () => {
    url = postgres.url.replace('gateway:', 'limited:');
    const database = openDatabase({ connection: { connectionString: postgres.url }, poolSize: 1 });
    await database.pool.query(
      `CREATE ROLE limited LOGIN PASSWORD '${postgres.password}' CONNECTION LIMIT ${MOST}`,
    );
    await database.pool.query('GRANT SELECT, INSERT ON teams TO limited');
    await database.close();
  });

  it('has queries and transactions wait for the sessions that there are, and stays ready', async () => {
    const connection = { connectionString: url };
    const databases = [1, 2].map(() =>
      openDatabase({ connection, poolSize: 20, waitMs: MAX_WAIT_MS }),
    );
    // One that has none at all would have to wait until the other one needs its own no longer.
    for (const { pool } of databases) await pool.query('SELECT 1');
    const asked = databases.flatMap(({ pool, prisma, transaction }, copy) =>
      Array.from({ length: 60 }, async (_, number) => {
        if (number % 3 === 0) return pool.query('SELECT pg_sleep(0.02)');
        if (number % 3 === 1) return prisma.team.findMany();
        return transaction(async ({ prisma, client }) => {
          const id = `team_${copy}_${number}`;
          await prisma.team.create({ data: { id, name: id, createdAt: new Date() } });
          const { rows } = await client.query('SELECT id FROM teams WHERE id = $1', [id]);
          expect(rows).toEqual([{ id }]);
        });
      }),
    );
    const ready = databases.map(({ reachability }) => reachability.isReachable());
    await Promise.all(asked);
    expect(await Promise.all(ready)).toEqual([true, true]);
    expect(databases.reduce((sum, { pool }) => sum + pool.totalCount, 0)).toBeLessThanOrEqual(MOST);
    await Promise.all(databases.map(({ close }) => close()));
  });
});

describe('the size of the pool', () => {
  const secret = Buffer.alloc(32, 1).toString('base64');
  const sizeOf = (query: string, given: Record<string, string> = {}) =>
    readConfig(
      { DATABASE_URL: `postgresql://u:p@h/d${query}`, ROLLCALL_SECRET: secret, ...given },
      [],
    ).databasePoolSize;

  it('is told by DATABASE_POOL_SIZE, or else by the address, or else twenty', () => {
    expect(sizeOf('')).toBe(20);
    expect(sizeOf('?connection_limit=7')).toBe(7);
    expect(sizeOf('?connection_limit=7', { DATABASE_POOL_SIZE: '9' })).toBe(9);
    expect(() => sizeOf('', { DATABASE_POOL_SIZE: '2' })).toThrow(/^DATABASE_POOL_SIZE: .*>=5$/);
    expect(() => sizeOf('?connection_limit=two')).toThrow(/^DATABASE_URL: connection_limit: /);
  });
});

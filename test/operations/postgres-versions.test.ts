import { describeWith } from '../support/describe-with.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type GatewayProcess, run, SECRET, startProcess } from '../support/gateway-process.js';
import { describe, expect, test } from '../support/jest.js';
import { pagesOf } from '../support/pages.js';
import { postgresFolders } from '../support/system-programs.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

/** What a cluster may be made with. */
const TEXTS = [
  ['UTF-8 and the locale C', ['-E', 'UTF8', '--locale', 'C']],
  [
    'UTF-8 and a locale of ICU',
    ['-E', 'UTF8', '--locale', 'C', '--locale-provider', 'icu', '--icu-locale', 'sv'],
  ],
] as const;

describeWith(['postgres'], 'the PostgreSQL of the system', () => {
  describe.each(postgresFolders())('%s', (programs) => {
    test.each(TEXTS)(
      'made with %s holds, finds, orders and disconnects accounts',
      async (_, text) => {
        const folder = await makeFolder();
        const postgres = await startTcpPostgres({ programs, text });
        const started: GatewayProcess[] = [];
        try {
          const gateway = await start(postgres, folder);
          started.push(gateway);
          await useIt(gateway);
        } finally {
          for (const gateway of started) await gateway.end('SIGINT');
          await postgres.stop();
          await removeFolder(folder);
        }
      },
    );

    test('made with SQL_ASCII is refused before anything is written', async () => {
      const text = ['-E', 'SQL_ASCII', '--locale', 'C'];
      const postgres = await startTcpPostgres({ programs, text });
      try {
        const { errors, code } = await run({
          DATABASE_URL: postgres.url,
          ROLLCALL_SECRET: SECRET,
        }).ended();
        expect([code, errors]).toEqual([
          1,
          `DATABASE_URL: the database at 127.0.0.1:${postgres.port} is in SQL_ASCII, and Rollcall needs UTF8.\n`,
        ]);
      } finally {
        await postgres.stop();
      }
    });
  });
});

const start = (postgres: TcpPostgres, folder: string) =>
  startProcess({
    DATABASE_URL: postgres.url,
    DATA_DIR: folder,
    ROLLCALL_SECRET: SECRET,
    SANDBOX: 'true',
  });

async function useIt({ root }: GatewayProcess): Promise<void> {
  const list = async (query: string) => (await root.get(`/v1/accounts?${query}`)).body.data;
  const byName = 'order_by=username&order_direction=asc';
  const whole = (await list(`limit=200&${byName}`)).map(idOf);
  expect(whole.length).toBeGreaterThan(20);
  const paged: string[] = [];
  for await (const { data } of pagesOf(root, `/v1/accounts?limit=7&${byName}`))
    paged.push(...data.map(idOf));
  expect(paged).toEqual(whole);

  const [first] = await list('status=active&provider=outfame&limit=1');
  expect(await list(`q=${encodeURIComponent(first.username)}`)).toContainEqual(
    expect.objectContaining({ id: first.id }),
  );
  const { status, body } = await root.patch(`/v1/accounts/${first.id}`, {
    labels: { team: 'Zürich 東京 🙂' },
  });
  expect([status, body.data.labels]).toEqual([200, { team: 'Zürich 東京 🙂' }]);
  expect(await list(`label[team]=${encodeURIComponent('Zürich 東京 🙂')}`)).toHaveLength(1);

  await root.delete(`/v1/accounts/${first.id}`);
  await waitFor('the account to be disconnected', async () => {
    const { data } = (await root.get(`/v1/accounts/${first.id}`)).body;
    return data.status === 'disconnected';
  });
  await waitFor('the feed to tell of it', async () => {
    const { data } = (await root.get('/v1/events?type=account.disconnected')).body;
    return data.length === 1;
  });
}

const idOf = ({ id }: { readonly id: string }) => id;

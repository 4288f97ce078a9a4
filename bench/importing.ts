import { startSandbox } from '../sandbox/index.js';
import { type Database, openDatabase, startEmbedded } from '../src/database/index.js';
import { newId } from '../src/lib/ids.js';
import { waitFor } from '../test/support/wait.js';
import { report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const ACCOUNTS = 100_000;
const UPSERTS = 2_000;
/** Milliseconds of one sweep of all. */
const MAX_SWEEP_MS = 600_000;
const PROVIDERS = ['outfame', 'creatoraudit'] as const;

/**
 * First import and unchanged re-sweep of 100,000 sandbox accounts, beside Prisma upserts one by one
 * on the same database.
 * @param dataDir is left filled, for benches that read
 */
export async function importing(dataDir: string, port: number): Promise<void> {
  const sandbox = await startSandbox({ port: 0, accounts: ACCOUNTS });
  const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
  const gateway = await startGatewayProcess(port, { DATA_DIR: dataDir, SANDBOX: 'false' });
  const database = openDatabase({ connection: embedded.connection, poolSize: 2 });
  try {
    const idle = await gateway.memory();
    const connections: string[] = [];
    for (const provider of PROVIDERS) {
      const request = {
        provider,
        credentials: { api_key: sandbox.apiKey(provider) },
        base_url: sandbox.baseUrl(provider),
      };
      connections.push((await gateway.post('/v1/connections', request)).body.data.id);
    }
    const first = await sweepsDone(gateway, connections, 1);
    for (const id of connections) await gateway.post(`/v1/connections/${id}/sweep`);
    const again = await sweepsDone(gateway, connections, 2);
    const { peak } = await gateway.memory();
    const upserts = await upsertOneByOne(database);

    report(
      'first import',
      first.seen / first.seconds,
      'rows/s',
      `${first.seen} accounts, ${first.added} added`,
    );
    report(
      'unchanged re-sweep',
      again.seen / again.seconds,
      'rows/s',
      `${again.added + again.changed} rows written`,
    );
    report('Prisma upserts one by one', upserts, 'rows/s');
    report('first import ÷ upserts', first.seen / first.seconds / upserts, '×');
    report('re-sweep ÷ upserts', again.seen / again.seconds / upserts, '×');
    report(
      'gateway memory over idle, at its peak',
      peak - idle.now,
      'MB',
      `idle ${Math.round(idle.now)} MB`,
    );
  } finally {
    await database.close();
    await gateway.stop();
    await embedded.stop();
    await sandbox.close();
  }
}

/**
 * Waits for the sweep number `count` of each connection; seconds from the first start to the last
 * end.
 */
async function sweepsDone(gateway: GatewayProcess, connections: readonly string[], count: number) {
  const sweeps: Record<string, string>[] = [];
  for (const id of connections) {
    const [last] = await waitFor(
      `sweep number ${count} of ${id} to finish`,
      async () => (await gateway.get(`/v1/connections/${id}/sweeps`)).body.data,
      {
        ms: MAX_SWEEP_MS,
        everyMs: 100,
        until: (done) => done.length >= count && done[0].finished_at !== null,
      },
    );
    sweeps.push(last);
  }
  const total = (field: string) => sweeps.reduce((sum, sweep) => sum + Number(sweep[field]), 0);
  const started = Math.min(...sweeps.map((sweep) => Date.parse(sweep.started_at ?? '')));
  const finished = Math.max(...sweeps.map((sweep) => Date.parse(sweep.finished_at ?? '')));
  return {
    seconds: (finished - started) / 1000,
    seen: total('seen'),
    added: total('added'),
    changed: total('changed'),
  };
}

/** What a gateway without bulk writes would do, on rows copied from the import. @returns rows/s */
async function upsertOneByOne({ prisma }: Database): Promise<number> {
  const rows = await prisma.account.findMany({ take: UPSERTS });
  const { lastError: _, ...copy } = await prisma.connection.findFirstOrThrow();
  const id = newId('conn');
  await prisma.connection.create({
    data: { ...copy, id, name: 'upserts', nextSweepAt: new Date('2100-01-01') },
  });
  const started = performance.now();
  for (const {
    permissions: _permissions,
    settings: _settings,
    providerGroup: _providerGroup,
    recommendations: _recommendations,
    labels: _labels,
    ...row
  } of rows) {
    const account = {
      ...row,
      id: newId('acct'),
      connectionId: id,
      remoteData: row.remoteData ?? {},
    };
    const where = {
      connectionId_providerAccountId: {
        connectionId: id,
        providerAccountId: row.providerAccountId,
      },
    };
    await prisma.account.upsert({ where, create: account, update: account });
  }
  const seconds = (performance.now() - started) / 1000;
  await prisma.connection.delete({ where: { id } });
  return rows.length / seconds;
}

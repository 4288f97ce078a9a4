import { startSandbox } from '../sandbox/index.js';
import {
  type Database,
  type DatabaseConnection,
  openDatabase,
  startEmbedded,
} from '../src/database/index.js';
import { newId } from '../src/lib/ids.js';
import { waitFor } from '../test/support/wait.js';
import { bulkRates } from './bulk-anchors.js';
import { report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const ACCOUNTS = Number(process.env.BENCH_ACCOUNTS ?? 100_000);
const UPSERTS = 2_000;
/** Milliseconds of one sweep of all: two for each account. */
const MAX_SWEEP_MS = Math.max(600_000, 2 * ACCOUNTS);
const PROVIDERS = ['outfame', 'creatoraudit'] as const;

/**
 * First import and unchanged re-sweep of 100,000 sandbox accounts, beside Prisma upserts one by one
 * on the same database, and beside bulk writes of the same rows.
 * @param dataDir is left filled, for benches that read
 */
export async function importing(dataDir: string, port: number): Promise<void> {
  const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
  try {
    const { first, again, upserts, memory } = await measure(embedded.connection, dataDir, port);
    const bulk = await bulkRates(embedded.connection);
    const rate = ({ seen, seconds }: Swept) => seen / seconds;

    report('first import', rate(first), 'rows/s', `${first.seen} accounts, ${first.added} added`);
    report('unchanged re-sweep', rate(again), 'rows/s', `${again.added + again.changed} written`);
    report('Prisma upserts one by one', upserts, 'rows/s');
    report(
      'bulk insert of the same rows',
      bulk.insert,
      'rows/s',
      'with events, samples and profiles',
    );
    report('COPY of the same rows', bulk.copy, 'rows/s', 'by the server, from files of its own');
    report('bulk no-op upsert', bulk.noOpUpsert, 'rows/s');
    report('first import ÷ upserts', rate(first) / upserts, '×');
    report('first import ÷ bulk insert', rate(first) / bulk.insert, '×');
    report('first import ÷ COPY', rate(first) / bulk.copy, '×');
    report('re-sweep ÷ upserts', rate(again) / upserts, '×');
    report('re-sweep ÷ no-op upsert', rate(again) / bulk.noOpUpsert, '×');
    report('event-loop delay of the first import, p99', first.delayMs, 'ms');
    report('event-loop delay of the re-sweep, p99', again.delayMs, 'ms');
    report(
      'gateway memory over idle, at its peak',
      memory.peak - memory.idle,
      'MB',
      `idle ${Math.round(memory.idle)} MB`,
    );
  } finally {
    await embedded.stop();
  }
}

async function measure(connection: DatabaseConnection, dataDir: string, port: number) {
  const sandbox = await startSandbox({ port: 0, accounts: ACCOUNTS });
  const gateway = await startGatewayProcess(port, { DATA_DIR: dataDir, SANDBOX: 'false' });
  const database = openDatabase({ connection, poolSize: 2 });
  try {
    const { now: idle } = await gateway.memory();
    await loopDelayMs(gateway);
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
    return { first, again, upserts: await upsertOneByOne(database), memory: { idle, peak } };
  } finally {
    await database.close();
    await gateway.stop();
    await sandbox.close();
  }
}

type Swept = Awaited<ReturnType<typeof sweepsDone>>;

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
    delayMs: await loopDelayMs(gateway),
  };
}

/**
 * The 99th percentile since the last call, as the gateway tells it in its metrics: those begin anew
 * with each.
 */
async function loopDelayMs({ url, key }: GatewayProcess): Promise<number> {
  const response = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${key}` } });
  const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(await response.text())?.[1];
  return Number(seconds) * 1000;
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

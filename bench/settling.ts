import { startSandbox } from '../sandbox/index.js';
import { type Database, openDatabase, startEmbedded } from '../src/database/index.js';
import { waitFor } from '../test/support/wait.js';
import { median, report, spread } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const ACCOUNTS = Number(process.env.BENCH_ACCOUNTS ?? 20_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const PROVIDERS = ['outfame', 'creatoraudit'] as const;
/** Milliseconds of one sweep of all. */
const MAX_SWEEP_MS = 600_000;

/**
 * What profiles cost a first import and an unchanged sweep: each round imports the same accounts
 * into two new teams, and sweeps them once more. For one of the two the triggers are off that note
 * what an import touches, so that nothing is decided; the indexes on what accounts share, and the
 * look for the likely profile as they are added, are there for both. By processor time, as other
 * load on the machine falls on either.
 */
export async function settling(dataDir: string, port: number): Promise<void> {
  const folder = `${dataDir}-settling`;
  const embedded = await startEmbedded({ dataDir: folder, onProgress: () => undefined });
  const sandbox = await startSandbox({ port: 0, accounts: ACCOUNTS });
  const gateway = await startGatewayProcess(port, { DATA_DIR: folder, SANDBOX: 'false' });
  const database = openDatabase({ connection: embedded.connection, poolSize: 1 });
  const sources = PROVIDERS.map((provider) => ({
    provider,
    credentials: { api_key: sandbox.apiKey(provider) },
    base_url: sandbox.baseUrl(provider),
  }));
  const measured = async (withProfiles: boolean): Promise<Spent> => {
    await decide(database, withProfiles);
    return spentOn(gateway, database, sources);
  };
  try {
    // The first warms up.
    await measured(true);
    const rounds: { readonly on: Spent; readonly off: Spent }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      // Each comes first in every other round.
      const first = await measured(round % 2 === 0);
      const second = await measured(round % 2 !== 0);
      rounds.push(round % 2 === 0 ? { on: first, off: second } : { on: second, off: first });
    }
    for (const part of ['first import', 'unchanged sweep'] as const) {
      const ratios = rounds.map(({ on, off }) => on[part] / off[part]);
      for (const [which, name] of [
        ['on', 'with profiles'],
        ['off', 'without'],
      ] as const)
        report(
          `${part} ${name}`,
          median(rounds.map((one) => one[which][part])),
          'µs',
          'an account',
        );
      const note = `${ROUNDS} rounds in turn, ± ${Math.round(spread(ratios) / 2)} %`;
      report(`${part} with ÷ without profiles`, median(ratios), '×', note);
    }
  } finally {
    await database.close();
    await gateway.stop();
    await sandbox.close();
    await embedded.stop();
  }
}

/** Microseconds of processor time an account, PostgreSQL's included. */
interface Spent {
  readonly 'first import': number;
  readonly 'unchanged sweep': number;
}

async function spentOn(
  gateway: GatewayProcess,
  database: Database,
  sources: readonly object[],
): Promise<Spent> {
  const made = await gateway.post('/v1/teams', { name: 'settling' });
  const team = { 'Rollcall-Team': made.body.data.id as string };
  await untilIdle(database);
  const start = await gateway.cpuSeconds();
  const connections: string[] = [];
  for (const source of sources)
    connections.push((await gateway.post('/v1/connections', source, team)).body.data.id);
  const seen = await sweptOf(gateway, team, connections, 1);
  const imported = await gateway.cpuSeconds();
  await untilIdle(database);
  const again = await gateway.cpuSeconds();
  for (const id of connections) await gateway.post(`/v1/connections/${id}/sweep`, undefined, team);
  await sweptOf(gateway, team, connections, 2);
  const swept = await gateway.cpuSeconds();
  return {
    'first import': (1e6 * (imported - start)) / seen,
    'unchanged sweep': (1e6 * (swept - again)) / seen,
  };
}

/** Has writes of accounts note what profiles depend on, or not. */
async function decide({ pool }: Database, on: boolean): Promise<void> {
  for (const trigger of ['touch_inserted', 'touch_updated'])
    await pool.query(`ALTER TABLE accounts ${on ? 'ENABLE' : 'DISABLE'} TRIGGER ${trigger}`);
}

/** Waits for the last sweep of all to be the `count`th. @returns how many accounts it saw */
async function sweptOf(
  gateway: GatewayProcess,
  team: Record<string, string>,
  connections: readonly string[],
  count: number,
): Promise<number> {
  let seen = 0;
  for (const id of connections) {
    const [last] = await waitFor(
      `sweep number ${count} of ${id}`,
      async () => (await gateway.get(`/v1/connections/${id}/sweeps`, team)).body.data,
      {
        ms: MAX_SWEEP_MS,
        everyMs: 250,
        until: (done) => done.length >= count && done[0].finished_at !== null,
      },
    );
    seen += last.seen;
  }
  return seen;
}

/** Waits for what follows an import: findings are looked for, and the audit log is sealed. */
async function untilIdle({ pool }: Database): Promise<void> {
  await waitFor(
    'what follows an import',
    async () => {
      const { rows } = await pool.query<{ waits: boolean }>(
        `SELECT EXISTS (SELECT FROM finding_touches) OR EXISTS (SELECT FROM profile_touches)
           OR EXISTS (SELECT FROM audit_unsealed) AS waits`,
      );
      return rows[0]?.waits === false;
    },
    { ms: MAX_SWEEP_MS, everyMs: 500 },
  );
}

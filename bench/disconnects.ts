import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sandbox, startSandbox } from '../sandbox/index.js';
import { createRegistry } from '../src/providers/index.js';
import { waitFor } from '../test/support/wait.js';
import { askFor } from './closed-loop.js';
import { report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const PORT = 4960;
/** With the sandbox's own a little under 10,000, the most of one disconnect. */
const GENERATED = Number(process.env.BENCH_ACCOUNTS ?? 9_950);
const LATENCY_MS = 20;
const PROVIDERS = ['outfame', 'creatoraudit'] as const;
/** Seconds that bare loops are measured for. */
const BARE_SECONDS = 5;
/** Milliseconds of the first sweep, and of the disconnect. */
const MAX_RUN_MS = 1_800_000;

/**
 * One disconnect of 10,000 accounts at two providers that take 20 ms over each answer, beside what
 * their concurrency allows, and beside as many bare loops of calls: what a call takes beyond the 20
 * ms on this machine is no part of the gateway's.
 */
export async function disconnects(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  // Run by root, the embedded PostgreSQL has another user.
  await chmod(dataDir, 0o755);
  const sandbox = await startSandbox({ port: 0, accounts: GENERATED });
  const gateway = await startGatewayProcess(PORT, { DATA_DIR: dataDir, SANDBOX: 'false' });
  try {
    for (const provider of PROVIDERS) {
      const request = {
        provider,
        credentials: { api_key: sandbox.apiKey(provider) },
        base_url: sandbox.baseUrl(provider),
      };
      await swept(gateway, (await gateway.post('/v1/connections', request)).body.data.id);
      sandbox.provider(provider).changeSettings({ latency_ms: LATENCY_MS });
    }
    const bareMs = await Promise.all(
      PROVIDERS.map(async (provider) => {
        const { body } = await gateway.get(`/v1/accounts?provider=${provider}&limit=1`);
        return bareCallMs(sandbox, provider, body.data[0].provider_account_id);
      }),
    );
    const idle = await gateway.memory();
    const callsOf = (provider: ProviderId) => sandbox.provider(provider).counts().requests;
    const callsBefore = PROVIDERS.map(callsOf);
    const filter = { provider: PROVIDERS.join(',') };
    const { plan_hash, totals } = (await gateway.post('/v1/disconnects', { filter, dry_run: true }))
      .body.data;
    const started = Date.now();
    const { id } = (await gateway.post('/v1/disconnects', { filter, plan_hash })).body.data;
    const accepted = Date.now();
    const spentBefore = await spent(gateway);
    const { state, finished_at } = await finished(gateway, id);
    const spentAfter = await spent(gateway);
    // By its own account, as looking at it often would take part in what is measured.
    const seconds = (Date.parse(finished_at) - accepted) / 1000;
    const { peak } = await gateway.memory();

    const calls = PROVIDERS.map((provider, index) => callsOf(provider) - (callsBefore[index] ?? 0));
    const accountsPerSecond = (msOf: (index: number) => number) => {
      const seconds = PROVIDERS.map(
        (provider, index) => ((calls[index] ?? 0) * msOf(index)) / 1000 / concurrencyOf(provider),
      );
      return totals.total / Math.max(...seconds);
    };
    const most = accountsPerSecond(() => LATENCY_MS);
    const bare = accountsPerSecond((index) => bareMs[index] ?? LATENCY_MS);
    const callsOfOne = calls.reduce((sum, count) => sum + count, 0) / totals.total;
    const rate = totals.total / seconds;
    report('acceptance in one transaction', accepted - started, 'ms', `${totals.total} accounts`);
    report(
      'accounts disconnected and verified',
      rate,
      'a second',
      `${state} in ${seconds.toFixed(1)} s from the acceptance on`,
    );
    report(
      "what the providers' concurrency allows",
      most,
      'a second',
      `${callsOfOne.toFixed(2)} calls of ${LATENCY_MS} ms an account`,
    );
    report('of it', (100 * rate) / most, '%');
    report(
      'what bare loops of such calls reach',
      bare,
      'a second',
      `${bareMs.map((ms) => ms.toFixed(1)).join(' and ')} ms a call`,
    );
    report('of it', (100 * rate) / bare, '%');
    const millis = (of: keyof Spent) => (1000 * (spentAfter[of] - spentBefore[of])) / totals.total;
    report('processor time of an account', millis('gateway'), 'ms', 'with PostgreSQL');
    report('of the sandbox and the bench', millis('sandbox'), 'ms');
    report(
      'gateway memory over idle, at its peak',
      peak - idle.now,
      'MB',
      `idle ${Math.round(idle.now)} MB`,
    );
  } finally {
    await gateway.stop();
    await sandbox.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

type ProviderId = (typeof PROVIDERS)[number];

const concurrencyOf = (provider: ProviderId) =>
  createRegistry().require(provider).limits.concurrency;

/** Milliseconds of one call, by as many bare loops as the provider allows calls at once. */
async function bareCallMs(sandbox: Sandbox, provider: ProviderId, id: string): Promise<number> {
  const { origin, pathname } = new URL(sandbox.baseUrl(provider));
  const headers = { Authorization: `Bearer ${sandbox.apiKey(provider)}` };
  const pathOf = () => `${pathname}/accounts/${id}`;
  const loops = Array.from({ length: concurrencyOf(provider) }, () => ({ headers, pathOf }));
  const answered = await askFor(BARE_SECONDS, origin, loops);
  const perSecond = answered.reduce((sum, one) => sum + one.perSecond, 0);
  return (1000 * loops.length) / perSecond;
}

async function swept(gateway: GatewayProcess, connectionId: string): Promise<void> {
  await waitFor(
    'the first sweep to finish',
    async () => (await gateway.get(`/v1/connections/${connectionId}`)).body.data.swept_at,
    { ms: MAX_RUN_MS, everyMs: 100 },
  );
}

async function finished(
  gateway: GatewayProcess,
  id: string,
): Promise<{ readonly state: string; readonly finished_at: string }> {
  return waitFor(
    'the disconnect to finish',
    async () => (await gateway.get(`/v1/disconnects/${id}`)).body.data,
    { ms: MAX_RUN_MS, everyMs: 1_000, until: ({ finished_at }) => finished_at !== null },
  );
}

/** Seconds of processor time so far. */
interface Spent {
  readonly gateway: number;
  /** This process, in which the sandbox runs. */
  readonly sandbox: number;
}

async function spent(gateway: GatewayProcess): Promise<Spent> {
  const { user, system } = process.cpuUsage();
  return { gateway: await gateway.cpuSeconds(), sandbox: (user + system) / 1e6 };
}

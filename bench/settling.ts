import { startSandbox } from '../sandbox/index.js';
import { type Database, openDatabase, startEmbedded } from '../src/database/index.js';
import { waitFor } from '../test/support/wait.js';
import { median, report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const ACCOUNTS = Number(process.env.BENCH_ACCOUNTS ?? 20_000);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** Pairs of unchanged sweeps in each round. */
const PAIRS = Number(process.env.BENCH_PAIRS ?? 10);
const PROVIDERS = ['outfame', 'creatoraudit'] as const;
/** Milliseconds of one sweep of all. */
const MAX_SWEEP_MS = 600_000;

/**
 * What profiles cost a first import and an unchanged sweep: each round imports the same accounts
 * into two new teams, and sweeps them in turn. For one of the two the triggers are off that note
 * what an import touches, so that nothing is decided; the indexes on what accounts share, and the
 * look for the likely profile as they are added, are there for both. By processor time, as other
 * load on the machine falls on either.
 */
export async function settling(dataDir: string, port: number): Promise<void> {
  const folder = `${dataDir}-settling`;
  const sandbox = await startSandbox({ port: 0, accounts: ACCOUNTS });
  // It is the gateway that starts the database, whose processor time is told with its own.
  const gateway = await startGatewayProcess(port, { DATA_DIR: folder, SANDBOX: 'false' });
  const embedded = await startEmbedded({ dataDir: folder, onProgress: () => undefined });
  const database = openDatabase({ connection: embedded.connection, poolSize: 1 });
  const bench = new Bench(
    gateway,
    database,
    PROVIDERS.map((provider) => ({
      provider,
      credentials: { api_key: sandbox.apiKey(provider) },
      base_url: sandbox.baseUrl(provider),
    })),
  );
  try {
    // The first warms up.
    await bench.round(0, 1);
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await bench.round(round, PAIRS));
    tell(
      'first import',
      rounds.map((round) => round.imports),
    );
    tell(
      'import and findings after it',
      rounds.map((round) => round.withFindings),
    );
    tell(
      'unchanged sweep',
      rounds.flatMap((round) => round.sweeps),
    );
  } finally {
    await database.close();
    await embedded.stop();
    await gateway.stop();
    await sandbox.close();
  }
}

/** The same with and without profiles, in microseconds of processor time an account. */
interface Pair {
  readonly on: number;
  readonly off: number;
}

interface Round {
  readonly imports: Pair;
  readonly withFindings: Pair;
  readonly sweeps: readonly Pair[];
}

/** A team and its connections. */
interface Imported {
  readonly connections: readonly string[];
  readonly team: Record<string, string>;
  readonly imported: number;
  readonly withFindings: number;
}

const isFirst = (round: number) => round % 2 === 0;

function tell(what: string, pairs: readonly Pair[]): void {
  const ratios = pairs.map(({ on, off }) => on / off).sort((one, other) => one - other);
  for (const [which, name] of [
    ['on', 'with profiles'],
    ['off', 'without'],
  ] as const)
    report(`${what} ${name}`, median(pairs.map((pair) => pair[which])), 'µs', 'an account');
  const half = [0.25, 0.75].map((part) => ratios[Math.round(part * (ratios.length - 1))] ?? 0);
  const note = `${ratios.length} pairs in turn, half of them within ${half.map((ratio) => ratio.toFixed(2)).join(' to ')}`;
  report(`${what} with ÷ without profiles`, median(ratios), '×', note);
}

class Bench {
  /** Sweeps of each connection so far. */
  private readonly sweeps = new Map<string, number>();

  constructor(
    private readonly gateway: GatewayProcess,
    private readonly database: Database,
    private readonly sources: readonly object[],
  ) {}

  /** @param round in every other one that with profiles comes first */
  async round(round: number, pairs: number): Promise<Round> {
    const [on, off] = await this.inTurn(round, () => this.import());
    const sweeps: Pair[] = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      const [swept, plain] = await this.inTurn(pair, (isOn) => this.sweep(isOn ? on : off));
      sweeps.push({ on: swept, off: plain });
    }
    return {
      imports: { on: on.imported, off: off.imported },
      withFindings: { on: on.withFindings, off: off.withFindings },
      sweeps,
    };
  }

  /** Does it with profiles and without. @returns what it told in this order */
  private async inTurn<Told>(
    round: number,
    run: (isOn: boolean) => Promise<Told>,
  ): Promise<[Told, Told]> {
    await this.decide(isFirst(round));
    const first = await run(isFirst(round));
    await this.decide(!isFirst(round));
    const second = await run(!isFirst(round));
    return isFirst(round) ? [first, second] : [second, first];
  }

  /** Has writes of accounts note what profiles depend on, or not. */
  private async decide(isOn: boolean): Promise<void> {
    for (const trigger of ['touch_inserted', 'touch_updated'])
      await this.database.pool.query(
        `ALTER TABLE accounts ${isOn ? 'ENABLE' : 'DISABLE'} TRIGGER ${trigger}`,
      );
  }

  private async import(): Promise<Imported> {
    const made = await this.gateway.post('/v1/teams', { name: 'settling' });
    const team = { 'Rollcall-Team': made.body.data.id as string };
    await this.untilIdle();
    const start = await this.gateway.cpuSeconds();
    const connections: string[] = [];
    for (const source of this.sources) {
      const connected = await this.gateway.post('/v1/connections', source, team);
      connections.push(connected.body.data.id);
    }
    const seen = await this.seenBy(connections);
    const imported = await this.gateway.cpuSeconds();
    await this.untilIdle();
    const examined = await this.gateway.cpuSeconds();
    const each = (seconds: number) => (1e6 * seconds) / seen;
    return {
      ...{ connections, team },
      imported: each(imported - start),
      withFindings: each(examined - start),
    };
  }

  /** @returns microseconds of processor time an account */
  private async sweep({ connections, team }: Imported): Promise<number> {
    const start = await this.gateway.cpuSeconds();
    for (const id of connections)
      await this.gateway.post(`/v1/connections/${id}/sweep`, undefined, team);
    const seen = await this.seenBy(connections);
    return (1e6 * ((await this.gateway.cpuSeconds()) - start)) / seen;
  }

  /**
   * Waits for the next sweep of each connection. It looks into the database, as requests would cost
   * the gateway processor time.
   * @returns how many accounts they saw
   */
  private async seenBy(connections: readonly string[]): Promise<number> {
    let seen = 0;
    for (const id of connections) {
      const count = (this.sweeps.get(id) ?? 0) + 1;
      this.sweeps.set(id, count);
      const done = await waitFor(
        `sweep number ${count} of ${id}`,
        async () => {
          const { rows } = await this.database.pool.query<{ seen: number }>(
            `SELECT seen FROM sweeps WHERE connection_id = $1 AND finished_at IS NOT NULL
             ORDER BY id DESC`,
            [id],
          );
          return rows;
        },
        { ms: MAX_SWEEP_MS, everyMs: 100, until: (rows) => rows.length >= count },
      );
      seen += done[0]?.seen ?? 0;
    }
    return seen;
  }

  /** Waits for what follows an import: findings are looked for, and the audit log is sealed. */
  private async untilIdle(): Promise<void> {
    await waitFor(
      'what follows an import',
      async () => {
        const { rows } = await this.database.pool.query<{ waits: boolean }>(
          `SELECT EXISTS (SELECT FROM finding_touches) OR EXISTS (SELECT FROM profile_touches)
             OR EXISTS (SELECT FROM audit_unsealed) AS waits`,
        );
        return rows[0]?.waits === false;
      },
      { ms: MAX_SWEEP_MS, everyMs: 500 },
    );
  }
}

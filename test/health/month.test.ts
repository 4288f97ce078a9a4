import pg from 'pg';
import { createAccounts } from '../../src/accounts/index.js';
import { createConnections } from '../../src/connections/index.js';
import { type Database, openDatabase, ProcessLease } from '../../src/database/index.js';
import { createFeeds } from '../../src/events/index.js';
import { createHealth } from '../../src/health/index.js';
import type { Caller } from '../../src/http/caller.js';
import { createCursors, createListCursors } from '../../src/http/cursor.js';
import { createMetrics } from '../../src/http/metrics.js';
import { newId } from '../../src/lib/ids.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createSealer } from '../../src/lib/seal.js';
import { UNTRACED } from '../../src/lib/tracing.js';
import { createProfiles } from '../../src/profiles/index.js';
import type { Providers } from '../../src/providers/index.js';
import { RunLeases } from '../../src/sweeps/run-lease.repository.js';
import { DEFAULT_SWEEP_LIMITS } from '../../src/sweeps/sweep-budget.js';
import { SweepRunner } from '../../src/sweeps/sweep-runner.js';
import { SweepsRepository } from '../../src/sweeps/sweeps.repository.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { SECRET } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';
import { AccountModel, inWords, isTooMany } from './account-model.js';
import { OutageModel } from './outage-model.js';
import { gatewayOutages, Month, randomNumbers } from './random-outages.js';
import { type Script, scriptedProviders } from './scripted-providers.js';

const PROVIDERS = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const;
const TEAM = 'team_month';
/** Between two notes that the gateway runs; a longer gap is an absence, a much longer one is told. */
const NOTE_MS = 5_000;
const GAP_MS = 15_000;
const TOLD_MS = 30_000;

/** A gateway's parts that look and judge, on a database of its own, and providers of a script. */
class Gateway {
  readonly clock: ManualClock = manualClock('2026-01-01T00:00:00Z');
  readonly scripts = new Map<string, Script>();
  readonly tripped = new Set<string>();
  private readonly sealer = createSealer(SECRET);
  private sweeps: SweepRunner;
  private health: ReturnType<typeof createHealth>;
  /** When this process heard each provider last. */
  private lastHeard = new Map<string, { answeredAt: Date | null; failedAt: Date | null }>();

  private constructor(
    private readonly testDatabase: TestDatabase,
    readonly database: Database,
    private readonly intervalMs: number,
  ) {
    [this.sweeps, this.health] = this.start();
  }

  static async create(intervalMs: number): Promise<Gateway> {
    const testDatabase = await createTestDatabase();
    const database = openDatabase({ connection: testDatabase.connection, poolSize: 12 });
    const gateway = new Gateway(testDatabase, database, intervalMs);
    await database.prisma.team.create({ data: { id: TEAM, name: 'month' } });
    for (const provider of PROVIDERS) {
      const access = {
        credentials: gateway.sealer.seal('{"api_key":"key"}', provider),
        sweepIntervalSeconds: intervalMs / 1000,
        nextSweepAt: gateway.clock.now(),
      };
      await database.prisma.connection.create({
        data: { id: provider, teamId: TEAM, provider, name: provider, ...access },
      });
    }
    return gateway;
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.testDatabase.drop();
  }

  /** Another process takes over, which has heard nothing yet. */
  restart(): void {
    this.lastHeard.clear();
    [this.sweeps, this.health] = this.start();
  }

  /** It noted up to now that it runs. */
  async hasRun(): Promise<void> {
    const seenAt = new Date(this.clock.now().getTime() - NOTE_MS);
    await this.database.prisma.gatewayRuntime.updateMany({ data: { seenAt } });
  }

  /** Does what a sweep does that is due, or leaves it queued. */
  async sweep(provider: string, { queue }: { readonly queue: boolean }): Promise<void> {
    const { database, clock } = this;
    const state = 'queued';
    const waiting = await database.prisma.sweep.findFirst({
      where: { connectionId: provider, state },
    });
    const id = waiting?.id ?? newId('swp');
    if (!waiting) {
      const createdAt = clock.now();
      await database.prisma.sweep.create({
        data: { id, teamId: TEAM, connectionId: provider, state, createdAt },
      });
    }
    if (!queue) return;
    await this.sweeps.run(id, new AbortController().signal);
    await database.prisma.connection.update({
      where: { id: provider },
      data: { nextSweepAt: new Date(clock.now().getTime() + this.intervalMs) },
    });
  }

  hear(provider: string, got: 'answer' | 'nothing' | 'half an answer'): void {
    const { answeredAt = null, failedAt = null } = this.lastHeard.get(provider) ?? {};
    const now = this.clock.now();
    this.lastHeard.set(provider, {
      answeredAt: got === 'nothing' ? answeredAt : now,
      failedAt: got === 'answer' ? failedAt : now,
    });
  }

  /** What it does every second: outages, and verdicts that grow too old. */
  async judge(): Promise<void> {
    await this.health.jobs.find(({ name }) => name === 'health.age')?.run();
  }

  /** Nothing reaches the database meanwhile. */
  async withoutDatabase(work: () => Promise<void>): Promise<void> {
    const { database = '' } = this.testDatabase.connection;
    const admin = new pg.Client({ ...this.testDatabase.connection, database: 'postgres' });
    await admin.connect();
    try {
      await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
      const open = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1';
      await admin.query(open, [database]);
      await work();
    } finally {
      await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
      await admin.end();
    }
  }

  private start() {
    const { database, clock, sealer } = this;
    const providers: Providers = {
      ...scriptedProviders(clock, this.scripts),
      sites: () => [...this.scripts.keys()],
      state: ([provider = '']) => {
        const { answeredAt = null, failedAt = null } = this.lastHeard.get(provider) ?? {};
        return {
          circuit: this.tripped.has(provider) ? 'open' : 'closed',
          circuits: {},
          since: null,
          lastSuccessAt: answeredAt,
          lastFailureAt: failedAt,
          lastError: failedAt && 'unavailable',
        };
      },
    };
    const cursors = createListCursors(createCursors(sealer), clock);
    const unused = async () => {
      throw new Error('nothing is connected here');
    };
    const parts = { database, providers, sealer, cursors, clock };
    const { service: connections, addresses } = createConnections({
      logger: silentLogger,
      ...parts,
      sweepIntervalSeconds: this.intervalMs / 1000,
      afterConnecting: {
        requestSweep: unused,
        wakeSweeps: () => {},
        endSweep: unused,
        abortWork: () => {},
        resumeDisconnects: unused,
      },
      lookAt: unused,
    });
    const lease = new ProcessLease(database);
    const { settleProfiles } = createProfiles(parts);
    const { service, repository } = createAccounts({
      ...parts,
      lease,
      connections,
      settleProfiles,
      sweepSoon: unused,
      wakeReports: () => {},
    });
    const sweeps = new SweepRunner({
      ...parts,
      runs: new RunLeases(database.pool, lease.name),
      sweeps: new SweepsRepository(database),
      connections,
      settleProfiles,
      logger: silentLogger,
      metrics: createMetrics(),
      tracing: UNTRACED,
      limits: DEFAULT_SWEEP_LIMITS,
    });
    const health = createHealth({
      ...parts,
      feeds: createFeeds(database, parts.clock).reader,
      accounts: service,
      accountsRepository: repository,
      addresses: (client) => addresses(undefined, client),
    });
    return [sweeps, health] as const;
  }
}

/** What becomes of a provider's accounts, worked out from nothing but what was noted of them. */
class Reference {
  readonly models = new Map<number | string, AccountModel>();
  readonly outages = new OutageModel();
  /** When the first sweep failed after the last good one. */
  private silentSince: number | undefined;
  private readonly askedAt: number[] = [];
  private dueAt = 0;

  constructor(private readonly intervalMs: number) {}

  /** Notes what the accounts went through in one sweep, and says what became of it. */
  swept(script: Script, now: number): 'succeeded' | 'failed' | 'rejected' | 'held' {
    const told = this.tell(script, now);
    const isBad = told === 'failed' || told === 'rejected';
    this.silentSince = isBad ? (this.silentSince ?? now) : undefined;
    this.askedAt.push(now);
    this.dueAt = now + this.intervalMs;
    return told;
  }

  /**
   * What grows too old to be believed. It is the provider's silence when it was asked at least three
   * times in three intervals; what nobody asked for as long is ours.
   */
  judge(now: number, runningSince: number): void {
    const patience = 3 * this.intervalMs;
    if (this.outages.isOpen) return;
    const since = Math.max(runningSince, this.outages.endedAt ?? 0);
    const live = [...this.models.values()].filter(({ isGone }) => !isGone);
    const silent = live.filter((model) => {
      const failing = [this.silentSince, model.missedSince].filter((at) => at !== undefined);
      const from = Math.max(since, model.lastSeenAt ?? 0, Math.min(...failing));
      const isLong = Math.min(now, this.dueAt) - from > patience;
      return isLong && this.askedAt.filter((at) => at >= from).length >= 3;
    });
    const isNews = silent.some((model) => !model.answer.includes('provider_unreachable'));
    if (isNews && this.outages.isDownSince(this.silentSince)) return;
    for (const model of silent) model.note({ what: 'silence', at: now });
    for (const model of live)
      if (now - Math.max(since, model.lastSeenAt ?? 0, this.dueAt) > patience)
        model.note({ what: 'nobody looked', at: now });
  }

  private tell(script: Script, now: number) {
    const all = [...this.models.values()];
    if (script.rejectsKey) {
      for (const model of all) model.note({ what: 'key rejected', at: now });
      return 'rejected';
    }
    const alive = all.filter((model) => !model.isGone);
    for (const { providerAccountId, verdict } of script.accounts.slice(0, script.failure?.after)) {
      const model = this.models.get(providerAccountId) ?? new AccountModel();
      this.models.set(providerAccountId, model);
      model.note({ what: 'seen', verdict, at: now });
    }
    if (script.failure) return 'failed';
    const missing = alive.filter((model) => model.lastSeenAt !== now);
    if (!isTooMany(missing.length, alive.length)) {
      for (const model of missing) model.note({ what: 'gone', at: now });
      return 'succeeded';
    }
    const confirmed = missing.filter((model) => model.isMissed);
    for (const model of missing)
      model.note({ what: confirmed.includes(model) ? 'gone' : 'missed', at: now });
    return confirmed.length > 0 ? 'succeeded' : 'held';
  }
}

/** What one call of a sweep got; a refusal of the key is an answer. */
function heard({ failure, rejectsKey }: Script) {
  if (rejectsKey || failure === null || failure.code === 'credential_rejected') return 'answer';
  return failure.after === 0 ? 'nothing' : 'half an answer';
}

describe.each([
  { what: 'a month of 1,000 accounts', accounts: 250, hours: 12, ticks: 66, seed: 11 },
  { what: 'a bad hour at short intervals', accounts: 12, hours: 15 / 3600, ticks: 90, seed: 7 },
])('$what', ({ accounts, hours, ticks, seed }) => {
  const intervalMs = hours * 3_600_000;
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await Gateway.create(intervalMs);
  });
  afterAll(() => gateway.close());

  test('verdicts equal the reference, and the events replayed in order rebuild them', async () => {
    const { clock, database, scripts, tripped } = gateway;
    const random = randomNumbers(seed);
    const months = new Map(PROVIDERS.map((name) => [name, new Month(accounts, random)]));
    const references = new Map(PROVIDERS.map((name) => [name, new Reference(intervalMs)]));
    const expected = () =>
      new Map(
        [...references].flatMap(([name, { models }]) =>
          [...models].map(([id, model]) => [`${name}:${id}`, model.answer] as const),
        ),
      );
    const home = gatewayOutages(random);
    const tally = { succeeded: 0, failed: 0, rejected: 0, held: 0 };
    const absences = { gateway: 0, database: 0, queue: 0, told: 0 };
    const reasons = new Set<string>();
    let lastRan = clock.now().getTime();
    let runningSince = lastRan;
    let isFresh = false;

    for (let tick = 0; tick < ticks; tick++, clock.advance(intervalMs)) {
      const now = clock.now().getTime();
      if (tick > 0) home.turn();
      for (const [name, month] of months) {
        if (tick > 0) month.turn();
        scripts.set(name, month.script());
        if (month.isTripped) tripped.add(name);
        else tripped.delete(name);
      }
      const sweepAll = (queue: boolean) =>
        Promise.allSettled(PROVIDERS.map((name) => gateway.sweep(name, { queue })));
      if (home.kind !== null) absences[home.kind]++;
      if (home.kind === 'gateway') isFresh = true;
      if (home.kind === 'database')
        await gateway.withoutDatabase(async () => {
          const ended = await sweepAll(true);
          expect(ended.map(({ status }) => status)).toEqual(PROVIDERS.map(() => 'rejected'));
          await expect(gateway.judge()).rejects.toThrow();
        });
      if (home.kind === 'gateway' || home.kind === 'database') continue;

      if (isFresh) {
        gateway.restart();
        for (const { outages } of references.values()) outages.forget();
        isFresh = false;
      }
      // It notes that it runs between the ticks, too, unless it was away.
      const awayMs = now - lastRan;
      if (awayMs <= intervalMs) await gateway.hasRun();
      else if (awayMs > GAP_MS) runningSince = now;
      if (awayMs > intervalMs && awayMs > TOLD_MS) absences.told++;
      lastRan = now;

      for (const { status } of await sweepAll(home.kind !== 'queue'))
        expect(status).toBe('fulfilled');
      for (const [name, reference] of references) {
        const script = scripts.get(name);
        if (home.kind !== 'queue' && script) {
          tally[reference.swept(script, now)]++;
          gateway.hear(name, heard(script));
          reference.outages.asked(now, heard(script));
        }
        reference.outages.step(now, tripped.has(name));
        const where = { id: name };
        const { state } = await database.prisma.connection.findUniqueOrThrow({ where });
        if (state === 'active') reference.judge(now, runningSince);
      }
      await gateway.judge();
      expect(await held(database)).toEqual(expected());
      for (const answer of expected().values()) reasons.add(answer.split(' ').at(-2) ?? '');
    }

    expect(await replayed(database)).toEqual(await held(database));
    // The weather was what it is about.
    const tooRare = Object.entries({ ...tally, ...absences }).filter(([, count]) => count < 2);
    expect(tooRare).toEqual([]);
    expect([...reasons]).toEqual(
      expect.arrayContaining(['provider_unreachable', 'not_checked', 'credential_rejected']),
    );
    const counts = await database.prisma.event.groupBy({ by: ['type'], _count: true });
    const countOf = new Map(counts.map(({ type, _count }) => [type, _count]));
    expect([...countOf.keys()]).toEqual(
      expect.arrayContaining([
        ...['account.vanished', 'account.reappeared', 'connection.recovered'],
        ...['provider.incident_opened', 'provider.incident_closed'],
      ]),
    );
    expect(countOf.get('gateway.resumed')).toBe(absences.told);
  });
});

async function held(database: Database): Promise<Map<string, string>> {
  const { rows } = await database.pool.query<{
    key: string;
    gone: boolean;
    status: string;
    reason: string | null;
    fault: string | null;
  }>(
    `SELECT provider || ':' || provider_account_id AS key, status = 'disconnected' AS gone,
       health_status AS status, health_reason AS reason, health_fault AS fault FROM accounts`,
  );
  return new Map(rows.map(({ key, gone, ...health }) => [key, inWords(gone, health)]));
}

/** The health of every account from nothing but the events, in the feed's order. */
async function replayed(database: Database): Promise<Map<string, string>> {
  const caller = { teamId: TEAM, key: { providers: [] as string[] } } as unknown as Caller;
  const written = await database.prisma.event.count();
  const { feed } = createFeeds(database, manualClock());
  const rows = await waitFor(
    `${written} events to be settled`,
    () => feed.read(caller, { types: [] }, undefined, 1_000_000),
    { until: ({ length }) => length === written },
  );
  const states = new Map<string, string>();
  for (const { document } of rows) {
    const { account } = JSON.parse(document).data;
    if (account)
      states.set(account.ref, inWords(account.status === 'disconnected', account.health));
  }
  return states;
}

import fc from 'fast-check';
import { observed } from '../../bench/health-load.js';
import { createAccounts } from '../../src/accounts/index.js';
import { createConnections } from '../../src/connections/index.js';
import { type Database, openDatabase, ProcessLease } from '../../src/database/index.js';
import { ageVerdicts } from '../../src/health/aging.js';
import { ABSENT, STANDS_FOR_INTERVALS } from '../../src/health/verdict.js';
import { createCursors, createListCursors } from '../../src/http/cursor.js';
import { createMetrics } from '../../src/http/metrics.js';
import { newId } from '../../src/lib/ids.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createSealer } from '../../src/lib/seal.js';
import { UNTRACED } from '../../src/lib/tracing.js';
import { HEALTHY, type Verdict } from '../../src/model/index.js';
import { createProfiles } from '../../src/profiles/index.js';
import { createRegistry } from '../../src/providers/index.js';
import { RunLeases } from '../../src/sweeps/run-lease.repository.js';
import { DEFAULT_SWEEP_LIMITS } from '../../src/sweeps/sweep-budget.js';
import { SweepRunner } from '../../src/sweeps/sweep-runner.js';
import { SweepsRepository } from '../../src/sweeps/sweeps.repository.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { SECRET } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';
import { type Script, scriptedProviders } from './scripted-providers.js';

const PROVIDER = 'octopost';
const TEAM = 'team_aging';
const INTERVAL_SECONDS = 100;
/** A verdict stands for three intervals. */
const STANDS_MS = STANDS_FOR_INTERVALS * INTERVAL_SECONDS * 1000;

const clock = manualClock('2026-01-01T00:00:00Z');
const scripts = new Map<string, Script>();
const registry = createRegistry();
const sealer = createSealer(SECRET);
const providers = scriptedProviders(clock, scripts);

let testDatabase: TestDatabase;
let database: Database;
let accounts: ReturnType<typeof createAccounts>;
let sweeps: SweepRunner;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 6 });
  const cursors = createListCursors(createCursors(sealer), clock);
  const parts = { database, providers, sealer, cursors, clock };
  const unused = async () => {
    throw new Error('nothing is connected here');
  };
  const { service: connections } = createConnections({
    logger: silentLogger,
    ...parts,
    sweepIntervalSeconds: INTERVAL_SECONDS,
    afterConnecting: {
      requestSweep: unused,
      wakeSweeps: () => {},
      endSweep: unused,
      abortWork: () => {},
      resumeDisconnects: unused,
    },
    lookAt: unused,
  });
  const { settleProfiles } = createProfiles(parts);
  const lease = new ProcessLease(database);
  accounts = createAccounts({
    ...parts,
    lease,
    connections,
    settleProfiles,
    sweepSoon: unused,
    wakeReports: () => {},
  });
  sweeps = new SweepRunner({
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
  await database.prisma.team.create({ data: { id: TEAM, name: 'aging' } });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** What one account is known by: the last good look at it, and what became of that. */
interface Standing {
  verdict: Verdict;
  lookedAt: number;
  /** When a sweep first could not read it; `null`: the last one that reached it could. */
  unreadableSince: number | null;
}

const verdict = fc.constantFrom<Verdict>(
  HEALTHY,
  { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
  { status: 'warning', reason: 'account_paused', fault: 'account' },
);
/** What may happen to the connection. */
type Step =
  | {
      readonly what: 'age' | 'key rejected' | 'outage begins' | 'outage ends' | 'gateway resumes';
    }
  | {
      readonly what: 'sweep';
      readonly verdicts: readonly [Verdict, Verdict];
      /** It lists both accounts, breaks off after the first, or cannot read the first. */
      readonly outcome: 'whole' | 'cut' | 'unreadable';
    }
  | {
      /** At the first account alone; its answer is that old when it arrives. */
      readonly what: 'look';
      readonly verdict: Verdict;
      readonly ageSeconds: number;
    };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ what: 'age' } as const) },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('sweep'),
      verdicts: fc.tuple(verdict, verdict),
      outcome: fc.constantFrom('whole', 'cut', 'unreadable'),
    }),
  },
  {
    weight: 3,
    // No call lasts longer than two intervals.
    arbitrary: fc.record({
      what: fc.constant('look'),
      verdict,
      ageSeconds: fc.nat(2 * INTERVAL_SECONDS),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'key rejected' } as const) },
  { weight: 1, arbitrary: fc.constant({ what: 'outage begins' } as const) },
  { weight: 1, arbitrary: fc.constant({ what: 'outage ends' } as const) },
  { weight: 1, arbitrary: fc.constant({ what: 'gateway resumes' } as const) },
);
const seconds = fc.constantFrom(0, 0, 1, 49, 60, 95, 99, 101, 160, 299, 300, 301);
const cut = (verdict: Verdict): Step => ({
  what: 'sweep',
  verdicts: [verdict, verdict],
  outcome: 'cut',
});

/** Three looks fail, one interval after the other. */
const SILENT: [number, Step][] = [
  [1, cut(HEALTHY)],
  [99, cut(HEALTHY)],
  [99, cut(HEALTHY)],
  [99, cut(HEALTHY)],
  [5, { what: 'age' }],
];
/** One look fails, and the queue stands still. */
const STUCK: [number, Step][] = [
  [1, cut(HEALTHY)],
  [301, { what: 'age' }],
  [101, { what: 'age' }],
  [1000, cut(HEALTHY)],
  [1, { what: 'age' }],
];
/** Three looks fail within moments, and the queue stands still. */
const BURST: [number, Step][] = [
  [1, cut(HEALTHY)],
  [1, cut(HEALTHY)],
  [1, cut(HEALTHY)],
  [301, { what: 'age' }],
  [10, cut(HEALTHY)],
  [1, { what: 'age' }],
];
/** Everything is unknown, is looked at again, and nobody looks any more. */
const AGED_TWICE: [number, Step][] = [
  [301, { what: 'age' }],
  [1, { what: 'age' }],
  [1, { what: 'sweep', verdicts: [HEALTHY, HEALTHY], outcome: 'whole' }],
  [301, { what: 'age' }],
];

/** One connection with two accounts, in the gateway and as it ought to be. */
class World {
  private readonly connectionId = newId('conn');
  private readonly standings: [Standing, Standing];
  private isRejected = false;
  private outage: 'open' | Date | null = null;
  private runningSince = clock.now().getTime();
  /** When the next sweep is due: nobody begins any here but the test. */
  private dueAt = clock.now().getTime();
  /** When it was asked; of several within half an interval the first, and the first that failed. */
  private readonly tries: number[] = [];
  /** When the first look at the connection failed after the last good one. */
  private silentSince: number | null = null;

  private constructor() {
    const lookedAt = clock.now().getTime();
    this.standings = [
      { verdict: HEALTHY, lookedAt, unreadableSince: null },
      { verdict: HEALTHY, lookedAt, unreadableSince: null },
    ];
  }

  static async create(): Promise<World> {
    const world = new World();
    await database.prisma.connection.create({
      data: {
        id: world.connectionId,
        teamId: TEAM,
        provider: PROVIDER,
        name: world.connectionId,
        credentials: sealer.seal('{"api_key":"key"}', world.connectionId),
        sweepIntervalSeconds: INTERVAL_SECONDS,
      },
    });
    await world.take({ what: 'sweep', verdicts: [HEALTHY, HEALTHY], outcome: 'whole' });
    return world;
  }

  async take(taken: Step): Promise<void> {
    const now = clock.now();
    const [first, second] = this.standings;
    const see = (standing: Standing, verdict: Verdict) =>
      Object.assign(standing, { verdict, lookedAt: now.getTime(), unreadableSince: null });
    switch (taken.what) {
      case 'outage begins':
        this.outage = 'open';
        break;
      case 'gateway resumes':
        this.runningSince = now.getTime();
        break;
      case 'outage ends':
        if (this.outage === 'open') this.outage = now;
        break;
      case 'key rejected':
        await this.sweep({ accounts: [], failure: null, rejectsKey: true });
        this.isRejected = true;
        this.silentSince ??= now.getTime();
        for (const standing of this.standings) standing.verdict = ABSENT.credential_rejected;
        break;
      case 'sweep': {
        const [one, two] = taken.verdicts.map((verdict, at) => observed(at, verdict));
        if (!one || !two) throw new Error('there are two');
        const isCut = taken.outcome === 'cut';
        const isUnreadable = taken.outcome === 'unreadable';
        await this.sweep({
          accounts: isUnreadable ? [two] : [one, two],
          unreadable: isUnreadable ? [one.providerAccountId] : [],
          failure: isCut ? { code: 'timeout', after: 1 } : null,
          rejectsKey: false,
        });
        if (isUnreadable) first.unreadableSince ??= now.getTime();
        else see(first, taken.verdicts[0]);
        if (!isCut) see(second, taken.verdicts[1]);
        if (!isCut) this.isRejected = false;
        if (isCut) this.silentSince ??= now.getTime();
        else this.silentSince = null;
        break;
      }
      case 'look': {
        const observedAt = new Date(now.getTime() - taken.ageSeconds * 1000);
        await this.look(taken.verdict, observedAt);
        if (observedAt.getTime() >= first.lookedAt)
          Object.assign(first, {
            verdict: taken.verdict,
            lookedAt: observedAt.getTime(),
            unreadableSince: null,
          });
        break;
      }
      case 'age': {
        const context = {
          outages:
            this.outage === null
              ? []
              : [{ provider: PROVIDER, baseUrl: null, endedAt: this.outage }],
          runningSince: new Date(this.runningSince),
          opensIncident: async () => false,
        };
        await ageVerdicts(database, registry, context, now);
        if (this.isRejected || this.outage === 'open') break;
        for (const standing of this.standings) {
          const failing = [this.silentSince, standing.unreadableSince].filter((at) => at !== null);
          const counts = [standing.lookedAt, this.runningSince, this.outage?.getTime() ?? 0];
          const silentFrom = Math.max(...counts, Math.min(...failing));
          const askedUntil = Math.min(now.getTime(), this.dueAt);
          const isSilent =
            failing.length > 0 &&
            askedUntil - silentFrom > STANDS_MS &&
            this.tries.filter((at) => at >= silentFrom).length >= STANDS_FOR_INTERVALS;
          const isUnchecked = now.getTime() - Math.max(...counts, this.dueAt) > STANDS_MS;
          if (isSilent) standing.verdict = ABSENT.provider_unreachable;
          else if (isUnchecked && standing.verdict !== ABSENT.provider_unreachable)
            standing.verdict = ABSENT.not_checked;
        }
      }
    }
  }

  /** As it ought to be. */
  get expected() {
    return this.standings.map(({ verdict, lookedAt }) => ({
      ...verdict,
      checked_at: new Date(lookedAt).toISOString(),
    }));
  }

  /** As callers see it. */
  async told() {
    const rows = await database.prisma.account.findMany({
      where: { connectionId: this.connectionId },
      orderBy: { providerAccountId: 'asc' },
    });
    const documents = await Promise.all(
      rows.map(({ id }) => accounts.repository.document(id, false)),
    );
    return documents.map((document) => {
      const { status, reason, fault, checked_at } = JSON.parse(document ?? '{}').health;
      return { status, reason, fault, checked_at };
    });
  }

  private async sweep(script: Script): Promise<void> {
    scripts.set(PROVIDER, script);
    const id = newId('swp');
    await database.prisma.sweep.create({
      data: { id, teamId: TEAM, connectionId: this.connectionId, state: 'queued' },
    });
    await sweeps.run(id, new AbortController().signal);
    const now = clock.now().getTime();
    const last = this.tries.at(-1) ?? Number.NEGATIVE_INFINITY;
    const isFirstToFail =
      this.silentSince === null && (script.failure !== null || script.rejectsKey);
    if (isFirstToFail || now - last >= (INTERVAL_SECONDS * 1000) / 2) this.tries.push(now);
    this.dueAt = now + INTERVAL_SECONDS * 1000;
    await database.prisma.connection.update({
      where: { id: this.connectionId },
      data: { nextSweepAt: new Date(this.dueAt) },
    });
  }

  private async look(verdict: Verdict, observedAt: Date): Promise<void> {
    const connection = await database.prisma.connection.findUniqueOrThrow({
      where: { id: this.connectionId },
    });
    const observation = {
      account: observed(0, verdict),
      remoteData: {},
      observedAt,
      degraded: [],
      coverage: 'whole' as const,
    };
    const client = await database.pool.connect();
    try {
      await accounts.service.record(client, { connection, observation });
    } finally {
      client.release();
    }
  }
}

test('a verdict is the youngest good look, until three intervals of failed looks, or of none, have passed', async () => {
  const reasons = new Set<unknown>();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(seconds, step), { maxLength: 20 }), async (steps) => {
      const world = await World.create();
      for (const [wait, taken] of steps) {
        clock.advance(wait * 1000);
        await world.take(taken);
        expect(await world.told()).toEqual(world.expected);
        for (const { reason } of world.expected) reasons.add(reason);
      }
    }),
    { numRuns: 60, seed: 1, examples: [[AGED_TWICE], [SILENT], [STUCK], [BURST]] },
  );
  expect([...reasons]).toEqual(expect.arrayContaining(['provider_unreachable', 'not_checked']));
});

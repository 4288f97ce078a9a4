import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { observed } from '../../bench/health-load.js';
import { ConnectionsRepository } from '../../src/connections/connections.repository.js';
import { ConnectionsService } from '../../src/connections/connections.service.js';
import { type Database, openDatabase } from '../../src/database/index.js';
import { FeedRepository } from '../../src/events/feed.repository.js';
import { ageVerdicts } from '../../src/health/aging.js';
import type { Caller } from '../../src/http/caller.js';
import { createMetrics } from '../../src/http/metrics.js';
import { newId } from '../../src/lib/ids.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createSealer } from '../../src/lib/seal.js';
import { UNTRACED } from '../../src/lib/tracing.js';
import { HEALTHY, type Verdict } from '../../src/model/index.js';
import { createRegistry } from '../../src/providers/index.js';
import { DEFAULT_SWEEP_LIMITS } from '../../src/sweeps/sweep-budget.js';
import { SweepRunner } from '../../src/sweeps/sweep-runner.js';
import { SweepsRepository } from '../../src/sweeps/sweeps.repository.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { SECRET } from '../support/gateway.js';
import { manualClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';
import { type Script, scriptedProviders } from './scripted-providers.js';
import { inWords, isTooMany, Witness } from './witness.js';

const ACCOUNTS_EACH = 250;
const INTERVAL_SECONDS = 8 * 3600;
const INTERVAL_MS = INTERVAL_SECONDS * 1000;
const TICKS = (30 * 24 * 3600) / INTERVAL_SECONDS;
const PROVIDERS = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const;
const TEAM = 'team_month';
const VERDICTS: readonly Verdict[] = [
  HEALTHY,
  HEALTHY,
  { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
  { status: 'warning', reason: 'account_paused', fault: 'account' },
];

const clock = manualClock('2026-01-01T00:00:00Z');
const scripts = new Map<string, Script>();
let testDatabase: TestDatabase;
let database: Database;
let sweeps: SweepRunner;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 12 });
  const sealer = createSealer(SECRET);
  const providers = scriptedProviders(clock, scripts);
  const connections = new ConnectionsService({
    database,
    connections: new ConnectionsRepository(database),
    providers,
    sealer,
    clock,
    sweepIntervalSeconds: INTERVAL_SECONDS,
  });
  sweeps = new SweepRunner({
    database,
    sweeps: new SweepsRepository(database),
    providers,
    connections,
    clock,
    logger: silentLogger,
    metrics: createMetrics(),
    tracing: UNTRACED,
    limits: DEFAULT_SWEEP_LIMITS,
  });
  await database.prisma.team.create({ data: { id: TEAM, name: 'month' } });
  for (const provider of PROVIDERS) {
    const access = {
      credentials: sealer.seal('{"api_key":"key"}', provider),
      sweepIntervalSeconds: INTERVAL_SECONDS,
    };
    await database.prisma.connection.create({
      data: { id: provider, teamId: TEAM, provider, name: provider, ...access },
    });
  }
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** Always the same month: a linear congruential generator. */
let seed = 42;
const random = () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
const happens = (chance: number) => random() < chance;

/** A provider's month: its accounts as they truly are, and the weather. */
class Month {
  readonly truths = Array.from({ length: ACCOUNTS_EACH }, () => ({
    verdict: HEALTHY,
    isThere: true,
  }));
  /** Ticks that each spell of bad weather has left. */
  outage = 0;
  rejection = 0;
  glitch = 0;
  /** Whether the outage is known as an incident; and when the last that was ended. */
  isKnown = false;
  endedAt: number | undefined;

  /** A tick goes by: at most one kind of weather at a time. */
  turn(tick: number, now: number): void {
    if (this.isKnown && this.outage === 1) this.endedAt = now;
    for (const spell of ['outage', 'rejection', 'glitch'] as const)
      this[spell] = Math.max(0, this[spell] - 1);
    if (this.outage === 0) this.isKnown = false;
    for (const truth of this.truths) {
      if (happens(0.03))
        truth.verdict = VERDICTS[Math.floor(random() * VERDICTS.length)] ?? HEALTHY;
      truth.isThere = truth.isThere ? !happens(0.01) : happens(0.1);
    }
    if (tick === 0 || this.outage + this.rejection + this.glitch > 0) return;
    const luck = random();
    if (luck < 0.06) [this.outage, this.isKnown] = [1 + Math.floor(random() * 8), happens(0.5)];
    else if (luck < 0.1) this.rejection = 1 + Math.floor(random() * 5);
    else if (luck < 0.14) this.glitch = 1 + Math.floor(random() * 2);
  }

  /**
   * What the provider does when it is asked in this weather; on a fine day one call in twelve fails
   * all the same.
   */
  script(): Script {
    // A list with a glitch lacks most of the accounts, the same ones each time.
    const listed = this.truths.flatMap(({ verdict, isThere }, number) =>
      isThere && (this.glitch === 0 || number % 3 === 0) ? [observed(number, verdict)] : [],
    );
    const fine = { accounts: listed, failure: null, rejectsKey: this.rejection > 0 };
    if (this.outage > 0) return { ...fine, failure: { code: 'unavailable', after: 0 } };
    if (!happens(1 / 12)) return fine;
    return {
      ...fine,
      failure: {
        code: happens(0.5) ? 'timeout' : 'credential_rejected',
        after: Math.floor(random() * listed.length),
      },
    };
  }
}

test('a month of 1,000 accounts: verdicts equal the reference, and the events replayed in order rebuild them', async () => {
  const months = new Map(PROVIDERS.map((provider) => [provider, new Month()]));
  const witnesses = new Map<string, Witness>();
  /** When the first sweep of a provider failed after the last good one. */
  const silentSince = new Map<string, number>();
  const startedAt = clock.now();
  const tally = { sweeps: 0, failed: 0, rejected: 0, held: 0 };

  for (let tick = 0; tick < TICKS; tick++, clock.advance(INTERVAL_MS)) {
    const now = clock.now().getTime();
    for (const [provider, month] of months) {
      month.turn(tick, now);
      scripts.set(provider, month.script());
    }
    await Promise.all(PROVIDERS.map(sweep));
    for (const [provider, month] of months) {
      const told = tellWitnesses(witnesses, provider, scripts.get(provider), now);
      if (told === 'failed' || told === 'rejected')
        silentSince.set(provider, silentSince.get(provider) ?? now);
      else silentSince.delete(provider);
      tally.sweeps++;
      if (told !== 'succeeded') tally[told]++;

      const isKeyGood =
        (await database.prisma.connection.findUniqueOrThrow({ where: { id: provider } })).state ===
        'active';
      const holds =
        month.isKnown || (month.endedAt !== undefined && now - month.endedAt <= 3 * INTERVAL_MS);
      if (!isKeyGood || holds) continue;
      for (const witness of of(witnesses, provider)) {
        const failing = [silentSince.get(provider), witness.missedSince].filter(
          (at) => at !== undefined,
        );
        if (witness.lastSeenAt === undefined || failing.length === 0) continue;
        const countsFrom = Math.max(witness.lastSeenAt, Math.min(...failing));
        if (now - countsFrom > 3 * INTERVAL_MS) witness.note({ what: 'silence', at: now });
      }
    }
    const context = {
      outages: incidentsOf(months),
      runningSince: startedAt,
      opensIncident: async () => false,
    };
    await ageVerdicts(database, createRegistry(), context, new Date(now));
    expect(await held()).toEqual(
      new Map([...witnesses].map(([key, witness]) => [key, witness.answer])),
    );
  }

  expect(await replayed()).toEqual(await held());
  // The weather was what the month is about.
  expect(Object.values(tally).every((count) => count >= 5)).toBe(true);
  const counts = await database.prisma.event.groupBy({ by: ['type'], _count: true });
  expect(counts.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['account.vanished', 'account.reappeared', 'connection.recovered']),
  );
});

async function sweep(provider: string): Promise<void> {
  const id = newId('swp');
  await database.prisma.sweep.create({
    data: { id, teamId: TEAM, connectionId: provider, state: 'queued' },
  });
  await sweeps.run(id, new AbortController().signal);
  await database.prisma.connection.update({
    where: { id: provider },
    data: { nextSweepAt: new Date(clock.now().getTime() + INTERVAL_MS) },
  });
}

const of = (witnesses: ReadonlyMap<string, Witness>, provider: string) =>
  [...witnesses].flatMap(([key, witness]) => (key.startsWith(provider) ? [witness] : []));

/** Notes what the accounts of a provider went through in one sweep, and says what became of it. */
function tellWitnesses(
  witnesses: Map<string, Witness>,
  provider: string,
  script: Script | undefined,
  now: number,
) {
  if (!script) throw new Error('nothing was swept');
  if (script.rejectsKey) {
    for (const witness of of(witnesses, provider)) witness.note({ what: 'key rejected', at: now });
    return 'rejected';
  }
  const alive = of(witnesses, provider).filter((witness) => !witness.isGone);
  for (const { providerAccountId, verdict } of script.accounts.slice(0, script.failure?.after)) {
    const key = `${provider}:${providerAccountId}`;
    const witness = witnesses.get(key) ?? new Witness();
    witnesses.set(key, witness);
    witness.note({ what: 'seen', verdict, at: now });
  }
  if (script.failure) return 'failed';
  const missing = alive.filter((witness) => witness.lastSeenAt !== now);
  if (!isTooMany(missing.length, alive.length)) {
    for (const witness of missing) witness.note({ what: 'gone', at: now });
    return 'succeeded';
  }
  const confirmed = missing.filter((witness) => witness.isMissed);
  for (const witness of missing)
    witness.note({ what: confirmed.includes(witness) ? 'gone' : 'missed', at: now });
  return confirmed.length > 0 ? 'succeeded' : 'held';
}

function incidentsOf(months: ReadonlyMap<string, Month>): Map<string, 'open' | Date> {
  const incidents = new Map<string, 'open' | Date>();
  for (const [provider, { isKnown, endedAt }] of months) {
    if (isKnown) incidents.set(provider, 'open');
    else if (endedAt !== undefined) incidents.set(provider, new Date(endedAt));
  }
  return incidents;
}

async function held(): Promise<Map<string, string>> {
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
async function replayed(): Promise<Map<string, string>> {
  const caller = { teamId: TEAM, key: { providers: [] as string[] } } as unknown as Caller;
  const written = await database.prisma.event.count();
  const feed = new FeedRepository(database);
  const rows = await waitFor(
    `${written} events to be settled`,
    () => feed.read(caller, [], undefined, 1_000_000),
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

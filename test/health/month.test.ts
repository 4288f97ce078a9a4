import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { observed } from '../../bench/health-load.js';
import { toRecord } from '../../src/accounts/record.js';
import { writeSightings } from '../../src/accounts/write-sightings.js';
import { type Database, openDatabase } from '../../src/database/index.js';
import { withTransaction } from '../../src/database/transact.js';
import { FeedRepository } from '../../src/events/feed.repository.js';
import { ageVerdicts } from '../../src/health/aging.js';
import { HEALTHY, type Verdict } from '../../src/model/index.js';
import { createRegistry } from '../../src/providers/index.js';
import type { Caller } from '../../src/teams/caller.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const ACCOUNTS_EACH = 250;
const INTERVAL_SECONDS = 6 * 3600;
const TICKS = (30 * 24 * 3600) / INTERVAL_SECONDS;
const PROVIDERS = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const;
const VERDICTS: readonly Verdict[] = [
  HEALTHY,
  HEALTHY,
  { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
  { status: 'warning', reason: 'account_paused', fault: 'account' },
];

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 4 });
  await database.prisma.team.create({ data: { id: 'team_month', name: 'month' } });
  for (const provider of PROVIDERS) {
    const access = { credentials: new Uint8Array(1), sweepIntervalSeconds: INTERVAL_SECONDS };
    await database.prisma.connection.create({ data: { id: provider, teamId: 'team_month', provider, name: provider, ...access } });
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

/** One account as the reference model knows it: plain facts, and the answer worked out anew from them. */
interface Witness {
  truth: Verdict;
  lastSeen: { verdict: Verdict; at: number } | undefined;
  silentSince: number | undefined;
}

/** A provider's month: whether it answers, and whether its outage is known. */
interface Weather {
  outageUntil: number;
  known: boolean;
  endedAt: number | undefined;
}

function answerOf({ lastSeen, silentSince }: Witness): string {
  if (!lastSeen) throw new Error('never seen');
  const isSilent = silentSince !== undefined && silentSince > lastSeen.at;
  const { status, reason, fault } = isSilent ? { status: 'unknown', reason: 'provider_unreachable', fault: 'provider' } : lastSeen.verdict;
  return `${status} ${reason} ${fault}`;
}

test('a month of 1,000 accounts: verdicts equal the reference, and the events replayed in order rebuild them', async () => {
  const witnesses = new Map<string, Witness>();
  const weathers = new Map<string, Weather>(PROVIDERS.map((provider) => [provider, { outageUntil: -1, known: false, endedAt: undefined }]));
  const start = Date.parse('2026-01-01T00:00:00Z');

  for (let tick = 0; tick < TICKS; tick++) {
    const now = start + tick * INTERVAL_SECONDS * 1000;
    for (const provider of PROVIDERS) {
      const weather = weathers.get(provider) as Weather;
      if (tick > weather.outageUntil && weather.outageUntil >= 0) {
        if (weather.known) weather.endedAt = now;
        weather.outageUntil = -1;
        weather.known = false;
      }
      if (tick > 0 && weather.outageUntil < 0 && random() < 0.08) {
        weather.outageUntil = tick + Math.floor(random() * 8);
        weather.known = random() < 0.5;
      }
      if (weather.outageUntil < 0) await sweep(provider, witnesses, now);
      const holds = weather.known || (weather.endedAt !== undefined && now - weather.endedAt <= 3 * INTERVAL_SECONDS * 1000);
      if (holds) continue;
      for (const [key, witness] of witnesses) {
        const isLate = witness.lastSeen !== undefined && now - witness.lastSeen.at > 3 * INTERVAL_SECONDS * 1000;
        if (key.startsWith(provider) && isLate) witness.silentSince ??= now;
      }
    }
    const incidents = new Map<string, 'open' | Date>();
    for (const [provider, { known, endedAt }] of weathers) {
      if (known) incidents.set(provider, 'open');
      else if (endedAt !== undefined) incidents.set(provider, new Date(endedAt));
    }
    await ageVerdicts(database, incidents, new Date(now));
    expect(await held()).toEqual(new Map([...witnesses].map(([key, witness]) => [key, answerOf(witness)])));
  }
  expect(await replayed()).toEqual(await held());
  const unknowns = await database.prisma.healthTransition.count({ where: { reason: 'provider_unreachable' } });
  expect(unknowns).toBeGreaterThan(ACCOUNTS_EACH);
}, 120_000);

/** A complete sweep: what it finds is the truth of the moment, which changes for some accounts. */
async function sweep(provider: string, witnesses: Map<string, Witness>, now: number): Promise<void> {
  const adapter = createRegistry().get(provider);
  if (!adapter) throw new Error(`no adapter for ${provider}`);
  const observedAt = new Date(now);
  const records = Array.from({ length: ACCOUNTS_EACH }, (_, number) => {
    const key = `${provider}:acc_${number}`;
    const witness: Witness = witnesses.get(key) ?? { truth: HEALTHY, lastSeen: undefined, silentSince: undefined };
    if (random() < 0.03) witness.truth = VERDICTS[Math.floor(random() * VERDICTS.length)] ?? HEALTHY;
    witness.lastSeen = { verdict: witness.truth, at: now };
    witness.silentSince = undefined;
    witnesses.set(key, witness);
    return toRecord({ account: observed(number, witness.truth), remoteData: {}, observedAt }, adapter);
  });
  await withTransaction(database.pool, async (client) => {
    await writeSightings(client, { id: provider, teamId: 'team_month', provider }, records, observedAt);
    await client.query('UPDATE connections SET swept_at = $2 WHERE id = $1', [provider, observedAt]);
  });
}

async function held(): Promise<Map<string, string>> {
  const { rows } = await database.pool.query<{ key: string; answer: string }>(
    `SELECT provider || ':' || provider_account_id AS key,
       concat(health_status, ' ', coalesce(health_reason, 'null'), ' ', coalesce(health_fault, 'null')) AS answer FROM accounts`,
  );
  return new Map(rows.map(({ key, answer }) => [key, answer]));
}

/** The health of every account from nothing but the events, in the feed's order. */
async function replayed(): Promise<Map<string, string>> {
  const caller = { teamId: 'team_month', key: { providers: [] as string[] } } as unknown as Caller;
  const rows = await new FeedRepository(database).read(caller, [], undefined, 1_000_000);
  const states = new Map<string, string>();
  for (const { document } of rows) {
    const { account } = JSON.parse(document).data;
    states.set(account.ref, `${account.health.status} ${account.health.reason} ${account.health.fault}`);
  }
  return states;
}

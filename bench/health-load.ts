import { toRecord } from '../src/accounts/record.js';
import { writeSightings } from '../src/accounts/write-sightings.js';
import type { Database } from '../src/database/index.js';
import { withTransaction } from '../src/database/transact.js';
import { HEALTHY, NO_METRICS, type ObservedAccount, type Verdict } from '../src/model/index.js';
import { createRegistry } from '../src/providers/index.js';
import { DEFAULT_TEAM_ID } from '../src/teams/teams.service.js';

const OWNER = { id: 'conn_bench', teamId: DEFAULT_TEAM_ID, provider: 'outfame' };
/** As a sweep writes. */
const BATCH = 500;
const PAUSED: Verdict = { status: 'warning', reason: 'account_paused', fault: 'account' };

/** Writes accounts that are not known yet, as the first sweep does. @returns how many */
export function importAccounts(database: Database, count: number): Promise<number> {
  return write(database, count, HEALTHY, new Date('2026-01-01T00:00:00Z'));
}

/** Changes the verdict of accounts that are known. @returns how many */
export function changeHealth(database: Database, count: number): Promise<number> {
  return write(database, count, PAUSED, new Date('2026-01-01T00:05:00Z'));
}

async function write(database: Database, count: number, verdict: Verdict, observedAt: Date): Promise<number> {
  const adapter = createRegistry().get(OWNER.provider);
  if (!adapter) throw new Error(`no adapter for ${OWNER.provider}`);
  for (let start = 0; start < count; start += BATCH) {
    const records = Array.from({ length: Math.min(BATCH, count - start) }, (_, offset) => {
      const account = observed(start + offset, verdict);
      return toRecord({ account, remoteData: { id: account.providerAccountId, username: account.username }, observedAt }, adapter);
    });
    await withTransaction(database.pool, (client) => writeSightings(client, OWNER, records, observedAt));
  }
  return count;
}

function observed(number: number, verdict: Verdict): ObservedAccount {
  return {
    providerAccountId: `acc_${number}`,
    platform: number % 2 === 0 ? 'instagram' : 'tiktok',
    platformUserId: String(number),
    username: `bench${number}`,
    displayName: `Bench ${number}`,
    avatarUrl: null,
    profileUrl: `https://www.instagram.com/bench${number}`,
    isVerified: null,
    status: 'active',
    providerStatus: 'active',
    verdict,
    tokenValid: null,
    permissions: null,
    tokenExpiresAt: null,
    advice: [],
    metrics: { ...NO_METRICS, followers: number, following: 10 },
    settings: { targeting_config: {}, daily_limits: {} },
    connectedAt: '2025-06-01T00:00:00Z',
    lastUsedAt: null,
    providerUpdatedAt: null,
  };
}

import {
  type ObservationOwner,
  writeObservations,
} from '../src/accounts/observations.repository.js';
import { toRecord } from '../src/accounts/record.js';
import type { Database } from '../src/database/index.js';
import { withTransaction } from '../src/database/transact.js';
import {
  HEALTHY,
  NO_FACTS,
  NO_METRICS,
  type ObservedAccount,
  type Verdict,
} from '../src/model/index.js';
import { createRegistry } from '../src/providers/index.js';

/** As a sweep writes. */
const BATCH = 500;
const PAUSED: Verdict = { status: 'warning', reason: 'account_paused', fault: 'account' };

/** Writes accounts that are not known yet, as the first sweep does. @returns how many */
export function importAccounts(
  database: Database,
  owner: ObservationOwner,
  count: number,
  at: Date,
): Promise<number> {
  return write(database, owner, { count, verdict: HEALTHY, at, batch: BATCH });
}

/**
 * Changes the verdict of accounts that are known.
 * @param batch how many a transaction
 * @returns how many in all
 */
export function changeHealth(
  database: Database,
  owner: ObservationOwner,
  count: number,
  at: Date,
  batch = BATCH,
): Promise<number> {
  return write(database, owner, { count, verdict: PAUSED, at, batch });
}

interface Load {
  readonly count: number;
  readonly verdict: Verdict;
  readonly at: Date;
  /** How many a transaction. */
  readonly batch: number;
}

async function write(
  database: Database,
  owner: ObservationOwner,
  { count, verdict, at: observedAt, batch }: Load,
): Promise<number> {
  const adapter = createRegistry().require(owner.provider);
  for (let start = 0; start < count; start += batch) {
    const records = Array.from({ length: Math.min(batch, count - start) }, (_, offset) => {
      const account = observed(start + offset, verdict);
      return toRecord(
        {
          account,
          degraded: [],
          remoteData: { id: account.providerAccountId, username: account.username },
          observedAt,
          coverage: 'whole',
        },
        adapter,
      );
    });
    await withTransaction(database.pool, (client) =>
      writeObservations(client, owner, records, observedAt),
    );
  }
  return count;
}

/** An account as a look may show it. */
export function observed(number: number, verdict: Verdict): Required<ObservedAccount> {
  return {
    ...NO_FACTS,
    providerAccountId: `acc_${number}`,
    platform: number % 2 === 0 ? 'instagram' : 'tiktok',
    platformUserId: String(number),
    username: `bench${number}`,
    displayName: `Bench ${number}`,
    profileUrl: `https://www.instagram.com/bench${number}`,
    status: 'active',
    providerStatus: 'active',
    verdict,
    advice: [],
    metrics: { ...NO_METRICS, followers: number, following: 10 },
    settings: { targeting_config: {}, daily_limits: {} },
    connectedAt: '2025-06-01T00:00:00Z',
  };
}

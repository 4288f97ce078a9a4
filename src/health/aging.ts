import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import type { Address, Registry } from '../providers/index.js';
import { markHealthUnknown, VerdictsRepository } from './verdicts.repository.js';

/** Connections that one statement checks. */
const CHECKED_AT_ONCE = 500;

/** What verdicts age by besides the clock. */
interface AgingContext {
  /** The latest outage at each address that has had one: `open`, or when it ended. */
  readonly outages: readonly (Address & { readonly endedAt: Date | 'open' })[];
  /** Since when gateways run without a break. */
  readonly runningSince: Date;
  /**
   * Opens the incident of an address that fails for everybody.
   * @returns whether one is open: its verdicts stand then
   */
  readonly opensIncident: (address: Address, silentSince: Date | null) => Promise<boolean>;
}

/**
 * Turns verdicts that no good look has confirmed for too long into `unknown`. While a provider's
 * outage is known, and until every account can have been looked at again after it, its verdicts
 * stand: the outage itself is reported, once, and before any verdict ages by it.
 */
export async function ageVerdicts(
  database: Database,
  registry: Registry,
  { outages, runningSince, opensIncident }: AgingContext,
  now: Date,
): Promise<void> {
  const verdicts = new VerdictsRepository(database);
  const providers = registry.all().map(({ id }) => id);
  const ended = outages.map(({ endedAt, ...address }) => ({
    ...address,
    endedAt: endedAt === 'open' ? now : endedAt,
  }));
  // What is checked is due again no earlier than now, so this ends.
  for (let checked = CHECKED_AT_ONCE; checked === CHECKED_AT_ONCE; ) {
    const connections = await verdicts.takeDue(
      { now, providers, outages: ended, runningSince },
      CHECKED_AT_ONCE,
    );
    checked = connections.length;
    for (const { due, lookedBefore, askedSince, silentSince, ...connection } of connections) {
      if (due.length === 0) continue;
      const adapter = registry.require(connection.provider);
      const isSilent = due.includes('provider_unreachable');
      if (isSilent && (await opensIncident(connection, silentSince))) continue;
      await withTransaction(database.pool, async (client) => {
        for (const verdict of due) {
          const age = { lookedBefore, askedSince };
          await markHealthUnknown(client, { connection, adapter, verdict, age }, now);
        }
      });
    }
  }
}

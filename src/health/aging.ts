import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import type { Registry } from '../providers/index.js';
import { markHealthUnknown, VerdictsRepository } from './verdicts.repository.js';

/** Connections that one statement checks. */
const CHECKED_AT_ONCE = 500;

/**
 * Turns verdicts that no good look has confirmed for too long into `unknown`. While a provider's
 * outage is known, and until every account can have been looked at again after it, its verdicts
 * stand: the outage itself is reported, once.
 * @param incidents each provider's latest outage: `open`, or when it ended
 */
export async function ageVerdicts(
  database: Database,
  registry: Registry,
  incidents: ReadonlyMap<string, 'open' | Date>,
  now: Date,
): Promise<void> {
  const verdicts = new VerdictsRepository(database);
  const outages = new Map(
    registry.all().map(({ id }) => {
      const incident = incidents.get(id) ?? null;
      return [id, incident === 'open' ? now : incident];
    }),
  );
  // What is checked is due again no earlier than now, so this ends.
  for (let checked = CHECKED_AT_ONCE; checked === CHECKED_AT_ONCE; ) {
    const connections = await verdicts.takeDue(now, outages, CHECKED_AT_ONCE);
    checked = connections.length;
    for (const { isDue, lookedBefore, ...connection } of connections) {
      const adapter = registry.get(connection.provider);
      if (!isDue || !adapter) continue;
      const loss = { connection, adapter, verdict: 'provider_unreachable', lookedBefore } as const;
      await withTransaction(database.pool, (client) => markHealthUnknown(client, loss, now));
    }
  }
}

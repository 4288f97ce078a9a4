import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import type { Registry } from '../providers/index.js';
import { oldestThatCounts } from './verdict.js';
import { markHealthUnknown } from './verdicts.repository.js';

/**
 * Turns verdicts that no good look has confirmed for too long into `unknown`.
 * @param incidents each provider's latest outage: `open`, or when it ended
 */
export async function ageVerdicts(
  database: Database,
  registry: Registry,
  incidents: ReadonlyMap<string, 'open' | Date>,
  now: Date,
): Promise<void> {
  // A sweep that is under way may give the look that is awaited; while a key is rejected nothing is
  // expected.
  const connections = await database.prisma.connection.findMany({
    where: { state: 'active', sweeps: { none: { state: 'running' } } },
    select: { id: true, teamId: true, provider: true, sweepIntervalSeconds: true },
  });
  for (const connection of connections) {
    const { sweepIntervalSeconds, provider } = connection;
    const oldest = oldestThatCounts(now, {
      sweepIntervalSeconds,
      incident: incidents.get(provider) ?? null,
    });
    const adapter = registry.get(provider);
    if (oldest === null || adapter === undefined) continue;
    await withTransaction(database.pool, (client) =>
      markHealthUnknown(client, connection, adapter, 'provider_unreachable', now, oldest),
    );
  }
}

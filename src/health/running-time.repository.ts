import type pg from 'pg';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import { recordEventsOfTeams } from '../events/index.js';

interface RuntimeRow {
  readonly seen_at: Date;
  readonly running_since: Date;
}

/** A longer time between two notes is none in which somebody looked: at least one note is missing. */
const MAX_GAP_MS = 15_000;
/** A break shorter than this is told to nobody: all that is due is done a moment later. */
const MIN_REPORTED_MS = 30_000;

/** When gateways on this database were last seen to run. */
export class RunningTimeRepository {
  constructor(private readonly database: Database) {}

  /**
   * Notes that a gateway runs; a long absence of all of them is reported to every team with
   * connections.
   * @returns since when gateways run without a break
   */
  note(now: Date): Promise<Date> {
    return withTransaction(this.database.pool, async (client) => {
      await client.query(
        `INSERT INTO gateway_runtime (seen_at, running_since) VALUES ($1, $1)
         ON CONFLICT DO NOTHING`,
        [now],
      );
      const { rows } = await client.query<RuntimeRow>(
        'SELECT seen_at, running_since FROM gateway_runtime FOR UPDATE',
      );
      const [last = { seen_at: now, running_since: now }] = rows;
      // By less than a gap the clocks of replicas may differ; by more, a clock was set back.
      const gapMs = now.getTime() - last.seen_at.getTime();
      const isUnbroken = Math.abs(gapMs) <= MAX_GAP_MS;
      const since = isUnbroken ? last.running_since : now;
      const seenAt = isUnbroken && gapMs < 0 ? last.seen_at : now;
      await client.query('UPDATE gateway_runtime SET seen_at = $1, running_since = $2', [
        seenAt,
        since,
      ]);
      if (gapMs > MIN_REPORTED_MS) await reportResumption(client, last.seen_at, now);
      return since;
    });
  }
}

async function reportResumption(client: pg.ClientBase, stoppedAt: Date, now: Date): Promise<void> {
  const { rows } = await client.query<{ team_id: string }>(
    'SELECT DISTINCT team_id FROM connections ORDER BY team_id',
  );
  const data = {
    stopped_at: stoppedAt,
    resumed_at: now,
    seconds: Math.round((now.getTime() - stoppedAt.getTime()) / 1000),
  };
  const event = { type: 'gateway.resumed', accountId: null, data } as const;
  await recordEventsOfTeams(
    client,
    rows.map(({ team_id }) => ({ teamId: team_id, event })),
    now,
  );
}

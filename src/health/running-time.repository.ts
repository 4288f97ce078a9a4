import type pg from 'pg';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import { recordEventsOfTeams } from '../events/index.js';

interface RuntimeRow {
  readonly seen_at: Date;
  readonly running_since: Date;
}

/** When gateways on this database were last seen to run. */
export class RunningTimeRepository {
  constructor(private readonly database: Database) {}

  /**
   * Notes that a gateway runs.
   * @param isUnbroken whether the one that notes it has run since it noted it last
   * @param maxBreakMs a longer absence of all gateways is reported to every team with connections
   * @returns since when gateways run without a break
   */
  note(now: Date, isUnbroken: boolean, maxBreakMs: number): Promise<Date> {
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
      const wasAway = !isUnbroken && now.getTime() - last.seen_at.getTime() > maxBreakMs;
      const since = wasAway ? now : last.running_since;
      await client.query(
        'UPDATE gateway_runtime SET seen_at = GREATEST(seen_at, $1), running_since = $2',
        [now, since],
      );
      if (wasAway) await reportResumption(client, last.seen_at, now);
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

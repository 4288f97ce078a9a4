import type { Database } from '../database/index.js';
import { utc } from '../database/sql.js';
import { unlessTaken } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import { HEALTH_STATUSES } from '../model/index.js';
import type { LevelStep } from './health.requests.js';

/** Which levels a caller asks for. */
interface LevelRange {
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly step: LevelStep;
  /** Empty: all that the caller may see. */
  readonly providers: readonly string[];
}

/** How many accounts at a provider were how, at the end of an hour or day. */
type Level = Readonly<Record<(typeof HEALTH_STATUSES)[number], number>> & {
  readonly at: string;
  readonly total: number;
};

const COLUMNS = HEALTH_STATUSES.join(', ');
const counted = HEALTH_STATUSES.map(
  (status) => `COALESCE(sum(a.delta) FILTER (WHERE a.health_status = '${status}'), 0) AS ${status}`,
).join(', ');
const written = HEALTH_STATUSES.map((status) => `EXCLUDED.${status}`).join(', ');

/** $1: now. Providers without a connection of the team have no level, those without accounts zero. */
const NOTE = `
INSERT INTO health_hours AS h (team_id, hour, provider, ${COLUMNS})
SELECT c.team_id, date_trunc('hour', $1::timestamptz, 'UTC'), c.provider, ${counted}
FROM (SELECT DISTINCT team_id, provider FROM connections) c
LEFT JOIN account_counts a
  ON a.team_id = c.team_id AND a.provider = c.provider AND a.status <> 'disconnected'
GROUP BY c.team_id, c.provider
ON CONFLICT (team_id, hour, provider) DO UPDATE SET (${COLUMNS}) = ROW(${written})
WHERE (${HEALTH_STATUSES.map((status) => `h.${status}`).join(', ')}) IS DISTINCT FROM (${written})`;

/** How many accounts of each team were how at each provider, hour by hour. */
export class LevelsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Notes how many accounts are how: the last note of an hour stays. What did not change is not
   * written again. Replicas take turns.
   */
  async note(now: Date): Promise<void> {
    await unlessTaken(this.database.pool, 'health levels', (client) => client.query(NOTE, [now]));
  }

  /** Deletes a batch of the hours before `time`. */
  async delete(time: Date): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM health_hours WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM health_hours WHERE hour < $1 LIMIT 20000))`,
      [time],
    );
  }

  /** By provider, each oldest first. Of a day its last hour counts. */
  async read(
    { teamId, key }: Caller,
    { from, to, step, providers }: LevelRange,
  ): Promise<{ readonly provider: string; readonly levels: readonly Level[] }[]> {
    const slot = `date_trunc('${step}', h.hour, 'UTC')`;
    const { rows } = await this.database.pool.query<{ provider: string; levels: Level[] }>({
      name: `health-levels-${step}`,
      text: `SELECT provider, json_agg(json_build_object('at', ${utc('slot')},
            'total', ${HEALTH_STATUSES.join(' + ')},
            ${HEALTH_STATUSES.map((status) => `'${status}', ${status}`).join(', ')})
            ORDER BY slot) AS levels
          FROM (
            SELECT DISTINCT ON (h.provider, ${slot}) h.provider, ${slot} AS slot,
              ${HEALTH_STATUSES.map((status) => `h.${status}`).join(', ')}
            FROM health_hours h
            WHERE h.team_id = $1 AND h.hour >= $2 AND h.hour < $3
              AND (cardinality($4::text[]) = 0 OR h.provider = ANY($4))
              AND (cardinality($5::text[]) = 0 OR h.provider = ANY($5))
            ORDER BY h.provider, ${slot}, h.hour DESC) last
          GROUP BY provider ORDER BY provider`,
      values: [teamId, from, to, key.providers, providers],
    });
    return rows;
  }
}

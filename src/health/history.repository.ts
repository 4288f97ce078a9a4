import type { Database } from '../database/index.js';
import type { HealthDay } from '../database/prisma-client/client.js';
import { unlessTaken } from '../database/transact.js';
import { placeOf } from '../events/index.js';

/** Changes that are too old to keep one by one, summarized for each account and UTC day. */
export class HistoryRepository {
  /** @param batch how many changes one batch begins with; those of the same days come along */
  constructor(
    private readonly database: Database,
    private readonly batch = 5_000,
  ) {}

  /** Of one account, newest first. */
  ofAccount(accountId: string, take: number): Promise<HealthDay[]> {
    return this.database.prisma.healthDay.findMany({
      where: { accountId },
      orderBy: [{ lastAt: 'desc' }, { id: 'desc' }],
      take,
    });
  }

  /**
   * Sums up a batch of the changes before the UTC day of `time`, whole days of an account at a
   * time. Replicas take turns; a batch is one statement, so that a change is either kept or summed
   * up. The last change of a team is kept: its feed's readers stand there.
   */
  async compact(time: Date): Promise<void> {
    const midnight = new Date(time);
    midnight.setUTCHours(0, 0, 0, 0);
    await unlessTaken(this.database.pool, 'health history', (client) =>
      client.query(COMPACT, [midnight, this.batch]),
    );
  }

  /**
   * Deletes a batch of summaries from before `time`. What is kept stays true: each contains the
   * status before it.
   */
  async delete(time: Date): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM health_days WHERE id IN (
         SELECT id FROM health_days WHERE last_at < $1 LIMIT 20000)`,
      [time],
    );
  }
}

/** The milliseconds between the first and the last change in which a status held. */
const msOf = (status: string) =>
  `COALESCE(
    sum(extract(epoch FROM until - at) * 1000) FILTER (WHERE to_status = '${status}'), 0)::int`;

const COMPACT = `
WITH days AS (
  SELECT account_id, date_trunc('day', at, 'UTC') AS day
  FROM (SELECT account_id, at FROM health_transitions WHERE at < $1 LIMIT $2) AS old
  EXCEPT
  SELECT account_id, date_trunc('day', at, 'UTC') FROM teams m CROSS JOIN LATERAL (
    SELECT account_id, at FROM health_transitions t WHERE t.team_id = m.id
    ORDER BY ${placeOf('t')} DESC, t.id DESC LIMIT 1) AS newest
),
changes AS (
  DELETE FROM health_transitions t USING days d
  WHERE t.account_id = d.account_id AND t.at >= d.day AND t.at < d.day + interval '1 day'
  RETURNING t.*, d.day
),
spells AS (
  SELECT *, lead(at) OVER in_order AS until, first_value(from_status) OVER in_order AS day_from,
    array_position(ARRAY['healthy', 'unknown', 'warning', 'unhealthy'], to_status) AS gravity
  FROM changes WINDOW in_order AS (PARTITION BY account_id, day ORDER BY at, id)
),
sums AS (
  SELECT account_id, day, count(*) AS transitions, min(at) AS first_at, max(gravity) AS gravity,
    ${msOf('healthy')} AS healthy_ms, ${msOf('warning')} AS warning_ms,
    ${msOf('unhealthy')} AS unhealthy_ms, ${msOf('unknown')} AS unknown_ms
  FROM spells GROUP BY account_id, day
)
INSERT INTO health_days (id, team_id, account_id, from_status, to_status, reason, fault, evidence,
  worst_status, transitions, healthy_ms, warning_ms, unhealthy_ms, unknown_ms, first_at, last_at)
SELECT last.id, last.team_id, account_id, last.day_from, last.to_status, last.reason, last.fault,
  last.evidence, (ARRAY['healthy', 'unknown', 'warning', 'unhealthy'])[sums.gravity], transitions,
  healthy_ms, warning_ms, unhealthy_ms, unknown_ms, first_at, last.at
FROM sums JOIN spells AS last USING (account_id, day) WHERE last.until IS NULL`;

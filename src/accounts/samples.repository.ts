import type pg from 'pg';
import { type Database, keepPartitions, type TimePartitions } from '../database/index.js';
import { utc } from '../database/sql.js';
import { ACCOUNT_COLUMNS } from '../model/index.js';
import { RETENTION_DAILY_DAYS, RETENTION_HOURLY_DAYS, type Step } from './samples.requests.js';

const DAY_MS = 86_400_000;
/** Accounts whose samples are deleted at once. */
const MAX_FORGOTTEN = 100;

/** The columns of a sample, each as the account has it, and the metric that it is shown as. */
const METRICS = ACCOUNT_COLUMNS.flatMap(({ name, column, type }) =>
  name?.startsWith('metrics.') && column !== null
    ? [{ metric: name.slice('metrics.'.length), column, type }]
    : [],
);
const COLUMNS = METRICS.map(({ column }) => column);
/** Those of the account `a`. */
const VALUES = COLUMNS.map((column) => `a.${column}`).join(', ');

/** A table of samples: one for each account and slot, the newest of that slot. */
interface Series extends TimePartitions {
  readonly slot: 'hour' | 'day';
}

const HOURLY: Series = {
  table: 'metric_samples_hourly',
  slot: 'hour',
  unit: 'week',
  ahead: 2,
  retentionMs: RETENTION_HOURLY_DAYS * DAY_MS,
};
const DAILY: Series = {
  table: 'metric_samples_daily',
  slot: 'day',
  unit: 'month',
  ahead: 2,
  retentionMs: RETENTION_DAILY_DAYS * DAY_MS,
};

/**
 * SQL: the sample of the slot is written over where there is one. To try the insertion first would
 * lock what is there, which costs as much as to write it.
 * @param source the accounts, as `seen` has them
 */
const writeInto = ({ table, slot }: Series, source: string) => {
  const start = `date_trunc('${slot}', $2::timestamptz, 'UTC')`;
  return `
  known_${slot} AS (
    UPDATE ${table} s SET at = $2, ${COLUMNS.map((column) => `${column} = a.${column}`).join(', ')}
    FROM ${source} a WHERE s.account_id = a.id AND s.slot = ${start} AND s.at <= $2
    RETURNING s.account_id),
  new_${slot} AS (
    INSERT INTO ${table} (account_id, slot, at, ${COLUMNS.join(', ')})
    SELECT a.id, ${start}, $2, ${VALUES} FROM ${source} a
    WHERE a.id NOT IN (SELECT account_id FROM known_${slot})
    ON CONFLICT (account_id, slot) DO NOTHING RETURNING account_id)`;
};

/**
 * SQL: the first samples of new accounts, as part of the statement that writes them.
 * @param source the accounts as they now stand
 * @param at when they were seen
 */
export const firstSamples = (source: string, at: string) =>
  [HOURLY, DAILY]
    .map(
      ({ table, slot }) => `first_${slot} AS (
    INSERT INTO ${table} (account_id, slot, at, ${COLUMNS.join(', ')})
    SELECT a.id, date_trunc('${slot}', ${at}, 'UTC'), ${at}, ${VALUES}
    FROM ${source} a WHERE num_nonnulls(${VALUES}) > 0)`,
    )
    .join(',');

/**
 * Keeps the metrics that these accounts have now as samples, all in one statement; of accounts that
 * have none, nothing. The sample of the day follows the first of each hour alone, so that most
 * changes write one row.
 * @param client within the transaction of the change
 * @param at when they were seen
 */
export async function addSamples(
  client: pg.ClientBase,
  accountIds: readonly string[],
  at: Date,
): Promise<void> {
  if (accountIds.length === 0) return;
  await client.query({
    name: 'add-metric-samples',
    text: `WITH seen AS MATERIALIZED (
        SELECT id, ${COLUMNS.join(', ')} FROM accounts
        WHERE id = ANY($1) AND num_nonnulls(${COLUMNS.join(', ')}) > 0),
      ${writeInto(HOURLY, 'seen')},
      of_new_hours AS (SELECT * FROM seen WHERE id IN (SELECT account_id FROM new_hour)),
      ${writeInto(DAILY, 'of_new_hours')}
      SELECT 1`,
    values: [accountIds, at],
  });
}

/** Metrics as they were at a time. */
interface Sample {
  readonly at: string;
  readonly [metric: string]: number | string | null;
}

const SAMPLE = `json_build_object('at', ${utc('s.at')}, ${METRICS.map(
  ({ metric, column, type }) =>
    `'${metric}', ${type === 'timestamptz' ? utc(`s.${column}`) : `s.${column}`}`,
).join(', ')})`;

/** The part of an account's samples that is asked for. */
export interface SampleRange {
  readonly from: Date;
  readonly to: Date;
  readonly step: Step;
}

/** Reads the samples of accounts, and keeps them as long as is said. */
export class SamplesRepository {
  constructor(private readonly database: Database) {}

  /**
   * The newest sample of each step that has one, oldest first: of hours while they are kept, and of
   * days.
   */
  async read(accountId: string, { from, to, step }: SampleRange): Promise<Sample[]> {
    const within = ({ table }: Series) => `SELECT * FROM ${table}
      WHERE account_id = $1 AND slot > $2::timestamptz - interval '1 day' AND slot < $3
        AND at >= $2 AND at < $3`;
    const { rows } = await this.database.pool.query<{ sample: Sample }>({
      name: `metric-samples-by-${step}`,
      text: `SELECT ${SAMPLE} AS sample FROM (
          SELECT DISTINCT ON (date_trunc('${step}', at, 'UTC')) *
          FROM (${within(HOURLY)} UNION ALL ${within(DAILY)}) kept
          ORDER BY date_trunc('${step}', at, 'UTC'), at DESC) s
        ORDER BY s.at`,
      values: [accountId, from, to],
    });
    return rows.map(({ sample }) => sample);
  }

  /** The last sample before a time: what the metrics were then. `null`: none is kept. */
  async before(accountId: string, time: Date): Promise<Sample | null> {
    const last = ({ table }: Series) => `(SELECT * FROM ${table}
      WHERE account_id = $1 AND slot < $2 AND at < $2 ORDER BY slot DESC LIMIT 1)`;
    const { rows } = await this.database.pool.query<{ sample: Sample }>({
      name: 'metric-sample-before',
      text: `SELECT ${SAMPLE} AS sample FROM (${last(HOURLY)} UNION ALL ${last(DAILY)}) s
        ORDER BY s.at DESC LIMIT 1`,
      values: [accountId, time],
    });
    return rows[0]?.sample ?? null;
  }

  /** Makes the partitions of the time to come and drops those that are too old. */
  async keepPartitions(now: Date): Promise<void> {
    for (const series of [HOURLY, DAILY]) await keepPartitions(this.database.pool, series, now);
  }

  /** Deletes the samples of accounts that are deleted. */
  async forget(): Promise<void> {
    const ofThose = 'account_id = ANY(ARRAY(SELECT account_id FROM forgotten))';
    for (let isLeft = true; isLeft; ) {
      const { rows } = await this.database.pool.query<{ count: number }>(
        `WITH forgotten AS MATERIALIZED (
           DELETE FROM forgotten_accounts WHERE account_id IN (
             SELECT account_id FROM forgotten_accounts LIMIT $1 FOR UPDATE SKIP LOCKED)
           RETURNING account_id),
         hourly AS (DELETE FROM ${HOURLY.table} WHERE ${ofThose}),
         daily AS (DELETE FROM ${DAILY.table} WHERE ${ofThose})
         SELECT count(*)::int AS count FROM forgotten`,
        [MAX_FORGOTTEN],
      );
      isLeft = rows[0]?.count === MAX_FORGOTTEN;
    }
  }
}

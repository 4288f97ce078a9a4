import type pg from 'pg';
import type { Database } from '../database/index.js';
import { Parameters, utc } from '../database/sql.js';
import type { Caller } from '../http/caller.js';
import { type PageRequest, type PageRow, writtenRow } from '../http/page.js';
import { FINDING_KINDS, type FindingKindName } from './finding-kinds.js';
import { type FindingRow, MAX_FINDING_ACCOUNTS, toAnswer } from './findings.schema.js';

export const FINDING_STATES = ['open', 'dismissed', 'closed'] as const;
type FindingState = (typeof FINDING_STATES)[number];

export interface FindingFilter {
  readonly state: readonly FindingState[];
  readonly kind?: readonly string[] | undefined;
  readonly profile_id?: readonly string[] | undefined;
  readonly provider?: readonly string[] | undefined;
  readonly platform?: readonly string[] | undefined;
  readonly since?: Date | undefined;
}

/** A finding to be opened. */
export interface NewFinding {
  readonly id: string;
  readonly kind: FindingKindName;
  readonly profile_id: string;
  readonly platform: string;
  readonly account_ids: readonly string[];
  readonly providers: readonly string[];
  readonly details: object;
  readonly fingerprint: string;
  readonly since: Date;
}

/** One that is open or dismissed. */
export interface HeldFinding {
  readonly id: string;
  readonly kind: FindingKindName;
  readonly profileId: string;
  readonly providers: readonly string[];
  readonly fingerprint: string;
}

/** Deleted by one statement. */
const DELETED_AT_ONCE = 1_000;

/** A finding by its state. */
const CONDITIONS: Readonly<Record<FindingState, string>> = {
  open: '(f.closed_at IS NULL AND f.dismissed_at IS NULL)',
  dismissed: '(f.closed_at IS NULL AND f.dismissed_at IS NOT NULL)',
  closed: 'f.closed_at IS NOT NULL',
};

const ROW = `f.id, f.kind, f.profile_id AS "profileId", f.platform, f.providers, f.details,
  ${utc('f.since')} AS since, ${utc('f.closed_at')} AS "closedAt",
  ${utc('f.dismissed_at')} AS "dismissedAt", f.dismissed_by_id AS "dismissedById",
  f.dismissed_by_name AS "dismissedByName", f.dismissed_reason AS "dismissedReason",
  cardinality(f.account_ids) AS "accountCount",
  COALESCE((SELECT json_agg(json_build_object('id', a.id,
      'ref', a.provider || ':' || a.provider_account_id, 'provider', a.provider,
      'username', a.username) ORDER BY a.id)
    FROM accounts a WHERE a.id = ANY(f.account_ids[:${MAX_FINDING_ACCOUNTS}])), '[]') AS accounts`;

const ONE = `SELECT ${ROW} FROM findings f WHERE f.id = $1 AND f.team_id = $2
  AND (cardinality($3::text[]) = 0 OR f.providers <@ $3) AND f.kind = ANY($4)`;

const oneOf = ({ teamId, key }: Caller, id: string) => [id, teamId, key.providers, FINDING_KINDS];

/** The rows of findings. */
export class FindingsRepository {
  constructor(private readonly database: Database) {}

  /** A page of findings, newest first. */
  async page(
    caller: Caller,
    filter: FindingFilter,
    { after, limit }: PageRequest,
  ): Promise<PageRow[]> {
    const parameters = new Parameters();
    const conditions = [conditionsOf(caller, filter, parameters)];
    if (after !== undefined) conditions.push(`f.id < ${parameters.add(after.id)}`);
    const { rows } = await this.database.pool.query<FindingRow>(
      `SELECT ${ROW} FROM (SELECT * FROM findings f WHERE ${conditions.join(' AND ')}
         ORDER BY f.id DESC LIMIT ${parameters.add(limit)}) f ORDER BY f.id DESC`,
      parameters.values,
    );
    return rows.map((row) => writtenRow(toAnswer(row), { value: null, id: row.id }));
  }

  async count(caller: Caller, filter: FindingFilter): Promise<number> {
    const parameters = new Parameters();
    const { rows } = await this.database.pool.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM findings f
       WHERE ${conditionsOf(caller, filter, parameters)}`,
      parameters.values,
    );
    return rows[0]?.total ?? 0;
  }

  /** A finding that the caller sees. */
  async find(caller: Caller, id: string): Promise<FindingRow | undefined> {
    const { rows } = await this.database.pool.query<FindingRow>({
      name: 'find-finding',
      text: ONE,
      values: oneOf(caller, id),
    });
    return rows[0];
  }

  /** The same, locked until the transaction of `client` ends. */
  async lock(client: pg.ClientBase, caller: Caller, id: string): Promise<FindingRow | undefined> {
    const { rows } = await client.query<FindingRow>({
      name: 'lock-finding',
      text: `${ONE} FOR UPDATE OF f`,
      values: oneOf(caller, id),
    });
    return rows[0];
  }

  /** Those of these profiles that are not closed. */
  async findHeld(client: pg.ClientBase, profileIds: readonly string[]): Promise<HeldFinding[]> {
    const { rows } = await client.query<HeldFinding>({
      name: 'held-findings',
      text: `SELECT id, kind, profile_id AS "profileId", providers, fingerprint
        FROM findings WHERE profile_id = ANY($1) AND kind = ANY($2) AND closed_at IS NULL
        ORDER BY id`,
      values: [profileIds, FINDING_KINDS],
    });
    return rows;
  }

  /**
   * Goes on with findings that are held of another profile, which had their accounts before, and
   * takes up again those that were dismissed and are as they were then.
   * @returns these
   */
  async resume(
    client: pg.ClientBase,
    teamId: string,
    wanted: readonly NewFinding[],
    at: Date,
  ): Promise<Pick<HeldFinding, 'id' | 'fingerprint'>[]> {
    const { rows } = await client.query<Pick<HeldFinding, 'id' | 'fingerprint'>>({
      name: 'resume-findings',
      text: `UPDATE findings f SET profile_id = r.profile_id, closed_at = NULL, updated_at = $4
        FROM (
          SELECT DISTINCT ON (o.fingerprint) o.id, w.profile_id
          FROM unnest($2::text[], $3::text[]) AS w(profile_id, fingerprint)
          JOIN findings o ON o.team_id = $1 AND o.fingerprint = w.fingerprint
          WHERE o.closed_at IS NULL OR o.dismissed_at IS NOT NULL
          ORDER BY o.fingerprint, o.closed_at DESC, o.id DESC) AS r
        WHERE f.id = r.id RETURNING f.id, f.fingerprint`,
      values: [
        teamId,
        wanted.map(({ profile_id }) => profile_id),
        wanted.map(({ fingerprint }) => fingerprint),
        at,
      ],
    });
    return rows;
  }

  async open(
    client: pg.ClientBase,
    teamId: string,
    findings: readonly NewFinding[],
    at: Date,
  ): Promise<void> {
    await client.query({
      name: 'open-findings',
      text: `INSERT INTO findings (id, team_id, kind, profile_id, platform, account_ids, providers,
          details, fingerprint, since, updated_at)
        SELECT id, $2, kind, profile_id, platform, account_ids, providers, details, fingerprint,
          since, $3
        FROM jsonb_to_recordset($1::jsonb) AS f(id text, kind text, profile_id text, platform text,
          account_ids text[], providers text[], details jsonb, fingerprint text, since timestamptz)`,
      values: [JSON.stringify(findings), teamId, at],
    });
  }

  /** @returns the ids of those that nobody had dismissed */
  async close(client: pg.ClientBase, ids: readonly string[], at: Date): Promise<string[]> {
    const { rows } = await client.query<{ id: string; isDismissed: boolean }>({
      name: 'close-findings',
      text: `UPDATE findings SET closed_at = $2, updated_at = $2
        WHERE id = ANY($1) AND closed_at IS NULL
        RETURNING id, dismissed_at IS NOT NULL AS "isDismissed"`,
      values: [ids, at],
    });
    return rows.filter(({ isDismissed }) => !isDismissed).map(({ id }) => id);
  }

  async dismiss(
    client: pg.ClientBase,
    { key }: Caller,
    id: string,
    reason: string,
    at: Date,
  ): Promise<void> {
    await client.query(
      `UPDATE findings SET dismissed_at = $2, dismissed_by_id = $3, dismissed_by_name = $4,
         dismissed_reason = $5, updated_at = $2 WHERE id = $1`,
      [id, at, key.id, key.name, reason],
    );
  }

  /** Deletes those that were closed before a time. */
  async deleteClosed(before: Date): Promise<void> {
    for (let deleted = DELETED_AT_ONCE; deleted === DELETED_AT_ONCE; ) {
      const { rowCount } = await this.database.pool.query(
        `DELETE FROM findings WHERE id IN (
           SELECT id FROM findings WHERE closed_at < $1 LIMIT ${DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED)`,
        [before],
      );
      deleted = rowCount ?? 0;
    }
  }
}

function conditionsOf(caller: Caller, filter: FindingFilter, parameters: Parameters): string {
  const { teamId, key } = caller;
  const conditions = [
    `f.team_id = ${parameters.add(teamId)}`,
    // What is open or dismissed has an index of its own.
    filter.state.includes('closed')
      ? `(${filter.state.map((state) => CONDITIONS[state]).join(' OR ')})`
      : `f.closed_at IS NULL AND (${filter.state.map((state) => CONDITIONS[state]).join(' OR ')})`,
  ];
  const among = (column: string, values: readonly string[] | undefined) => {
    if (values !== undefined) conditions.push(`${column} = ANY(${parameters.add(values)}::text[])`);
  };
  if (key.providers.length > 0)
    conditions.push(`f.providers <@ ${parameters.add(key.providers)}::text[]`);
  // Another release may know further ones.
  among('f.kind', filter.kind ?? FINDING_KINDS);
  if (filter.profile_id !== undefined) conditions.push(isAbout(filter.profile_id, parameters));
  among('f.platform', filter.platform);
  if (filter.provider !== undefined)
    conditions.push(`EXISTS (SELECT FROM accounts a WHERE a.id = ANY(f.account_ids)
      AND a.provider = ANY(${parameters.add(filter.provider)}::text[]))`);
  if (filter.since !== undefined) conditions.push(`f.since >= ${parameters.add(filter.since)}`);
  return conditions.join(' AND ');
}

/**
 * Whether a finding is about one of these profiles. A former id leads to the profile that has its
 * accounts now; what was closed before is still under that id.
 */
function isAbout(profileIds: readonly string[], parameters: Parameters): string {
  const ids = `${parameters.add(profileIds)}::text[]`;
  return `f.profile_id = ANY(ARRAY(SELECT unnest(${ids})
    UNION ALL SELECT r.merged_into FROM profile_redirects r WHERE r.id = ANY(${ids})))`;
}

import type { Database } from '../database/index.js';
import type { Caller } from '../http/caller.js';
import { MAX_HISTORY_EVIDENCE } from './history.schema.js';

interface HistoryRow {
  readonly id: string;
  readonly profile_id: string;
  readonly action: string;
  readonly account_id: string | null;
  readonly rule: string;
  readonly evidence: readonly Readonly<Record<string, unknown>>[];
  readonly key_id: string | null;
  readonly key_name: string | null;
  readonly request_id: string | null;
  readonly reason: string | null;
  readonly reverted_by: string | null;
  readonly at: Date;
}

/** With the team, the profile and the providers that the caller sees (none: all). */
const OF_PROFILE = `h.team_id = $1
  AND h.profile_id = ANY(ARRAY(SELECT $2 UNION ALL SELECT r.id FROM profile_redirects r WHERE r.merged_into = $2))
  AND (cardinality($3::text[]) = 0 OR h.account_id IS NULL OR EXISTS (
    SELECT FROM accounts a WHERE a.id = h.account_id AND a.provider = ANY($3)))`;

/** Reads the history of profiles. */
export class ProfileHistoryRepository {
  constructor(private readonly database: Database) {}

  /** Changes of a profile, and of those that were merged into it, newest first. */
  async page(caller: Caller, profileId: string, beforeId: string | undefined, limit: number) {
    const { rows } = await this.database.pool.query<HistoryRow>(
      `SELECT h.number::text AS id, h.profile_id, h.action, h.account_id, h.rule, h.evidence, h.key_id,
         h.key_name, h.request_id, h.reason, h.reverted_by::text, h.at
       FROM profile_history h WHERE ${OF_PROFILE} AND ($4::bigint IS NULL OR h.number < $4)
       ORDER BY h.number DESC LIMIT $5`,
      [...this.profileOf(caller, profileId), beforeId ?? null, limit],
    );
    const seen = await this.seenAmong(caller, rows);
    return rows.map((row) => toAnswer(row, seen));
  }

  async count(caller: Caller, profileId: string): Promise<number> {
    const { rows } = await this.database.pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM profile_history h WHERE ${OF_PROFILE}`,
      this.profileOf(caller, profileId),
    );
    return rows[0]?.count ?? 0;
  }

  private profileOf({ teamId, key }: Caller, profileId: string): unknown[] {
    return [teamId, profileId, key.providers];
  }

  /** The accounts that the caller sees of those in the evidence; `null`: all. */
  private async seenAmong(
    { teamId, key }: Caller,
    rows: readonly HistoryRow[],
  ): Promise<ReadonlySet<string> | null> {
    if (key.providers.length === 0) return null;
    const named = rows.flatMap(({ evidence }) => evidence.flatMap(accountsIn));
    const { rows: seen } = await this.database.pool.query<{ id: string }>(
      'SELECT id FROM accounts WHERE id = ANY($1) AND team_id = $2 AND provider = ANY($3)',
      [named, teamId, key.providers],
    );
    return new Set(seen.map(({ id }) => id));
  }
}

type Evidence = HistoryRow['evidence'][number];

/** Evidence is about one account, or about several. */
function accountsIn({ account_id: one, account_ids: several }: Evidence): string[] {
  const ids = Array.isArray(several) ? several : [one];
  return ids.filter((id): id is string => typeof id === 'string');
}

/** The evidence as far as it is about accounts that the caller sees. */
function shownTo(seen: ReadonlySet<string> | null, evidence: Evidence): Evidence[] {
  if (seen === null) return [evidence];
  const accounts = accountsIn(evidence);
  if (accounts.length === 0) return [evidence];
  const shown = accounts.filter((id) => seen.has(id));
  if (shown.length === 0) return [];
  return [evidence.account_ids === undefined ? evidence : { ...evidence, account_ids: shown }];
}

function toAnswer(row: HistoryRow, seen: ReadonlySet<string> | null) {
  return {
    id: row.id,
    type: 'profile_change' as const,
    profile_id: row.profile_id,
    action: row.action,
    account_id: row.account_id,
    rule: row.rule,
    evidence: row.evidence
      .slice(0, MAX_HISTORY_EVIDENCE)
      .flatMap((evidence) => shownTo(seen, evidence)),
    actor: row.key_id === null ? null : { key_id: row.key_id, name: row.key_name },
    request_id: row.request_id,
    reason: row.reason,
    reverted_by: row.reverted_by,
    at: row.at,
  };
}

import type pg from 'pg';
import { type AuditEntry, auditFrom, auditRowOf } from '../audit/index.js';
import { type EventType, mixedAccountEventsFrom } from '../events/index.js';
import { newId } from '../lib/ids.js';
import { actorOfStep, type Step, type StepProgress } from './step.js';

/** How far a step got. */
export interface Noted {
  readonly step: Step;
  readonly progress: StepProgress;
}

/** A step that is put off until its next attempt. */
export interface Postponement extends Noted {
  readonly until: Date;
}

/** The end of a step. */
export interface Ending extends Noted {
  readonly state: 'succeeded' | 'failed';
}

/**
 * Writes how far leased steps got, and holds their leases for longer.
 * @returns the ids of those whose lease still held
 */
export async function writeProgress(
  pool: pg.Pool,
  noted: readonly Noted[],
  at: Date,
  leaseMs: number,
): Promise<ReadonlySet<string>> {
  const entries = noted.map(({ step, progress }) =>
    auditOf(step, `disconnect_step.${progress.phase}`, {
      answer: progress.evidence.at(-1) ?? null,
    }),
  );
  const rows = noted.map((one, index) => ({ ...rowOf(one), audit_id: entries[index]?.id }));
  const { rows: written } = await pool.query<{ id: string }>(
    `WITH written AS (${updateSteps('leased_until = $4')}), audited AS (${RECORD_AUDIT})
     SELECT id FROM written`,
    [JSON.stringify(rows), at, JSON.stringify(entries), new Date(at.getTime() + leaseMs)],
  );
  return idsOf(written);
}

/** @returns the ids of those whose lease still held */
export async function writePostponements(
  pool: pg.Pool,
  postponements: readonly Postponement[],
): Promise<ReadonlySet<string>> {
  const rows = postponements.map(({ until, ...noted }) => ({ ...rowOf(noted), until }));
  const { rows: written } = await pool.query<{ id: string }>(
    updateSteps(`state = 'pending', next_attempt_at = r.until, leased_by = NULL,
      leased_until = NULL, verified = r.verified`),
    [JSON.stringify(rows)],
  );
  return idsOf(written);
}

/**
 * Ends steps, and returns or ends their accounts.
 * @param client within the transaction that settles the profiles of the accounts
 * @returns the ids of those whose lease still held
 */
export async function writeEndings(
  client: pg.ClientBase,
  endings: readonly Ending[],
  at: Date,
): Promise<ReadonlySet<string>> {
  const told = endings.map((ending) => ({ ...rowOf(ending), ...toldOf(ending) }));
  const rows = told.map(({ entry, ...row }) => ({ ...row, audit_id: entry.id }));
  const entries = told.map(({ entry }) => entry);
  const values = [JSON.stringify(rows), at, JSON.stringify(entries)];
  const { rows: written } = await client.query<{ id: string }>(END, values);
  return idsOf(written);
}

/** What is written of the end of a step beside its own row. */
function toldOf({ step, state, progress }: Ending) {
  const { outcome, verified, error } = progress;
  const isDone = state === 'succeeded';
  const type: EventType = isDone ? 'account.disconnected' : 'account.disconnect_failed';
  const facts = isDone
    ? { status: 'disconnected', outcome, verified }
    : { status: step.formerStatus, error };
  return {
    state,
    account_id: step.accountId,
    disconnect_id: step.disconnectId,
    former_status: step.formerStatus,
    event_id: newId('evt'),
    event_type: type,
    event_data: { disconnect_id: step.disconnectId, ...(isDone ? { outcome } : { error }) },
    entry: auditOf(step, type, facts, 'disconnecting'),
  };
}

/** An entry about a step, under the key that requested its disconnect. */
function auditOf(step: Step, action: string, facts: object, statusBefore?: 'disconnecting') {
  const entry: AuditEntry = {
    action,
    targetType: 'account',
    targetId: step.accountId,
    before: { status: statusBefore, phase: step.phase },
    after: { disconnect_id: step.disconnectId, ...facts },
  };
  return auditRowOf(actorOfStep(step), entry);
}

/** The columns that attempts change, with what says whether the lease still holds. */
function rowOf({ step, progress }: Noted) {
  return {
    id: step.id,
    leased_by: step.leasedBy,
    attempt: step.attempts,
    phase: progress.phase,
    outcome: progress.outcome,
    paused: progress.paused,
    last_error: progress.error,
    verified: progress.verified,
    answers: progress.evidence,
    not_compared: progress.notCompared,
  };
}

/**
 * SQL: writes how far the steps $1 got, where the lease still holds: the same process, the same
 * attempt.
 */
const updateSteps = (assignments: string) =>
  `UPDATE disconnect_steps s SET phase = r.phase, outcome = r.outcome, paused = r.paused,
     last_error = r.last_error, answers = r.answers, not_compared = r.not_compared, ${assignments}
   FROM jsonb_to_recordset($1::jsonb) AS r(id text, leased_by text, attempt integer, state text,
     phase text, outcome text, paused boolean, until timestamptz, last_error jsonb, verified text,
     answers jsonb, not_compared jsonb, account_id text, disconnect_id text, former_status text,
     audit_id text, event_id text, event_type text, event_data jsonb)
   WHERE s.id = r.id AND s.leased_by = r.leased_by AND s.attempts = r.attempt
   RETURNING s.id, r.state, r.account_id, r.disconnect_id, r.former_status, r.audit_id, r.event_id,
     r.event_type, r.event_data`;

/** Records the entries $3 of the steps that were written, at $2. */
const RECORD_AUDIT = auditFrom('$3', '$2', 'e.id IN (SELECT audit_id FROM written)');

const VERIFIED_AT = `CASE WHEN r.verified = 'unverifiable' THEN NULL ELSE $2::timestamptz END`;
const SUCCEEDED = `w.state = 'succeeded'`;

/**
 * Step, account, event and audit entry. Dropping the content hash makes the next look write the
 * account whatever it shows.
 */
const END = `
WITH written AS (${updateSteps(`state = r.state, finished_at = $2::timestamptz,
  verified = r.verified, verified_at = ${VERIFIED_AT}, next_attempt_at = NULL, leased_by = NULL,
  leased_until = NULL`)}),
ended AS (
  UPDATE accounts a SET updated_at = $2::timestamptz, content_hash = NULL, missing_since = NULL,
    quarantined_at = NULL,
    status = CASE WHEN ${SUCCEEDED} THEN 'disconnected' ELSE w.former_status END,
    disconnect_cause = CASE WHEN ${SUCCEEDED} THEN 'rollcall' ELSE a.disconnect_cause END,
    disconnected_at = CASE WHEN ${SUCCEEDED} THEN $2::timestamptz ELSE a.disconnected_at END,
    disconnect_id = CASE WHEN ${SUCCEEDED} THEN a.disconnect_id END
  FROM written w
  WHERE a.id = w.account_id AND a.status = 'disconnecting' AND a.disconnect_id = w.disconnect_id
  RETURNING a.*, w.event_id, w.event_type, w.event_data),
accounts_now AS (
  SELECT * FROM ended UNION ALL
  SELECT a.*, w.event_id, w.event_type, w.event_data FROM written w
  JOIN accounts a ON a.id = w.account_id
  WHERE w.event_id NOT IN (SELECT event_id FROM ended)),
told AS (${mixedAccountEventsFrom('accounts_now', '$2::timestamptz')}),
audited AS (${RECORD_AUDIT})
SELECT id FROM written`;

const idsOf = (rows: readonly { readonly id: string }[]): ReadonlySet<string> =>
  new Set(rows.map(({ id }) => id));

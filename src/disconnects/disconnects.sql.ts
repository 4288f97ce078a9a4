/**
 * Disconnects and their steps as the API answers them: PostgreSQL builds one JSON document a row.
 * `d` is the row of `disconnects`, `s` that of `disconnect_steps`.
 */

import { utc } from '../database/sql.js';

/** How many steps of a disconnect are in which state. */
export const STEP_COUNTS = `count(s.id)::int AS total,
  (count(*) FILTER (WHERE s.state = 'succeeded'))::int AS succeeded,
  (count(*) FILTER (WHERE s.state = 'failed'))::int AS failed,
  (count(*) FILTER (WHERE s.state IN ('pending', 'running')))::int AS pending,
  (count(*) FILTER (WHERE s.state = 'cancelled'))::int AS cancelled`;

/** The answers of the provider that a step rests on. Rows of former releases hold no shape. */
const EVIDENCE = `(SELECT coalesce(json_agg(json_build_object('call', e -> 'call',
    'status', e -> 'status', 'shape', e -> 'shape', 'outcome', e -> 'outcome', 'at', e -> 'at',
    'request_id', e -> 'request_id') ORDER BY number), '[]')
  FROM jsonb_array_elements(s.answers) WITH ORDINALITY AS x(e, number))`;

/**
 * A step, also in a receipt: the account that was meant, the outcome, and the responses it is based
 * on.
 */
const OUTCOME_FIELDS = `'account_id', s.account_id,
  'ref', s.provider || ':' || s.provider_account_id, 'provider', s.provider,
  'platform', s.platform, 'username', s.username, 'profile_id', s.profile_id,
  'identity', json_build_object('platform', s.platform, 'platform_user_id', s.platform_user_id,
    'username', s.username, 'connected_at', ${utc('s.former_connected_at')}),
  'state', s.state,
  'outcome', CASE WHEN s.state = 'succeeded' THEN s.outcome END, 'effect', s.effect,
  'verified', s.verified, 'verified_at', ${utc('s.verified_at')},
  'not_compared', s.not_compared, 'evidence', ${EVIDENCE},
  'reappeared_at', ${utc('s.reappeared_at')}, 'last_error', s.last_error`;

export const STEP_DOCUMENT = `json_build_object(${OUTCOME_FIELDS}, 'attempts', s.attempts,
  'next_attempt_at', ${utc('s.next_attempt_at')})`;

const RECEIPT_STEP_DOCUMENT = `json_build_object(${OUTCOME_FIELDS},
  'finished_at', ${utc('s.finished_at')})`;

const HEAD_FIELDS = `'id', d.id, 'state', d.state, 'reason_code', d.reason_code,
  'reason_note', d.reason_note, 'profile_id', d.profile_id,
  'requested_by', json_build_object('key_id', d.requested_by_id, 'name', d.requested_by_name),
  'scheduled_at', ${utc('d.scheduled_at')},
  'approval', CASE WHEN d.approval_reason IS NOT NULL THEN json_build_object(
    'reason', d.approval_reason, 'since', ${utc('d.approval_since')},
    'approved_by', CASE WHEN d.approved_at IS NOT NULL THEN
      json_build_object('key_id', d.approved_by_id, 'name', d.approved_by_name) END,
    'approved_at', ${utc('d.approved_at')}) END,
  'created_at', ${utc('d.created_at')},
  'finished_at', ${utc('d.finished_at')}, 'summary', row_to_json(c)`;

/**
 * What of disconnects a caller sees, in SQL: all of them, or the part that is about the providers a
 * key is restricted to, which shows nothing of the rest, not even that there is one.
 */
export interface DisconnectView {
  /** The disconnects, to be named `d`. */
  readonly disconnects: string;
  /** Whether the step `s` belongs to it. */
  readonly isStep: string;
  /** More members of a receipt. */
  readonly receiptFields: string;
}

export const WHOLE: DisconnectView = {
  disconnects: 'disconnects',
  isStep: 'true',
  receiptFields: '',
};

/**
 * A disconnect counts as one of the steps at these providers alone.
 * @param providers placeholder of an array
 */
export function partAt(providers: string): DisconnectView {
  const isStep = `s.provider = ANY(${providers}::text[])`;
  const disconnects = `(
    SELECT d.id, d.team_id, d.reason_code, d.reason_note, d.requested_by_id, d.requested_by_name,
      d.scheduled_at, d.created_at, d.approval_reason, d.approval_since, d.approved_by_id,
      d.approved_by_name, d.approved_at, d.profile_id,
      CASE WHEN part.pending > 0 AND d.state IN ('scheduled', 'awaiting_approval') THEN d.state
        WHEN part.pending > 0 THEN 'running' WHEN part.succeeded = part.total THEN 'succeeded'
        WHEN part.succeeded > 0 THEN 'partial' WHEN part.failed > 0 THEN 'failed'
        ELSE 'cancelled' END AS state,
      CASE WHEN part.pending = 0 THEN part.ended_at END AS finished_at
    FROM disconnects d CROSS JOIN LATERAL (
      SELECT ${STEP_COUNTS}, max(s.finished_at) AS ended_at FROM disconnect_steps s
      WHERE s.disconnect_id = d.id AND ${isStep}) part
    WHERE part.total > 0)`;
  return { disconnects, isStep, receiptFields: `, 'providers', to_jsonb(${providers}::text[])` };
}

/** To join to `d`: its counts as `c`. */
export const withCounts = ({ isStep }: DisconnectView) => `CROSS JOIN LATERAL (
  SELECT ${STEP_COUNTS} FROM disconnect_steps s WHERE s.disconnect_id = d.id AND ${isStep}) c`;

const stepsOf = ({ isStep }: DisconnectView, document: string, limit: string) => `(
  SELECT coalesce(json_agg(x.document ORDER BY x.id), '[]') FROM (
    SELECT s.id, ${document} AS document FROM disconnect_steps s
    WHERE s.disconnect_id = d.id AND ${isStep} ORDER BY s.id LIMIT ${limit}) x)`;

/** With its first steps. @param steps placeholder of how many */
export function disconnectDocument(view: DisconnectView, steps: string): string {
  return `json_build_object(${HEAD_FIELDS}, 'type', 'disconnect',
    'steps', ${stepsOf(view, STEP_DOCUMENT, steps)}, 'has_more_steps', c.total > ${steps})`;
}

/** What the receipt is signed over: all steps. */
export function receiptDocument(view: DisconnectView): string {
  return `json_build_object(${HEAD_FIELDS}, 'team_id', d.team_id${view.receiptFields},
    'steps', ${stepsOf(view, RECEIPT_STEP_DOCUMENT, 'ALL')})`;
}

/**
 * The canonical Account as PostgreSQL builds it: one JSON document a row, so that a page goes from
 * the table to the socket without a detour over objects. `a` is the row of `accounts`, `c` its
 * connection.
 */

import { utc } from '../database/sql.js';
import { type AccountColumn, HEALTH_REASONS } from '../model/index.js';
import { assembleAccount, healthFieldsOf } from './account-fields.js';
import { nextStep } from './recommendations.js';

/** The tables every account document is built from. */
export const FROM_ACCOUNTS = 'accounts a JOIN connections c ON c.id = a.connection_id';

/**
 * The version of what a document is built from: of the account's row and its connection's. Another
 * server could give the same numbers to other rows, as one that takes over gives those anew that it
 * had not got, and so can the same one after a crash; each has its own start.
 */
export const DOCUMENT_VERSION = `concat_ws(' ', a.xmin, a.ctid, c.xmin, c.ctid,
  (SELECT extract(epoch FROM pg_postmaster_start_time())::text))`;

/**
 * When the last good look at the account was: its own row's, or the last complete sweep, which saw
 * it unchanged. An account that is gone, or that a sweep missed or could not read, keeps its own
 * time.
 */
export const LOOKED_AT = `CASE WHEN a.missing_since IS NULL AND a.quarantined_at IS NULL AND a.disconnected_at IS NULL
  THEN GREATEST(a.checked_at, c.swept_at) ELSE a.checked_at END`;

/**
 * When the last good look at its health was: while the report of it fails, looks see the account
 * alone.
 */
export const HEALTH_LOOKED_AT = `CASE
  WHEN a.missing_since IS NULL AND a.quarantined_at IS NULL AND a.disconnected_at IS NULL
  THEN GREATEST(a.checked_at, COALESCE(c.health_swept_at, c.swept_at)) ELSE a.checked_at END`;

/** SQL of an account's ref; the accounts are `a`. */
export const REF = `a.provider || ':' || a.provider_account_id`;

const NEXT_STEP = `CASE WHEN a.health_status = 'healthy' THEN '${nextStep('healthy', null)}'
  ${HEALTH_REASONS.map((reason) => `WHEN a.health_reason = '${reason}' THEN '${nextStep('unknown', reason)}'`).join(' ')}
  ELSE '${nextStep('unknown', null)}' END`;

/** Stands for the placeholder of the operations until it is known. */
const OPERATIONS = '$operations';

/** The fields that no column holds as they are answered. */
const COMPUTED: Readonly<Record<string, string>> = {
  type: `'account'`,
  ref: REF,
  'health.next_step': NEXT_STEP,
  'health.checked_at': utc(HEALTH_LOOKED_AT),
  last_seen_at: utc(LOOKED_AT),
  operations: `CASE WHEN a.status IN ('disconnecting', 'disconnected') THEN '[]'::json ELSE ${OPERATIONS}::json -> a.provider END`,
};

function expression({ column, type }: AccountColumn, name: string): string {
  const text = column === null ? COMPUTED[name] : `a.${column}`;
  if (text === undefined)
    throw new Error(`the field ${name} has neither a column nor an expression`);
  return column !== null && type === 'timestamptz' ? utc(text) : text;
}

/**
 * As a row: without the blanks that `json_build_object` writes, and in three quarters of the time, as
 * PostgreSQL looks up each type once a statement and not once a row.
 */
const jsonOf = (fields: Readonly<Record<string, string>>) =>
  `(SELECT row_to_json(fields) FROM (SELECT ${Object.entries(fields)
    .map(([name, text]) => `${text} AS "${name}"`)
    .join(', ')}) AS fields)`;

const WITH_REMOTE_DATA = assembleAccount(expression, jsonOf);
const { remote_data: _onRequest, ...FIELDS } = WITH_REMOTE_DATA;
const DOCUMENT = `${jsonOf(FIELDS)}::text`;
const DOCUMENT_WITH_REMOTE_DATA = `${jsonOf(WITH_REMOTE_DATA)}::text`;

/**
 * @param operations placeholder of a json object: provider → the operations its accounts offer
 * @param withRemoteData adds the provider's last raw object
 */
export function accountDocument(operations: string, withRemoteData: boolean): string {
  const document = withRemoteData ? DOCUMENT_WITH_REMOTE_DATA : DOCUMENT;
  return document.replace(OPERATIONS, () => operations);
}

/** The short form of the health list. */
export const ACCOUNT_HEALTH_DOCUMENT = `${jsonOf(healthFieldsOf(FIELDS))}::text`;

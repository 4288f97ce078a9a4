import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { AuditEvent } from '../database/prisma-client/client.js';
import type { Rows } from '../http/page.js';
import { newId } from '../lib/ids.js';
import type { AuditFilter } from './audit.requests.js';
import type { Actor, AuditEntry } from './audit-entry.js';

/** The rows of the audit log. */
export class AuditRepository {
  constructor(private readonly database: Database) {}

  /** The entries of a team, newest first. */
  list(teamId: string, filter: AuditFilter): Rows<AuditEvent> {
    const { auditEvent } = this.database.prisma;
    const where = conditionsOf(teamId, filter);
    return {
      read: (beyondId, take) => {
        const beyond = beyondId === undefined ? {} : { id: { lt: beyondId } };
        return auditEvent.findMany({
          where: { AND: [where, beyond] },
          orderBy: { id: 'desc' },
          take,
        });
      },
      count: () => auditEvent.count({ where }),
    };
  }
}

/**
 * Adds entries to the audit log.
 * @param client within the transaction of the change they record
 */
export async function recordAudit(
  client: pg.ClientBase,
  actor: Actor,
  entries: readonly AuditEntry[],
  at: Date,
): Promise<void> {
  const done = entries.map((entry) => ({ actor, entry }));
  await recordAuditOfMany(client, done, at);
}

/** Like `recordAudit`, for entries of several actors. */
export async function recordAuditOfMany(
  client: pg.ClientBase,
  done: readonly { readonly actor: Actor; readonly entry: AuditEntry }[],
  at: Date,
): Promise<void> {
  if (done.length === 0) return;
  const rows = done.map(({ actor, entry }) => auditRowOf(actor, entry));
  await client.query({
    name: 'record-audit',
    text: auditFrom('$1', '$2'),
    values: [JSON.stringify(rows), at],
  });
}

/** An entry as `auditFrom` takes it, with an id of its own. */
export function auditRowOf(actor: Actor, entry: AuditEntry) {
  return {
    id: newId('aud'),
    team_id: actor.teamId,
    key_id: actor.keyId,
    key_name: actor.keyName,
    request_id: actor.requestId,
    action: entry.action,
    target_type: entry.targetType,
    target_id: entry.targetId,
    before: entry.before,
    // Among the facts, as what is sealed of an entry has no member for it.
    after:
      actor.agent === undefined ? entry.after : { agent: { client: actor.agent }, ...entry.after },
    reason: entry.reason,
  };
}

/**
 * SQL: like `recordAuditOfMany`, as part of the statement that makes the change.
 * @param rows placeholder of a JSON array of `auditRowOf`
 * @param at placeholder of the time of the change
 * @param condition which of the entries `e` are recorded; left out: all
 */
export const auditFrom = (rows: string, at: string, condition = 'TRUE') =>
  `INSERT INTO audit_events (id, team_id, key_id, key_name, request_id, action, target_type,
     target_id, before, after, reason, at)
   SELECT e.id, e.team_id, e.key_id, e.key_name, e.request_id, e.action, e.target_type, e.target_id,
     e.before, e.after, e.reason, ${at}
   FROM jsonb_to_recordset(${rows}::jsonb) AS e(id text, team_id text, key_id text, key_name text,
     request_id text, action text, target_type text, target_id text, before jsonb, after jsonb,
     reason text)
   WHERE ${condition}`;

function conditionsOf(teamId: string, filter: AuditFilter) {
  return {
    teamId,
    ...(filter.action && { action: { in: filter.action } }),
    ...(filter.target_type && { targetType: { in: filter.target_type } }),
    ...(filter.target_id && { targetId: { in: filter.target_id } }),
    ...(filter.key_id && { keyId: { in: filter.key_id } }),
    ...(filter.request_id !== undefined && { requestId: filter.request_id }),
    at: { ...(filter.since && { gte: filter.since }), ...(filter.until && { lt: filter.until }) },
  };
}

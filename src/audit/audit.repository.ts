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
  if (entries.length === 0) return;
  const rows = entries.map(({ action, targetType, targetId, before, after, reason }) => ({
    id: newId('aud'),
    action,
    target_type: targetType,
    target_id: targetId,
    before,
    after,
    reason,
  }));
  await client.query({
    name: 'record-audit',
    text: `INSERT INTO audit_events (id, team_id, key_id, key_name, request_id, action, target_type, target_id, before, after, reason, at)
      SELECT id, $2, $3, $4, $5, action, target_type, target_id, before, after, reason, $6
      FROM jsonb_to_recordset($1::jsonb)
        AS e(id text, action text, target_type text, target_id text, before jsonb, after jsonb, reason text)`,
    values: [JSON.stringify(rows), actor.teamId, actor.keyId, actor.keyName, actor.requestId, at],
  });
}

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

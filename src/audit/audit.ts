import type pg from 'pg';
import { Prisma } from '../database/prisma-client/client.js';
import type { Caller } from '../http/caller.js';
import { newId } from '../lib/ids.js';

/** On whose behalf something is done. */
export interface Actor {
  readonly teamId: string;
  /** `null`: Rollcall itself, at nobody's request. */
  readonly keyId: string | null;
  readonly keyName: string | null;
  readonly requestId: string | null;
}

/**
 * One thing that was done. Facts are snake_case, as in the API, and never contain a
 * credential.
 */
export interface AuditEntry {
  /** `<thing>.<what was done>`, such as `account.paused`. */
  readonly action: string;
  readonly targetType:
    | 'account'
    | 'connection'
    | 'disconnect'
    | 'key'
    | 'sweep'
    | 'team'
    | 'webhook';
  readonly targetId: string;
  readonly before?: object | undefined;
  readonly after?: object | undefined;
  readonly reason?: string | null | undefined;
}

export function actorOf({ teamId, key, requestId }: Caller): Actor {
  return { teamId, keyId: key.id, keyName: key.name, requestId };
}

/**
 * The entry as a row, for a write that goes through Prisma: create it in the transaction of the
 * change.
 */
export function auditRow(actor: Actor, entry: AuditEntry, at: Date) {
  return {
    id: newId('aud'),
    teamId: actor.teamId,
    keyId: actor.keyId,
    keyName: actor.keyName,
    requestId: actor.requestId,
    action: entry.action,
    targetType: entry.targetType,
    targetId: entry.targetId,
    before: entry.before ?? Prisma.DbNull,
    after: entry.after ?? Prisma.DbNull,
    reason: entry.reason ?? null,
    at,
  };
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

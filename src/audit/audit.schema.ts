import { z } from 'zod';
import type { AuditEvent } from '../database/prisma-client/client.js';
import { timestamp } from '../http/page.js';
import { MAX_MEMBERS, recordOf } from '../model/index.js';

const facts = recordOf(z.string(), z.unknown(), MAX_MEMBERS).nullable();

export const auditEventSchema = z
  .object({
    id: z.string(),
    type: z.literal('audit_event'),
    action: z.string(),
    target: z.object({ type: z.string(), id: z.string() }),
    /** Null: Rollcall itself, at nobody's request. */
    actor: z.object({ key_id: z.string(), name: z.string().nullable() }).nullable(),
    request_id: z.string().nullable(),
    before: facts,
    after: facts,
    reason: z.string().nullable(),
    at: timestamp,
  })
  .meta({
    id: 'AuditEvent',
    examples: [
      {
        id: 'aud_01k9z3m8q4v7x2c5n6b8a1s3d4',
        type: 'audit_event',
        action: 'account.paused',
        target: { type: 'account', id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4' },
        actor: { key_id: 'key_01k9z3m8q4v7x2c5n6b8a1s3d4', name: 'operations' },
        request_id: 'req_01k9z3m8q4v7x2c5n6b8a1s3d4',
        before: { status: 'active' },
        after: { status: 'paused' },
        reason: null,
        at: '2026-02-09T11:45:22.000Z',
      },
    ],
  });

/** A row as the API answers it. */
export function toAnswer(row: AuditEvent) {
  return {
    id: row.id,
    type: 'audit_event',
    action: row.action,
    target: { type: row.targetType, id: row.targetId },
    actor: row.keyId === null ? null : { key_id: row.keyId, name: row.keyName },
    request_id: row.requestId,
    before: row.before,
    after: row.after,
    reason: row.reason,
    at: row.at,
  };
}

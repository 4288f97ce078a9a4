import { z } from 'zod';
import type { Database } from '../database/index.js';
import type { AuditEvent } from '../database/prisma-client/client.js';
import type { Cursors } from '../http/cursor.js';
import { answerPage, listById, listOf, type Rows, timestamp } from '../http/page.js';
import { Problem } from '../http/problem.js';
import { endpoint } from '../http/route.js';
import { commaSeparated, paging, time } from '../http/validate.js';

const facts = z.record(z.string(), z.unknown()).nullable();
const word = z.string().min(1).max(200);

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

const filterFields = {
  action: commaSeparated(word)
    .optional()
    .meta({ description: 'Only these actions.', examples: [['account.paused']] }),
  target_type: commaSeparated(word)
    .optional()
    .meta({ description: 'Only actions on these types of target.', examples: [['account']] }),
  target_id: commaSeparated(word)
    .optional()
    .meta({
      description: 'Only actions on these targets.',
      examples: [['acct_01k9z3m8q4v7x2c5n6b8a1s3d4']],
    }),
  key_id: commaSeparated(word).optional().meta({ description: 'Only actions by these keys.' }),
  request_id: word.optional().meta({ description: 'Only actions of this request.' }),
  since: time.optional().meta({ description: 'Only actions at or after this time.' }),
  until: time.optional().meta({ description: 'Only actions before this time.' }),
};
type AuditFilter = z.output<z.ZodObject<typeof filterFields>>;

export function auditEndpoints(database: Database, cursors: Cursors) {
  return {
    list: endpoint({
      summary: 'List audit entries, newest first',
      query: z.strictObject({ ...filterFields, ...paging }),
      answers: { 200: listOf(auditEventSchema) },
      handle: async (call) => {
        if (call.caller.key.providers.length > 0) {
          throw new Problem(
            'forbidden',
            'The audit log covers all providers, and this key is restricted to some. Use a key without that restriction.',
          );
        }
        const { limit: _limit, cursor: _cursor, include_total: _total, ...filter } = call.query;
        const where = conditionsOf(call.caller.teamId, filter);
        const { auditEvent } = database.prisma;
        const rows: Rows<AuditEvent> = {
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
        return answerPage(call, cursors, filter, listById(rows, toAnswer));
      },
    }),
  };
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

function toAnswer(row: AuditEvent) {
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

import type { Cursors } from '../http/cursor.js';
import { answerPage, listById, listOf } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { auditQuery } from './audit.requests.js';
import { auditEventSchema, toAnswer } from './audit.schema.js';
import type { AuditService } from './audit.service.js';

export function auditEndpoints(audit: AuditService, cursors: Cursors) {
  return {
    list: endpoint({
      summary: 'List audit entries, newest first',
      query: auditQuery,
      answers: { 200: listOf(auditEventSchema) },
      handle: async (call) => {
        const { limit: _limit, cursor: _cursor, include_total: _total, ...filter } = call.query;
        const rows = audit.list(call.caller, filter);
        return answerPage(call, cursors, filter, listById(rows, toAnswer));
      },
    }),
  };
}

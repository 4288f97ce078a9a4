import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import { auditEndpoints } from './audit.routes.js';

export { type Actor, type AuditEntry, actorOf, auditRow, recordAudit } from './audit.js';

/** The audit log: who did what to which account, when, with which key. */
export function createAudit(parts: { readonly database: Database; readonly cursors: Cursors }) {
  return { endpoints: { audit: auditEndpoints(parts.database, parts.cursors) } };
}

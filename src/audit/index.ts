import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import { AuditRepository } from './audit.repository.js';
import { auditEndpoints } from './audit.routes.js';
import { AuditService } from './audit.service.js';

export { recordAudit, recordAuditOfMany } from './audit.repository.js';
export { type Actor, type AuditEntry, actorOf } from './audit-entry.js';

/** The audit log: who did what to which account, when, with which key. */
export function createAudit(parts: { readonly database: Database; readonly cursors: Cursors }) {
  const service = new AuditService(new AuditRepository(parts.database));
  return { endpoints: { audit: auditEndpoints(service, parts.cursors) } };
}

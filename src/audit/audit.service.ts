import type { AuditEvent } from '../database/prisma-client/client.js';
import type { Caller } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { Problem } from '../http/problem.js';
import type { AuditRepository } from './audit.repository.js';
import type { AuditFilter } from './audit.requests.js';

/** Reading the audit log. */
export class AuditService {
  constructor(private readonly audit: AuditRepository) {}

  /**
   * The entries of the caller's team, newest first.
   * @throws Problem 403 for a key that is restricted to some providers
   */
  list(caller: Caller, filter: AuditFilter): Rows<AuditEvent> {
    if (caller.key.providers.length > 0) {
      throw new Problem(
        'forbidden',
        'The audit log covers all providers, and this key is restricted to some. Use a key without that restriction.',
      );
    }
    return this.audit.list(caller.teamId, filter);
  }
}

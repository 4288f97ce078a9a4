import type { Database, DatabaseConnection } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { Signer } from '../lib/signature.js';
import type { RecurringJob } from '../work/index.js';
import { type Archived, archiveAudit } from './archive.js';
import { AuditRepository } from './audit.repository.js';
import { auditEndpoints } from './audit.routes.js';
import { AuditService } from './audit.service.js';
import { ChainRepository } from './chain.repository.js';
import { ChainService } from './chain.service.js';

export { readArchive } from './archive.js';
export { auditFrom, auditRowOf, recordAudit, recordAuditOfMany } from './audit.repository.js';
export { type Actor, type AuditEntry, actorOf } from './audit-entry.js';
export { noteOf, parseNote } from './chain.js';
export type { AuditCheck } from './chain.service.js';

interface ChainParts {
  readonly database: Database;
  /** Signs the end of the chain. */
  readonly signer: Signer;
  readonly clock: Clock;
}

/** The hash chain over the audit log. */
export function createAuditChain({ database, signer, clock }: ChainParts): ChainService {
  return new ChainService({ chain: new ChainRepository(database), signer, clock });
}

/** Moves the oldest entries into a file: see `archiveAudit`. */
export function archiveOldAudit(
  { database, signer }: Pick<ChainParts, 'database' | 'signer'>,
  owner: DatabaseConnection,
  before: Date,
  path: string,
): Promise<Archived | undefined> {
  return archiveAudit({ chain: new ChainRepository(database), signer, owner }, before, path);
}

/** The audit log: who did what to which account, when, with which key. */
export function createAudit(parts: ChainParts & { readonly cursors: Cursors }) {
  const service = new AuditService(new AuditRepository(parts.database));
  const chain = createAuditChain(parts);
  const jobs: readonly RecurringJob[] = [
    { name: 'audit.seal', everyMs: 2_000, run: () => chain.seal() },
  ];
  return { endpoints: { audit: auditEndpoints(service, parts.cursors) }, jobs };
}

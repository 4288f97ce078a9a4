import { actorOf, recordAudit } from '../audit/index.js';
import type { Transaction } from '../database/index.js';
import { recordEvents } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import type { List } from '../http/page.js';
import { notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { isStorable } from '../lib/text.js';
import type { FindingFilter, FindingsRepository } from './findings.repository.js';
import { toAnswer } from './findings.schema.js';
import { closedEvent } from './reconciliation.js';

/** Findings as callers see them. */
export class FindingsService {
  constructor(
    private readonly findings: FindingsRepository,
    private readonly clock: Clock,
  ) {}

  /** The findings of the caller's team of which it may see all accounts, newest first. */
  list(caller: Caller, filter: FindingFilter): List {
    return {
      read: (page) => this.findings.page(caller, filter, page),
      count: () => this.findings.count(caller, filter),
    };
  }

  /** One, in whatever state it is. @throws Problem 404 */
  async get(caller: Caller, id: string) {
    const row = isStorable(id) ? await this.findings.find(caller, id) : undefined;
    if (row === undefined) throw notFound(`Finding ${id}`);
    return toAnswer(row);
  }

  /**
   * Has a finding stay out of the list until it changes. One that is dismissed already stays as it
   * is.
   * @throws Problem 404, or 409 for one that is closed
   */
  async dismiss({ client }: Transaction, caller: Caller, id: string, reason: string) {
    const at = this.clock.now();
    const row = isStorable(id) ? await this.findings.lock(client, caller, id) : undefined;
    if (row === undefined) throw notFound(`Finding ${id}`);
    if (row.dismissedAt !== null) return toAnswer(row);
    if (row.closedAt !== null)
      throw new Problem('conflict', 'The finding is closed: it no longer holds.');
    await this.findings.dismiss(client, caller, id, reason, at);
    const entry = {
      action: 'finding.dismissed',
      targetType: 'finding',
      targetId: id,
      after: { kind: row.kind, profile_id: row.profileId },
      reason,
    } as const;
    await recordAudit(client, actorOf(caller), [entry], at);
    await recordEvents(client, caller.teamId, [closedEvent(row, 'dismissed')], at);
    return toAnswer({
      ...row,
      dismissedAt: at.toISOString(),
      dismissedById: caller.key.id,
      dismissedByName: caller.key.name,
      dismissedReason: reason,
    });
  }
}

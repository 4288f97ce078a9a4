import type { AccountsRepository } from '../accounts/accounts.repository.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { Database } from '../database/index.js';
import type { Cursors, Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';
import { Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import type { Caller } from '../teams/caller.js';
import { ageVerdicts } from './aging.js';
import { historyItem, historyItemOfDay } from './history.js';
import type { HistoryRepository } from './history.repository.js';
import type { IncidentsService } from './incidents.service.js';
import type { TransitionsRepository } from './transitions.repository.js';
import { meanTimeToRecoverySeconds, uptimeOf } from './uptime.js';

const HISTORY_SHOWN = 200;
const DAY_MS = 86_400_000;
const LONGEST_UPTIME_MS = 30 * DAY_MS;
/** Changes are kept one by one for this long, and then as a summary of their day. */
const ONE_BY_ONE_MS = 90 * DAY_MS;
/** Thirteen months. */
const KEPT_MS = 396 * DAY_MS;

/** How verdicts age, and what they were. */
export class HealthService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountsService,
    private readonly repository: AccountsRepository,
    private readonly transitions: TransitionsRepository,
    private readonly history: HistoryRepository,
    private readonly incidents: IncidentsService,
    private readonly cursors: Cursors,
    private readonly clock: Clock,
  ) {}

  /** Turns verdicts that no good look has confirmed for too long into `unknown`. Run now and then, by any replica. */
  async age(): Promise<void> {
    await ageVerdicts(this.database, await this.incidents.latest(), this.clock.now());
  }

  /** An account's health now, its history (newest first), its uptime and how long it takes to recover. */
  async of(caller: Caller, reference: string) {
    const row = await this.accounts.find(caller, reference);
    const document = await this.repository.document(row.id, false);
    const account = JSON.parse(document ?? '{}') as { health: { status: string }; created_at: string; [field: string]: unknown };
    const now = this.clock.now();
    const changes = await this.transitions.ofAccount(row.id, HISTORY_SHOWN);
    const days = await this.history.ofAccount(row.id, HISTORY_SHOWN - changes.length);
    const recent = await this.transitions.ofAccountSince(row.id, new Date(now.getTime() - LONGEST_UPTIME_MS));
    const { id, ref, provider, platform, username, status, health } = account;
    return {
      ...{ id, ref, provider, platform, username, status, health },
      history: [...changes.map(historyItem), ...days.map(historyItemOfDay)],
      uptime: uptimeOf(account.health.status, recent, new Date(account.created_at), now),
      mean_time_to_recovery_seconds: meanTimeToRecoverySeconds(recent),
    };
  }

  /**
   * Changes of the team's verdicts after `since`: a cursor of this feed, or a time.
   * @throws Problem 422 `cursor_mismatch` for a cursor so old that what came after it may be summed up
   */
  async changes(caller: Caller, since: string | Date | undefined, limit: number): Promise<PageRow[]> {
    const from = typeof since === 'string' ? await this.readPosition(caller, since) : since;
    return this.transitions.feed(caller, from, limit);
  }

  /** What to pass as `since` to go on behind a position. */
  cursor(caller: Caller, position: Position): string {
    return this.cursors.encode(position, questionOf(caller));
  }

  /** Sums up changes of over 90 days and forgets history of over thirteen months, a batch at a time. */
  async prune(): Promise<void> {
    const now = this.clock.now().getTime();
    await this.history.compact(new Date(now - ONE_BY_ONE_MS));
    await this.history.forget(new Date(now - KEPT_MS));
  }

  private async readPosition(caller: Caller, cursor: string): Promise<Position> {
    const position = this.cursors.decode(cursor, questionOf(caller));
    if (await this.transitions.has(position)) return position;
    throw new Problem('cursor_mismatch', 'The change that the cursor stands at is over 90 days old. Begin again without it.', {
      errors: [{ field: 'since', message: 'is too old' }],
    });
  }
}

const questionOf = (caller: Caller) => ['health changes', caller.teamId];

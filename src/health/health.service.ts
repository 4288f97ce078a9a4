import type { AccountsRepository, AccountsService } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import type { Caller } from '../http/caller.js';
import type { Cursors, Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';
import { invalidField, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import type { Address, Registry } from '../providers/index.js';
import { ageVerdicts } from './aging.js';
import { type LevelStep, type LevelsQuery, RETENTION_LEVELS_DAYS } from './health.requests.js';
import { MAX_HISTORY, MAX_LEVELS } from './health.schema.js';
import { historyItem, historyItemOfDay } from './history.js';
import type { HistoryRepository } from './history.repository.js';
import type { IncidentsService } from './incidents.service.js';
import type { LevelsRepository } from './levels.repository.js';
import type { RunningTime } from './running-time.js';
import type { TransitionsRepository } from './transitions.repository.js';
import { meanTimeToRecoverySeconds, uptimeOf } from './uptime.js';

const DAY_MS = 86_400_000;
const STEP_MS = { hour: 3_600_000, day: DAY_MS } as const;
const MAX_UPTIME_MS = 30 * DAY_MS;
/** Changes are kept one by one for this long, and then as a summary of their day. */
const DETAIL_RETENTION_MS = 90 * DAY_MS;
/** Thirteen months. */
const RETENTION_MS = 396 * DAY_MS;

/** What the service stands on. */
interface HealthParts {
  readonly database: Database;
  readonly registry: Registry;
  readonly accounts: AccountsService;
  readonly accountsRepository: AccountsRepository;
  readonly transitions: TransitionsRepository;
  readonly history: HistoryRepository;
  readonly levels: LevelsRepository;
  readonly incidents: IncidentsService;
  readonly runningTime: RunningTime;
  readonly cursors: Cursors;
  readonly clock: Clock;
}

/** How verdicts age, and what they were. */
export class HealthService {
  constructor(private readonly parts: HealthParts) {}

  /**
   * Turns verdicts that no good look has confirmed for too long into `unknown`. Run now and then,
   * by any replica.
   */
  async age(): Promise<void> {
    const { database, registry, incidents, runningTime, clock } = this.parts;
    const context = {
      outages: await incidents.outages(),
      runningSince: await runningTime.note(),
      opensIncident: (address: Address, silentSince: Date | null) =>
        incidents.openIfDown(address, silentSince),
    };
    await ageVerdicts(database, registry, context, clock.now());
  }

  /**
   * An account's health now, its history (newest first), its uptime and how long it takes to
   * recover.
   */
  async of(caller: Caller, reference: string) {
    const { accounts, accountsRepository, transitions, history, clock } = this.parts;
    const row = await accounts.find(caller, reference);
    const document = await accountsRepository.document(row.id, false);
    const account = JSON.parse(document ?? '{}') as {
      health: { status: string };
      created_at: string;
      disconnected_at: string | null;
      [field: string]: unknown;
    };
    const now = clock.now();
    const changes = await transitions.ofAccount(row.id, MAX_HISTORY);
    const days = await history.ofAccount(row.id, MAX_HISTORY - changes.length);
    const begin = new Date(now.getTime() - MAX_UPTIME_MS);
    const recent = await transitions.ofAccountSince(row.id, begin);
    const presence = {
      since: new Date(account.created_at),
      until: account.disconnected_at === null ? null : new Date(account.disconnected_at),
      absences: await transitions.absencesSince(caller.teamId, row.id, begin),
    };
    const { id, ref, provider, platform, username, status, health } = account;
    return {
      ...{ id, ref, provider, platform, username, status, health },
      history: [...changes.map(historyItem), ...days.map(historyItemOfDay)],
      uptime: uptimeOf(account.health.status, recent, presence, now),
      mean_time_to_recovery_seconds: meanTimeToRecoverySeconds(recent),
    };
  }

  /**
   * Changes of the team's verdicts after `since`: a cursor of this feed, or a time.
   * @throws Problem 422 `cursor_mismatch` for a cursor so far behind that what came after it may be
   * summed up
   */
  async changes(
    caller: Caller,
    since: string | Date | undefined,
    limit: number,
  ): Promise<PageRow[]> {
    const from = typeof since === 'string' ? await this.readPosition(caller, since) : since;
    return this.parts.transitions.feed(caller, from, limit);
  }

  /** What to pass as `since` to go on behind a position. */
  cursor(caller: Caller, position: Position): string {
    return this.parts.cursors.encode(position, questionOf(caller));
  }

  /** Notes how many accounts are how, for `levels`. Run every minute, by any replica. */
  noteLevels(): Promise<void> {
    return this.parts.levels.note(this.parts.clock.now());
  }

  /**
   * How many accounts were how over time, by provider.
   * @throws Problem 422 when the range ends before it begins, or holds too many steps
   */
  async levels(caller: Caller, { from, to, step, provider }: LevelsQuery) {
    const { levels, clock } = this.parts;
    // A whole step, so that the same levels are the same answer until the next one begins.
    const end = to ?? endOf(step, clock.now());
    const begin = from ?? new Date(end.getTime() - (step === 'hour' ? 1 : 30) * DAY_MS);
    if (begin >= end) throw invalidField('from', 'must be before `to`');
    if ((to ?? clock.now()).getTime() - begin.getTime() > MAX_LEVELS * STEP_MS[step])
      throw invalidField('from', `must be at most ${MAX_LEVELS} steps before \`to\``);
    const range = { from: begin, to: end, step };
    const providers = await levels.read(caller, { ...range, providers: provider ?? [] });
    return { type: 'health_levels' as const, ...range, providers };
  }

  /**
   * Sums up changes older than 90 days and deletes history older than thirteen months, in batches.
   */
  async prune(): Promise<void> {
    const { history, levels, clock } = this.parts;
    const now = clock.now().getTime();
    await history.compact(new Date(now - DETAIL_RETENTION_MS));
    await history.delete(new Date(now - RETENTION_MS));
    await levels.delete(new Date(now - RETENTION_LEVELS_DAYS * DAY_MS));
  }

  private async readPosition(caller: Caller, cursor: string): Promise<Position> {
    const { cursors, transitions } = this.parts;
    const position = cursors.decode(cursor, questionOf(caller), 'since');
    const resumed = await transitions.resume(caller, position);
    if (await transitions.has(position)) return resumed;
    throw new Problem(
      'cursor_mismatch',
      'The cursor is more than 90 days old. Start again without it.',
      {
        errors: [{ field: 'since', message: 'is too old' }],
      },
    );
  }
}

/** When the step ends that a time is in. */
function endOf(step: LevelStep, time: Date): Date {
  return new Date((Math.floor(time.getTime() / STEP_MS[step]) + 1) * STEP_MS[step]);
}

const questionOf = (caller: Caller) => ['health changes', caller.teamId];

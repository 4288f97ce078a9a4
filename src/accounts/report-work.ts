import type { SweepSoon } from '../connections/index.js';
import type { Clock } from '../lib/clock.js';
import { type AnyWorkKind, type WorkResult, workKind } from '../work/index.js';
import type { AccountRow } from './accounts.repository.js';
import type { AccountsService } from './accounts.service.js';
import type { ReportsRepository } from './reports.repository.js';

/** The kind of work. */
export const ACCOUNT_REPORTS = 'account_reports';

const MAX_PER_CONNECTION = 2;
const MAX_IN_ALL = 32;
/** Of all places; the others are left to other teams and other providers. */
const MAX_SHARE = 3 / 4;
/** A look may read a whole list. */
const DEADLINE_MS = 600_000;
const POLL_MS = 1_000;

interface ReportWorkParts {
  readonly reports: ReportsRepository;
  readonly accounts: AccountsService;
  readonly sweepSoon: SweepSoon;
  readonly clock: Clock;
  /** What this process is called in leases. */
  readonly holder: string;
}

/**
 * Looks at accounts that their provider has reported, as work: a lane for each connection. There is
 * one attempt: where it tells nothing, the connection's next sweep does, which is brought forward.
 */
export function reportWork(parts: ReportWorkParts): AnyWorkKind {
  return workKind({
    name: ACCOUNT_REPORTS,
    queue: parts.reports.queue,
    maxPerLane: () => MAX_PER_CONNECTION,
    maxInAll: MAX_IN_ALL,
    maxPerShare: () => MAX_IN_ALL * MAX_SHARE,
    deadlineMs: DEADLINE_MS,
    pollMs: POLL_MS,
    finishesOnStop: false,
    run: (account, _lane, { signal }) => run(parts, account, signal),
  });
}

async function run(
  { reports, accounts, sweepSoon, clock, holder }: ReportWorkParts,
  account: AccountRow,
  signal: AbortSignal,
): Promise<WorkResult> {
  const lookedAt = clock.now();
  if (!(await accounts.probeReported(account, { signal }))) await sweepSoon(account.connection_id);
  const isReportedAgain = await reports.end(account.id, holder, lookedAt);
  return { state: 'done', dueAt: isReportedAgain ? clock.now() : undefined };
}

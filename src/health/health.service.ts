import type { AccountsRepository } from '../accounts/accounts.repository.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import type { Clock } from '../lib/clock.js';
import type { Caller } from '../teams/caller.js';
import { type Uptime, uptimeOf } from './uptime.js';
import { loseVerdicts } from './verdicts.repository.js';

/** A verdict stands this many sweep intervals without a good look; then it is unknown. */
const STANDS_FOR_INTERVALS = 3;
const HISTORY_SHOWN = 200;
const LONGEST_UPTIME_MS = 30 * 86_400_000;

/** How verdicts age, and what they were. */
export class HealthService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountsService,
    private readonly repository: AccountsRepository,
    private readonly clock: Clock,
  ) {}

  /** Turns verdicts that no good look has confirmed for three sweep intervals into `unknown`. Run now and then, by any replica. */
  async age(): Promise<void> {
    const now = this.clock.now();
    const { rows } = await this.database.pool.query<{ id: string; team_id: string }>(
      `SELECT DISTINCT c.id, c.team_id FROM connections c JOIN accounts a ON a.connection_id = c.id
       WHERE c.state = 'active' AND a.status NOT IN ('disconnected', 'disconnecting')
         AND a.health_reason IS DISTINCT FROM 'provider_unreachable' AND ${AGED.replaceAll('$2', '$1')}`,
      [now],
    );
    for (const { id, team_id } of rows) {
      await withTransaction(this.database.pool, (client) =>
        loseVerdicts(client, { id, teamId: team_id }, 'provider_unreachable', now, AGED),
      );
    }
  }

  /** An account's health now, its transitions (newest first) and its uptime. */
  async of(caller: Caller, reference: string) {
    const row = await this.accounts.find(caller, reference);
    const document = await this.repository.document(row.id, false);
    const account = JSON.parse(document ?? '{}') as { health: { status: string }; created_at: string; [field: string]: unknown };
    const now = this.clock.now();
    const since = new Date(now.getTime() - LONGEST_UPTIME_MS);
    const shown = await this.database.prisma.healthTransition.findMany({
      where: { accountId: row.id },
      orderBy: [{ at: 'desc' }, { id: 'desc' }],
      take: HISTORY_SHOWN,
    });
    const recent = await this.database.prisma.healthTransition.findMany({
      where: { accountId: row.id, at: { gt: since } },
      orderBy: [{ at: 'desc' }, { id: 'desc' }],
    });
    const uptime: Uptime = uptimeOf(account.health.status, recent, new Date(account.created_at), now);
    const { id, ref, provider, platform, username, status, health } = account;
    const history = shown.map(({ fromStatus, toStatus, reason, fault, at }) => ({ from: fromStatus, to: toStatus, reason, fault, at }));
    return { id, ref, provider, platform, username, status, health, history, uptime };
  }
}

/** The last good look is over three intervals old, and no sweep is under way that might give one. `$2` is now. */
const AGED = `CASE WHEN a.missing_since IS NULL AND a.quarantined_at IS NULL THEN GREATEST(a.checked_at, c.swept_at) ELSE a.checked_at END
    < $2::timestamptz - make_interval(secs => ${STANDS_FOR_INTERVALS} * c.sweep_interval_seconds)
  AND NOT EXISTS (SELECT FROM sweeps s WHERE s.connection_id = c.id AND s.state = 'running')`;

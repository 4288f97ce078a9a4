import type { Database } from '../database/index.js';
import type { Prisma } from '../database/prisma-client/client.js';
import { leaseHolderIsGone } from '../database/process-lease.js';
import type { ProblemCode, ProblemExtras } from '../http/problem.js';

/** The problem that a probe ended with. */
export interface ProbeFailure {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly extras: ProblemExtras;
  readonly headers: Readonly<Record<string, string>>;
}

/** The latest probe of an account. */
interface ProbeRow {
  readonly started_at: Date;
  readonly finished_at: Date | null;
  readonly failure: ProbeFailure | null;
  /** Whether the process at work on it is gone. */
  readonly is_left: boolean;
}

/** The latest probe of each account, and how many probes connections have used. */
export class ProbesRepository {
  constructor(private readonly database: Database) {}

  /** Leases the account's probe. @returns `false` when a process that lives is at work on it */
  async begin(accountId: string, leasedBy: string, now: Date): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      `INSERT INTO probes (account_id, leased_by, started_at) VALUES ($1, $2, $3)
       ON CONFLICT (account_id) DO UPDATE
         SET leased_by = $2, started_at = $3, finished_at = NULL, failure = NULL
         WHERE probes.finished_at IS NOT NULL OR ${leaseHolderIsGone('probes.leased_by')}`,
      [accountId, leasedBy, now],
    );
    return rowCount === 1;
  }

  async find(accountId: string): Promise<ProbeRow | undefined> {
    const { rows } = await this.database.pool.query<ProbeRow>(
      `SELECT started_at, finished_at, failure, ${leaseHolderIsGone('leased_by')} AS is_left
       FROM probes WHERE account_id = $1`,
      [accountId],
    );
    return rows[0];
  }

  /** Ends a probe that the process began. @param failure `undefined`: it succeeded */
  async finish(
    accountId: string,
    leasedBy: string,
    failure: ProbeFailure | undefined,
    now: Date,
  ): Promise<void> {
    await this.database.prisma.probe.updateMany({
      where: { accountId, leasedBy, finishedAt: null },
      data: {
        finishedAt: now,
        ...(failure && { failure: failure as object as Prisma.JsonObject }),
      },
    });
  }

  /** Uses one of a connection's `limit` probes of a minute. @returns `false` when none is left */
  async takeRation(connectionId: string, minute: Date, limit: number): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      `INSERT INTO probe_rations AS r (connection_id, minute, used) VALUES ($1, $2, 1)
       ON CONFLICT (connection_id) DO UPDATE
         SET used = CASE WHEN r.minute = $2 THEN r.used + 1 ELSE 1 END, minute = $2
         WHERE r.minute <> $2 OR r.used < $3`,
      [connectionId, minute, limit],
    );
    return rowCount === 1;
  }

  /** How many probes of a connection were made in the minute. */
  async countUsed(connectionId: string, minute: Date): Promise<number> {
    const row = await this.database.prisma.probeRation.findUnique({ where: { connectionId } });
    return row?.minute.getTime() === minute.getTime() ? row.used : 0;
  }
}

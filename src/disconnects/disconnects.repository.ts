import type pg from 'pg';
import {
  ACCOUNT_ROW,
  type AccountFilter,
  type AccountRow,
  filterConditions,
  Parameters,
} from '../accounts/index.js';
import { type AuditEntry, actorOf, recordAudit } from '../audit/index.js';
import type { Database } from '../database/index.js';
import type { Disconnect, DisconnectStep, Prisma } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import type { PageRequest } from '../http/page.js';
import type { Clock } from '../lib/clock.js';
import { COUNT_STEPS, close, closeFinished } from './closing.js';
import { atCrashPoint } from './crash-points.js';
import { begin } from './create-disconnect.js';
import type { PlannedAccount } from './plan.js';
import type { DisconnectSettings, StepCounts } from './step-state.js';

const PLAN_RETENTION_MS = 24 * 3_600_000;
/** Rows forgotten at once. */
const DELETE_BATCH = 1000;

/** What a list of disconnects is asked for. */
export interface DisconnectFilter {
  readonly state?: readonly string[] | undefined;
  readonly reason_code?: readonly string[] | undefined;
  readonly requested_by?: readonly string[] | undefined;
  readonly created_since?: Date | undefined;
  readonly created_until?: Date | undefined;
}

/** Disconnects as callers see and change them. */
export class DisconnectsRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly settings: DisconnectSettings,
  ) {}

  async find(
    caller: Caller,
    id: string,
    prisma: Prisma.TransactionClient = this.database.prisma,
  ): Promise<Disconnect | null> {
    return prisma.disconnect.findFirst({ where: { id, ...visibleTo(caller) } });
  }

  async counts(
    id: string,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<StepCounts> {
    const { rows } = await client.query<StepCounts>({
      name: 'count-steps',
      text: COUNT_STEPS,
      values: [id],
    });
    return rows[0] ?? { total: 0, succeeded: 0, failed: 0, pending: 0, cancelled: 0 };
  }

  /** Up to `take` steps after `afterId`, in their order. */
  steps(
    disconnectId: string,
    states: readonly string[] | undefined,
    afterId: string | undefined,
    take: number,
    prisma: Prisma.TransactionClient = this.database.prisma,
  ): Promise<DisconnectStep[]> {
    return prisma.disconnectStep.findMany({
      where: {
        disconnectId,
        ...(states && { state: { in: [...states] } }),
        ...(afterId !== undefined && { id: { gt: afterId } }),
      },
      orderBy: { id: 'asc' },
      take,
    });
  }

  countSteps(disconnectId: string, states: readonly string[] | undefined): Promise<number> {
    return this.database.prisma.disconnectStep.count({
      where: { disconnectId, ...(states && { state: { in: [...states] } }) },
    });
  }

  /** A page of disconnects, newest first. */
  page(
    caller: Caller,
    filter: DisconnectFilter,
    { after, limit }: PageRequest,
  ): Promise<Disconnect[]> {
    const where = {
      AND: [conditionsOf(caller, filter), after === undefined ? {} : beyond(after.value, after.id)],
    };
    return this.database.prisma.disconnect.findMany({
      where,
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      take: limit,
    });
  }

  count(caller: Caller, filter: DisconnectFilter): Promise<number> {
    return this.database.prisma.disconnect.count({ where: conditionsOf(caller, filter) });
  }

  async isFinished(id: string): Promise<boolean> {
    const row = await this.database.prisma.disconnect.findUnique({
      where: { id },
      select: { finishedAt: true },
    });
    return row?.finishedAt != null;
  }

  /**
   * The accounts that a filter names and that can be disconnected, locked.
   * @param client within a transaction
   */
  async accountsOfFilter(
    client: pg.ClientBase,
    caller: Caller,
    filter: AccountFilter,
    limit: number,
  ): Promise<AccountRow[]> {
    const parameters = new Parameters();
    const conditions = filterConditions(caller.teamId, caller.key.providers, filter, parameters);
    const { rows } = await client.query<AccountRow>(
      `SELECT ${ACCOUNT_ROW} FROM accounts a WHERE ${conditions} AND a.status NOT IN ('disconnecting', 'disconnected')
       ORDER BY a.id LIMIT ${parameters.add(limit)} FOR UPDATE`,
      parameters.values,
    );
    return rows;
  }

  /**
   * The accounts of ids or refs, locked; what is not there is left out.
   * @param client within a transaction
   */
  async accountsOf(
    client: pg.ClientBase,
    caller: Caller,
    references: readonly string[],
  ): Promise<AccountRow[]> {
    const { rows } = await client.query<AccountRow>(
      `SELECT ${ACCOUNT_ROW} FROM accounts a WHERE a.id IN (
         SELECT b.id FROM accounts b WHERE b.team_id = $1 AND b.id = ANY($2)
         UNION SELECT b.id FROM accounts b JOIN unnest($2::text[]) AS given ON b.provider_account_id = substring(given FROM position(':' IN given) + 1)
           WHERE b.team_id = $1 AND given = b.provider || ':' || b.provider_account_id)
         AND (cardinality($3::text[]) = 0 OR a.provider = ANY($3)) ORDER BY a.id FOR UPDATE`,
      [caller.teamId, references, caller.key.providers],
    );
    return rows;
  }

  /** Stores a plan for a day, so that a run with its hash can report what has changed since. */
  async rememberPlan(
    client: pg.ClientBase,
    teamId: string,
    hash: string,
    accounts: readonly PlannedAccount[],
  ): Promise<void> {
    await client.query(
      `INSERT INTO disconnect_plans (team_id, hash, accounts, created_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (team_id, hash) DO UPDATE SET created_at = EXCLUDED.created_at`,
      [teamId, hash, JSON.stringify(accounts), this.clock.now()],
    );
  }

  /** The accounts of a plan that the caller may see; `undefined` for one that is not known. */
  async plan(
    prisma: Prisma.TransactionClient,
    { teamId, key }: Caller,
    hash: string,
  ): Promise<readonly PlannedAccount[] | undefined> {
    const row = await prisma.disconnectPlan.findUnique({
      where: { teamId_hash: { teamId, hash } },
    });
    const accounts = row?.accounts as unknown as PlannedAccount[] | undefined;
    const isVisible = ({ ref }: PlannedAccount) =>
      key.providers.length === 0 ||
      key.providers.some((provider) => ref.startsWith(`${provider}:`));
    return accounts?.filter(isVisible);
  }

  /**
   * Cancels the steps that no attempt was made at; their accounts get their status back.
   * @returns how many
   */
  async cancel(client: pg.ClientBase, caller: Caller, id: string): Promise<number> {
    const at = this.clock.now();
    await client.query('SELECT 1 FROM disconnects WHERE id = $1 FOR UPDATE', [id]);
    const { rows } = await client.query<{ account_id: string; former_status: string }>(
      `UPDATE disconnect_steps SET state = 'cancelled', finished_at = $2, next_attempt_at = NULL
         WHERE disconnect_id = $1 AND state = 'pending' AND attempts = 0 AND phase = 'accepted' RETURNING account_id, former_status`,
      [id, at],
    );
    await client.query(
      `UPDATE accounts a SET status = s.former_status, disconnect_id = NULL, updated_at = $2, content_hash = NULL
         FROM disconnect_steps s WHERE s.disconnect_id = $1 AND s.state = 'cancelled' AND a.id = s.account_id
           AND a.status = 'disconnecting' AND a.disconnect_id = $1`,
      [id, at],
    );
    if (rows.length === 0) return 0;
    const entries = rows.map(
      ({ account_id, former_status }): AuditEntry => ({
        action: 'account.disconnect_cancelled',
        targetType: 'account',
        targetId: account_id,
        after: { status: former_status, disconnect_id: id },
      }),
    );
    const whole = {
      action: 'disconnect.cancelled',
      targetType: 'disconnect',
      targetId: id,
      after: { cancelled: rows.length },
    } as const;
    await recordAudit(client, actorOf(caller), [whole, ...entries], at);
    await close(client, id, at);
    return rows.length;
  }

  /**
   * Restarts the failed steps, except those whose account was connected again.
   * @returns how many
   */
  async retry(client: pg.ClientBase, caller: Caller, id: string): Promise<number> {
    const at = this.clock.now();
    await client.query('SELECT 1 FROM disconnects WHERE id = $1 FOR UPDATE', [id]);
    const { rowCount } = await client.query(
      `UPDATE disconnect_steps s SET state = 'pending', phase = 'accepted', looks_first = true, paused = false, attempts = 0, outcome = NULL,
           verified = 'pending', verified_at = NULL, finished_at = NULL, next_attempt_at = NULL
         FROM accounts a WHERE s.disconnect_id = $1 AND s.state = 'failed' AND s.last_error ->> 'code' IS DISTINCT FROM 'reconnected'
           AND a.id = s.account_id AND a.status <> 'disconnecting'`,
      [id],
    );
    if (!rowCount) return 0;
    await client.query('UPDATE disconnects SET finished_at = NULL WHERE id = $1', [id]);
    const entry = {
      action: 'disconnect.retried',
      targetType: 'disconnect',
      targetId: id,
      after: { retried: rowCount },
    } as const;
    await recordAudit(client, actorOf(caller), [entry], at);
    await begin(client, id, actorOf(caller), at, this.settings.keepsTryingMs);
    return rowCount;
  }

  /** Starts the scheduled disconnects whose time has come. @returns how many */
  async startDue(): Promise<number> {
    const at = this.clock.now();
    const due = await this.database.prisma.disconnect.findMany({
      where: { state: 'scheduled', finishedAt: null, scheduledAt: { lte: at } },
    });
    for (const { id, teamId, requestedById, requestedByName, requestId } of due) {
      const actor = { teamId, keyId: requestedById, keyName: requestedByName, requestId };
      const start = async (client: pg.ClientBase) => {
        const { rowCount } = await client.query(
          `SELECT 1 FROM disconnects WHERE id = $1 AND state = 'scheduled' FOR UPDATE`,
          [id],
        );
        if (rowCount) await begin(client, id, actor, at, this.settings.keepsTryingMs);
      };
      await atCrashPoint('start', () => withTransaction(this.database.pool, start));
    }
    await closeFinished(this.database.pool, null, at);
    return due.length;
  }

  /** A connection has a working key again: the steps that wait for one are due. */
  async resume(connectionId: string): Promise<void> {
    await this.database.pool.query(
      `UPDATE disconnect_steps SET next_attempt_at = $2 WHERE connection_id = $1 AND state = 'pending' AND next_attempt_at > $2
         AND last_error ->> 'code' = 'credential_rejected'`,
      [connectionId, this.clock.now()],
    );
  }

  /**
   * Forgets finished disconnects and the tombstones of accounts after their time, and plans after a
   * day.
   */
  async prune(): Promise<void> {
    const now = this.clock.now().getTime();
    const before = new Date(now - this.settings.retentionDays * 86_400_000);
    await this.database.prisma.disconnectPlan.deleteMany({
      where: { createdAt: { lt: new Date(now - PLAN_RETENTION_MS) } },
    });
    await this.database.pool.query(
      'DELETE FROM disconnects WHERE id IN (SELECT id FROM disconnects WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)',
      [before, DELETE_BATCH],
    );
    await this.database.pool.query(
      `DELETE FROM accounts WHERE id IN (SELECT id FROM accounts WHERE status = 'disconnected' AND disconnected_at < $1 LIMIT $2)`,
      [before, DELETE_BATCH],
    );
  }
}

/** A key that may see only some providers sees no disconnect that touches others. */
function visibleTo({ teamId, key }: Caller): Prisma.DisconnectWhereInput {
  const hidden = { steps: { some: { provider: { notIn: [...key.providers] } } } };
  return { teamId, ...(key.providers.length > 0 && { NOT: hidden }) };
}

function conditionsOf(caller: Caller, filter: DisconnectFilter): Prisma.DisconnectWhereInput {
  return {
    ...visibleTo(caller),
    ...(filter.state && { state: { in: [...filter.state] } }),
    ...(filter.reason_code && { reasonCode: { in: [...filter.reason_code] } }),
    ...(filter.requested_by && { requestedById: { in: [...filter.requested_by] } }),
    createdAt: {
      ...(filter.created_since && { gte: filter.created_since }),
      ...(filter.created_until && { lt: filter.created_until }),
    },
  };
}

function beyond(value: string | null, id: string): Prisma.DisconnectWhereInput {
  const createdAt = new Date(value ?? 0);
  return { OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: id } }] };
}

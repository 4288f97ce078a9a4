import type pg from 'pg';
import { actorOf, recordAudit } from '../audit/index.js';
import type { ConnectionsService } from '../connections/index.js';
import { connectionEvent } from '../connections/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { Jobs } from '../database/jobs.js';
import { type Connection, Prisma, type Sweep } from '../database/prisma-client/client.js';
import { transact, withLock, withTransaction } from '../database/transact.js';
import { recordEvents } from '../events/index.js';
import { markHealthUnknown } from '../health/index.js';
import type { Caller } from '../http/caller.js';
import type { Metrics } from '../http/metrics.js';
import type { Rows } from '../http/page.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Logger } from '../lib/logger.js';
import type { Tracing } from '../lib/tracing.js';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import type { Providers } from '../providers/index.js';
import { nextSweepAt } from './schedule.js';
import { SweepRun } from './sweep-run.js';

/** Older ones are forgotten. */
const HISTORY_DAYS = 30;
const REJECTIONS: readonly string[] = ['credential_rejected', 'permission_denied'];
const OPEN_STATES = ['queued', 'running'];
const LEFT_AFTER_MS = 15_000;

interface SweepsServiceParts {
  readonly database: Database;
  readonly queues: Jobs;
  readonly providers: Providers;
  readonly connections: ConnectionsService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

/** Sweeps: when they are due, how one runs, and what became of them. */
export class SweepsService {
  private readonly stopping = new AbortController();

  constructor(private readonly parts: SweepsServiceParts) {}

  /** Sweeps that run stop at their next page; they are taken up again after the restart. */
  stop(): void {
    this.stopping.abort(new Error('Rollcall is shutting down'));
  }

  /**
   * Starts a sweep; while one is queued or running that one is the answer. Once the transaction has
   * committed, `wake` has it begin now.
   */
  async request(
    { client, prisma }: Transaction,
    caller: Caller,
    connection: Connection,
  ): Promise<Sweep> {
    const id = await this.enqueue(client, connection, caller);
    return prisma.sweep.findUniqueOrThrow({ where: { id } });
  }

  wake(): void {
    this.parts.queues.wake('sweep');
  }

  /** The sweeps of a connection, newest first. */
  history(connection: Connection): Rows<Sweep> {
    const { sweep } = this.parts.database.prisma;
    const where = { connectionId: connection.id };
    return {
      read: (beyondId, take) =>
        sweep.findMany({
          where: { ...where, ...(beyondId !== undefined && { id: { lt: beyondId } }) },
          orderBy: { id: 'desc' },
          take,
        }),
      count: () => sweep.count({ where }),
    };
  }

  /**
   * Queues a sweep for every connection whose time has come, and takes up those that were left
   * behind.
   */
  async scheduleDue(): Promise<void> {
    const now = this.parts.clock.now();
    const due = await this.parts.database.prisma.connection.findMany({
      where: { nextSweepAt: { lte: now } },
    });
    for (const connection of due)
      await withTransaction(this.parts.database.pool, (client) => this.enqueue(client, connection));
    if (due.length > 0) this.wake();
  }

  /** Takes up the sweeps that a dead replica or a lost job may have left. */
  resumeLeftBehind(): Promise<void> {
    return this.resume(LEFT_AFTER_MS);
  }

  /** Deletes the records of old sweeps. */
  async prune(): Promise<void> {
    const before = new Date(this.parts.clock.now().getTime() - HISTORY_DAYS * 86_400_000);
    await this.parts.database.prisma.sweep.deleteMany({ where: { createdAt: { lt: before } } });
  }

  /** Runs what is queued from now on, beginning with what an earlier process left. */
  async start(): Promise<void> {
    await this.parts.queues.work('sweep', (data) =>
      this.run((data as { sweepId: string }).sweepId),
    );
    await this.resume(0);
  }

  /**
   * Takes up open sweeps of this age, which a dead replica or a lost job may have left: one that is
   * running is left alone.
   */
  private async resume(ageMs: number): Promise<void> {
    const before = new Date(this.parts.clock.now().getTime() - ageMs);
    const where = { state: { in: OPEN_STATES }, createdAt: { lte: before } };
    const left = await this.parts.database.prisma.sweep.findMany({ where, select: { id: true } });
    for (const { id } of left) await this.parts.queues.send('sweep', { sweepId: id });
    if (left.length > 0) this.wake();
  }

  /**
   * One open sweep a connection: row and job in one transaction, under the connection's row lock.
   * @param client within that transaction
   * @returns the sweep's id
   */
  private async enqueue(
    client: pg.ClientBase,
    connection: Connection,
    caller?: Caller,
  ): Promise<string> {
    const now = this.parts.clock.now();
    await client.query('SELECT 1 FROM connections WHERE id = $1 FOR UPDATE', [connection.id]);
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM sweeps WHERE connection_id = $1 AND state IN ('queued', 'running') LIMIT 1`,
      [connection.id],
    );
    const sweepId = rows[0]?.id ?? newId('swp');
    if (rows.length === 0) {
      await client.query(
        `INSERT INTO sweeps (id, team_id, connection_id, state, created_at) VALUES ($1, $2, $3, 'queued', $4)`,
        [sweepId, connection.teamId, connection.id, now],
      );
      await this.parts.queues.send('sweep', { sweepId }, client);
    }
    await client.query('UPDATE connections SET next_sweep_at = $2 WHERE id = $1', [
      connection.id,
      nextSweepAt(connection, now),
    ]);
    const entry = {
      action: 'sweep.requested',
      targetType: 'sweep',
      targetId: sweepId,
      after: { connection_id: connection.id },
    } as const;
    if (caller) await recordAudit(client, actorOf(caller), [entry], now);
    return sweepId;
  }

  /**
   * Does one sweep, unless a process is at this connection already: that one looks for others when
   * it is done. Safe to repeat: a sweep that was cut off begins again.
   */
  async run(sweepId: string): Promise<void> {
    const sweep = await this.parts.database.prisma.sweep.findUnique({ where: { id: sweepId } });
    if (!sweep) return;
    const { connectionId } = sweep;
    const isDone = await withLock(
      this.parts.database.pool,
      `sweep ${connectionId}`,
      async (client) => {
        await this.runAlone(client, sweepId);
        return true;
      },
    );
    if (!isDone || this.stopping.signal.aborted) return;
    // One that was asked for just before the lock was free again found nobody to run it.
    const next = await this.parts.database.prisma.sweep.findFirst({
      where: { connectionId, state: 'queued', id: { not: sweepId } },
    });
    if (next) await this.run(next.id);
  }

  /** @param client holds the lock of the connection */
  private async runAlone(client: pg.ClientBase, sweepId: string): Promise<void> {
    const current = await this.parts.database.prisma.sweep.findUnique({
      where: { id: sweepId },
      include: { connection: true },
    });
    if (!current || !OPEN_STATES.includes(current.state)) return;
    const { connection } = current;
    const startedAt = this.parts.clock.now();
    await this.parts.database.prisma.sweep.update({
      where: { id: sweepId },
      data: { state: 'running', startedAt },
    });
    const run = new SweepRun(
      client,
      connection,
      this.adapter(connection),
      startedAt,
      this.parts.clock,
    );
    const facts = {
      'rollcall.sweep_id': sweepId,
      'rollcall.connection_id': connection.id,
      'rollcall.team_id': connection.teamId,
    };
    try {
      await run.begin();
      await this.parts.tracing.root('sweep', facts, () => this.walk(run, connection));
      await this.succeed(run, sweepId, connection, startedAt, client);
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      await this.fail(run, sweepId, connection, error);
    } finally {
      await run.end();
    }
  }

  private async walk(run: SweepRun, connection: Connection): Promise<void> {
    const access = this.parts.connections.open(connection);
    const context = { signal: this.stopping.signal };
    if (connection.state === 'credential_rejected')
      await this.parts.providers.verify(access, context);
    try {
      for await (const page of this.parts.providers.walk(access, context)) await run.take(page);
      await run.flush();
    } catch (error) {
      await run.breakOff();
      throw error;
    }
  }

  private async succeed(
    run: SweepRun,
    sweepId: string,
    connection: Connection,
    startedAt: Date,
    client: pg.ClientBase,
  ) {
    const previous = await this.parts.database.prisma.sweep.findFirst({
      where: { connectionId: connection.id, state: { in: ['succeeded', 'held'] } },
      orderBy: { id: 'desc' },
    });
    const now = this.parts.clock.now();
    const state = await transact(client, async () => {
      const settled = await run.settle(previous?.state === 'held');
      const stateBefore = await lockState(client, connection.id);
      await client.query(
        `UPDATE connections SET state_since = CASE WHEN state = 'active' THEN state_since ELSE $3 END, state = 'active',
           swept_at = $2, last_good_look_at = $3, last_error = NULL WHERE id = $1`,
        [connection.id, startedAt, now],
      );
      if (stateBefore !== 'active') {
        await recordEvents(
          client,
          connection.teamId,
          [connectionEvent('connection.recovered', connection)],
          now,
        );
      }
      await this.finish(client, sweepId, settled, run, null, now);
      return settled;
    });
    this.report(connection, sweepId, state, run);
  }

  private async fail(
    run: SweepRun,
    sweepId: string,
    connection: Connection,
    error: unknown,
  ): Promise<void> {
    const told =
      error instanceof ProviderError
        ? { code: error.code, message: error.message }
        : {
            code: 'internal_error',
            message: 'The gateway failed to write what it read. See its log.',
          };
    if (!(error instanceof ProviderError)) {
      this.parts.logger.error('sweep failed', {
        sweep_id: sweepId,
        error: error instanceof Error ? String(error.stack) : 'not an Error',
      });
    }
    const rejected =
      error instanceof ProviderError &&
      REJECTIONS.includes(error.code) &&
      (await this.isRejected(connection));
    const now = this.parts.clock.now();
    await withTransaction(this.parts.database.pool, async (client) => {
      const lastError = { ...told, at: now.toISOString() };
      await client.query('UPDATE connections SET last_error = $2 WHERE id = $1', [
        connection.id,
        lastError,
      ]);
      await this.finish(client, sweepId, 'failed', run, told, now);
      if (rejected) await this.reject(client, connection, now);
    });
    this.report(connection, sweepId, 'failed', run, told.code);
  }

  /** A second look, so that no single answer condemns a connection. */
  private async isRejected(connection: Connection): Promise<boolean> {
    try {
      const access = this.parts.connections.open(connection);
      await this.parts.providers.verify(access, { signal: this.stopping.signal });
      await this.parts.providers.list(
        access,
        { cursor: null, limit: 1 },
        { signal: this.stopping.signal },
      );
      return false;
    } catch (error) {
      return error instanceof ProviderError && REJECTIONS.includes(error.code);
    }
  }

  /**
   * The provider rejects our key: all its accounts' health is unknown, and we only check now and
   * then whether it still does.
   */
  private async reject(client: pg.ClientBase, connection: Connection, now: Date): Promise<void> {
    const stateBefore = await lockState(client, connection.id);
    const { rows } = await client.query<{ state: string }>(
      `UPDATE connections SET state_since = CASE WHEN state = 'credential_rejected' THEN state_since ELSE $2 END,
         state = 'credential_rejected', next_sweep_at = $3
       WHERE id = $1 AND credentials = $4 RETURNING state`,
      [
        connection.id,
        now,
        nextSweepAt({ ...connection, state: 'credential_rejected' }, now),
        connection.credentials,
      ],
    );
    // No row: the key was replaced meanwhile, and the new one has not been tried yet.
    if (rows.length === 0) return;
    if (stateBefore === 'active') {
      await recordEvents(
        client,
        connection.teamId,
        [connectionEvent('connection.credential_rejected', connection)],
        now,
      );
    }
    await markHealthUnknown(
      client,
      connection,
      this.adapter(connection),
      'credential_rejected',
      now,
      null,
    );
  }

  private async finish(
    client: pg.ClientBase,
    sweepId: string,
    state: 'succeeded' | 'held' | 'failed',
    run: SweepRun,
    error: object | null,
    now: Date,
  ): Promise<void> {
    const { seen, added, changed, vanished, unchanged, quarantined } = run.counts;
    await client.query(
      `UPDATE sweeps SET state = $2, seen = $3, added = $4, changed = $5, vanished = $6, unchanged = $7, quarantined = $8,
         quarantine = $9, error = $10, finished_at = $11 WHERE id = $1`,
      [
        sweepId,
        state,
        seen,
        added,
        changed,
        vanished,
        unchanged,
        quarantined,
        JSON.stringify(run.quarantine),
        error,
        now,
      ],
    );
  }

  private report(
    connection: Connection,
    sweepId: string,
    state: string,
    run: SweepRun,
    code?: string,
  ): void {
    this.parts.metrics.observeSweep(connection.provider, state);
    this.parts.logger.info(`sweep ${state}`, {
      sweep_id: sweepId,
      connection_id: connection.id,
      provider: connection.provider,
      count: run.counts.seen,
      ...(code !== undefined && { code }),
    });
  }

  private adapter({ provider }: Connection): AnyAdapter {
    const adapter = this.parts.providers.adapters.get(provider);
    if (!adapter) throw new Error(`no adapter for ${provider}`);
    return adapter;
  }

  /** Resolves when every connection has been swept once, for the first start. */
  async hasSweptAll(): Promise<boolean> {
    const unswept = { state: 'active', sweptAt: null, lastError: { equals: Prisma.AnyNull } };
    return (await this.parts.database.prisma.connection.count({ where: unswept })) === 0;
  }
}

async function lockState(client: pg.ClientBase, connectionId: string): Promise<string | undefined> {
  const { rows } = await client.query<{ state: string }>(
    'SELECT state FROM connections WHERE id = $1 FOR UPDATE',
    [connectionId],
  );
  return rows[0]?.state;
}

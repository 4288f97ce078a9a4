import type pg from 'pg';
import { type ConnectionsService, connectionEvent } from '../connections/index.js';
import type { Database } from '../database/index.js';
import type { Connection } from '../database/prisma-client/client.js';
import { transact, withLock, withTransaction } from '../database/transact.js';
import { recordEvents } from '../events/index.js';
import { markHealthUnknown } from '../health/index.js';
import type { Metrics } from '../http/metrics.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Tracing } from '../lib/tracing.js';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import type { Providers } from '../providers/index.js';
import { ObservedAccountsRepository } from './observed-accounts.repository.js';
import { proveAbsence } from './prove-absence.js';
import { findUnknownList, type UnknownList } from './recognition.js';
import { nextSweepAt } from './schedule.js';
import { SweepRun } from './sweep-run.js';
import { NOTHING_COUNTED, type SweepResult, type SweepsRepository } from './sweeps.repository.js';

const REJECTIONS: readonly string[] = ['credential_rejected', 'permission_denied'];

interface SweepRunnerParts {
  readonly database: Database;
  readonly sweeps: SweepsRepository;
  readonly providers: Providers;
  readonly connections: ConnectionsService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
}

/** Runs queued sweeps: reads the provider's whole list and writes what it leads to. */
export class SweepRunner {
  private readonly stopping = new AbortController();

  constructor(private readonly parts: SweepRunnerParts) {}

  /** Sweeps that run stop at their next page, unfinished. */
  stop(): void {
    this.stopping.abort(new Error('Rollcall is shutting down'));
  }

  /**
   * Does one sweep, unless a process is at this connection already: that one looks for others when
   * it is done. Safe to repeat: a sweep that was cut off begins again.
   */
  async run(sweepId: string): Promise<void> {
    const { database, sweeps } = this.parts;
    const sweep = await sweeps.find(sweepId);
    if (!sweep) return;
    const { connectionId } = sweep;
    const isDone = await withLock(database.pool, `sweep ${connectionId}`, async (client) => {
      await this.runAlone(client, sweepId);
      return true;
    });
    if (!isDone || this.stopping.signal.aborted) return;
    // One that was asked for just before the lock was free again found nobody to run it.
    const next = await sweeps.findNextQueued(connectionId, sweepId);
    if (next) await this.run(next.id);
  }

  /** @param client holds the lock of the connection */
  private async runAlone(client: pg.ClientBase, sweepId: string): Promise<void> {
    const { clock, sweeps, tracing } = this.parts;
    const current = await sweeps.findUnfinished(sweepId);
    if (!current) return;
    const { connection } = current;
    const startedAt = clock.now();
    await sweeps.start(sweepId, startedAt);
    const run = new SweepRun(client, connection, this.adapter(connection), startedAt, clock);
    const facts = {
      'rollcall.sweep_id': sweepId,
      'rollcall.connection_id': connection.id,
      'rollcall.team_id': connection.teamId,
    };
    try {
      const observed = new ObservedAccountsRepository(client, connection.id, startedAt);
      const unknown = await this.findUnknownList(observed, connection, sweepId);
      if (unknown !== null) return await this.hold(unknown, sweepId, connection);
      await run.begin();
      await tracing.root('sweep', facts, () => this.walk(run, connection));
      await this.succeed(run, sweepId, connection, startedAt, client);
    } catch (error) {
      if (this.stopping.signal.aborted) return;
      await this.fail(run, sweepId, connection, startedAt, error);
    } finally {
      await run.end();
    }
  }

  private async walk(run: SweepRun, connection: Connection): Promise<void> {
    const access = this.parts.connections.accessTo(connection);
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
    const { providers } = this.parts;
    await proveAbsence(run, this.adapter(connection), providers, access, context);
  }

  /** Whether a changed key or address shows none of the accounts held; see `findUnknownList`. */
  private async findUnknownList(
    observed: ObservedAccountsRepository,
    connection: Connection,
    sweepId: string,
  ): Promise<UnknownList | null> {
    if (connection.accessChangedAt === null) return null;
    const access = this.parts.connections.accessTo(connection);
    const pages = this.parts.providers.walk(access, { signal: this.stopping.signal });
    return findUnknownList(observed, pages, { connectionId: connection.id, sweepId });
  }

  /** Ends a sweep that someone has to confirm. */
  private async hold(
    { listed, message }: UnknownList,
    sweepId: string,
    connection: Connection,
  ): Promise<void> {
    const { clock, database, sweeps } = this.parts;
    const now = clock.now();
    const error = { code: 'unknown_accounts', message };
    const counts = { ...NOTHING_COUNTED, seen: listed, unchanged: listed };
    const result = { state: 'held' as const, counts, quarantine: [], degraded: [], error };
    await withTransaction(database.pool, async (client) => {
      await sweeps.markHeld(client, connection, { ...error, at: now.toISOString() }, now);
      await sweeps.finish(client, sweepId, result, now);
    });
    this.report(connection, sweepId, 'held', listed, error.code);
  }

  private async succeed(
    run: SweepRun,
    sweepId: string,
    connection: Connection,
    startedAt: Date,
    client: pg.ClientBase,
  ): Promise<void> {
    const { clock, sweeps } = this.parts;
    const now = clock.now();
    const error = run.healthFailure && partialFailure(run.healthFailure);
    const state = await transact(client, async () => {
      const completed = await run.complete();
      const lastError = error && { ...error, at: now.toISOString() };
      const stateBefore = await sweeps.markSwept(client, connection, startedAt, lastError, now);
      if (stateBefore !== 'active') {
        const event = connectionEvent('connection.recovered', connection);
        await recordEvents(client, connection.teamId, [event], now);
      }
      await sweeps.finish(client, sweepId, resultOf(run, completed, error), now);
      return completed;
    });
    this.report(connection, sweepId, state, run.counts.seen, error?.code);
  }

  private async fail(
    run: SweepRun,
    sweepId: string,
    connection: Connection,
    startedAt: Date,
    error: unknown,
  ): Promise<void> {
    const { clock, database, logger, sweeps } = this.parts;
    const failure =
      error instanceof ProviderError
        ? { code: error.code, message: error.message }
        : {
            code: 'internal_error',
            message: 'The gateway failed to store what it read. See its log.',
          };
    if (!(error instanceof ProviderError)) {
      logger.error('sweep failed', {
        sweep_id: sweepId,
        error: error instanceof Error ? String(error.stack) : 'not an Error',
      });
    }
    const rejected =
      error instanceof ProviderError &&
      REJECTIONS.includes(error.code) &&
      (await this.isRejected(connection));
    const now = clock.now();
    await withTransaction(database.pool, async (client) => {
      const lastError = { ...failure, at: now.toISOString() };
      const triedAt = error instanceof ProviderError ? startedAt : null;
      await sweeps.noteError(client, connection.id, lastError, triedAt);
      await sweeps.finish(client, sweepId, resultOf(run, 'failed', failure), now);
      if (rejected) await this.reject(client, connection, now);
    });
    this.report(connection, sweepId, 'failed', run.counts.seen, failure.code);
  }

  /** A second look, so that no single answer condemns a connection. */
  private async isRejected(connection: Connection): Promise<boolean> {
    const { connections, providers } = this.parts;
    const context = { signal: this.stopping.signal };
    try {
      const access = connections.accessTo(connection);
      await providers.verify(access, context);
      await providers.list(access, { cursor: null, limit: 1 }, context);
      return false;
    } catch (error) {
      return error instanceof ProviderError && REJECTIONS.includes(error.code);
    }
  }

  /**
   * The provider rejects the key: the health of all accounts becomes unknown, and the key is only
   * checked from time to time.
   */
  private async reject(client: pg.ClientBase, connection: Connection, now: Date): Promise<void> {
    const next = nextSweepAt({ ...connection, state: 'credential_rejected' }, now);
    const stateBefore = await this.parts.sweeps.markRejected(client, connection, next, now);
    // The key was replaced in the meantime, and the new one has not been tried yet.
    if (stateBefore === undefined) return;
    if (stateBefore === 'active') {
      const event = connectionEvent('connection.credential_rejected', connection);
      await recordEvents(client, connection.teamId, [event], now);
    }
    const adapter = this.adapter(connection);
    const verdict = 'credential_rejected';
    await markHealthUnknown(client, { connection, adapter, verdict, age: null }, now);
  }

  private report(
    connection: Connection,
    sweepId: string,
    state: string,
    count: number,
    code?: string,
  ): void {
    this.parts.metrics.observeSweep(connection.provider, state);
    this.parts.logger.info(`sweep ${state}`, {
      sweep_id: sweepId,
      connection_id: connection.id,
      provider: connection.provider,
      count,
      ...(code !== undefined && { code }),
    });
  }

  private adapter({ provider }: Connection): AnyAdapter {
    return this.parts.providers.adapters.require(provider);
  }
}

/** A list that was read although the report of its accounts' health was not there. */
function partialFailure({ code, message }: ProviderError) {
  return {
    code,
    message: `The health report is missing; the accounts are listed, and verdicts keep their age. ${message}`,
  };
}

function resultOf(
  run: SweepRun,
  state: SweepResult['state'],
  error: SweepResult['error'],
): SweepResult {
  const { counts, quarantine, degraded } = run;
  return { state, counts, quarantine, degraded, error };
}

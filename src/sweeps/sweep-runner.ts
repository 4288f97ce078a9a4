import type pg from 'pg';
import type { SettleProfiles } from '../accounts/index.js';
import { type ConnectionsService, connectionEvent } from '../connections/index.js';
import { isUnreachable } from '../database/index.js';
import type { Connection } from '../database/prisma-client/client.js';
import { recordEvents } from '../events/index.js';
import { markHealthUnknown } from '../health/index.js';
import type { Metrics } from '../http/metrics.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { stackOf } from '../lib/source-positions.js';
import type { Tracing } from '../lib/tracing.js';
import { withoutUrlSecrets } from '../lib/url-parameters.js';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import { holdsSecret, type Providers, secretsOf } from '../providers/index.js';
import type { WorkResult } from '../work/index.js';
import { ObservedAccountsRepository } from './observed-accounts.repository.js';
import { proveAbsence } from './prove-absence.js';
import { findUnknownList, type UnknownList } from './recognition.js';
import { type RunLease, type RunLeases, RunReplaced } from './run-lease.repository.js';
import { nextSweepAt } from './schedule.js';
import { BudgetExhausted, SweepBudget, type SweepLimits } from './sweep-budget.js';
import { SweepRun } from './sweep-run.js';
import { NOTHING_COUNTED, type SweepResult, type SweepsRepository } from './sweeps.repository.js';

const REJECTIONS: readonly string[] = ['credential_rejected', 'permission_denied'];

interface SweepRunnerParts {
  readonly runs: RunLeases;
  readonly sweeps: SweepsRepository;
  readonly providers: Providers;
  readonly connections: ConnectionsService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly limits: SweepLimits;
  readonly settleProfiles: SettleProfiles;
}

/** One sweep under way. */
interface Current {
  readonly sweepId: string;
  readonly connection: Connection;
  readonly startedAt: Date;
  readonly lease: RunLease;
  readonly budget: SweepBudget;
  /** Stops its calls: when its time is over, or when its work is aborted. */
  readonly signal: AbortSignal;
}

/** Milliseconds after which a sweep looks again whether another process has let go. */
const BUSY_MS = 2_000;
/** A cursor that is longer is not kept. */
const MAX_CURSOR_LENGTH = 4_096;

/** Runs queued sweeps: reads the provider's whole list and writes what it leads to. */
export class SweepRunner {
  constructor(private readonly parts: SweepRunnerParts) {}

  /**
   * Does one sweep, unless a process is at this connection already. Safe to repeat: a sweep that was
   * cut off begins again.
   * @throws the reason of `signal` when that aborts; the sweep is unfinished
   * @throws Error when the database was away meanwhile; the sweep is unfinished
   */
  async run(sweepId: string, signal: AbortSignal): Promise<WorkResult> {
    const { clock, runs, sweeps } = this.parts;
    const unfinished = await sweeps.findUnfinished(sweepId);
    if (!unfinished) return { state: 'done' };
    const lease = await runs.begin(sweepId, unfinished.connectionId);
    if (lease === undefined)
      return { state: 'left', dueAt: new Date(clock.now().getTime() + BUSY_MS) };
    try {
      await this.runAlone(lease, sweepId, signal);
    } finally {
      // What cannot be cleared now is cleared by a job once the sweep has ended.
      await lease.end().catch(() => undefined);
    }
    return { state: 'done' };
  }

  private async runAlone(lease: RunLease, sweepId: string, signal: AbortSignal): Promise<void> {
    const { clock, limits, sweeps } = this.parts;
    const unfinished = await sweeps.findUnfinished(sweepId);
    if (!unfinished) return;
    const { connection } = unfinished;
    const startedAt = clock.now();
    await sweeps.start(sweepId, startedAt);
    const budget = new SweepBudget(limits);
    const stops = AbortSignal.any([signal, budget.signal]);
    const current = { sweepId, connection, startedAt, lease, budget, signal: stops };
    const run = new SweepRun({
      lease,
      owner: connection,
      adapter: this.adapter(connection),
      startedAt,
      clock,
      settleProfiles: this.parts.settleProfiles,
    });
    const progress = { next: this.beginningOf(connection) };
    const from = progress.next;
    try {
      const unknown = await this.findUnknownList(current);
      if (unknown !== null) return await this.hold(current, unknown);
      await run.begin();
      await this.walk(current, run, progress);
      if (from === null) await this.succeed(current, run);
      else await this.endRest(current, run);
    } catch (error) {
      signal.throwIfAborted();
      // Its connection was deleted or paused.
      if (!(await sweeps.findUnfinished(sweepId))) return;
      if (mustBeginAgain(error)) throw error;
      if (error instanceof BudgetExhausted) await this.endPart(current, run, error, progress.next);
      else await this.fail(current, run, error);
    } finally {
      budget.end();
    }
  }

  /**
   * Where a sweep begins: where the budget of the one before ran out, so that the end of a list too
   * long for one sweep is reached. A key that has something to prove begins at the beginning.
   */
  private beginningOf({ state, accessChangedAt, resumeCursor }: Connection): string | null {
    return state === 'active' && accessChangedAt === null ? resumeCursor : null;
  }

  /**
   * Reads the list to its end, and proves the absence of what it lacks unless it was begun in the
   * middle.
   * @param progress where to begin, and in the end where the next page begins
   */
  private walk(current: Current, run: SweepRun, progress: { next: string | null }): Promise<void> {
    const { sweepId, connection, budget, signal } = current;
    const { connections, providers, tracing } = this.parts;
    const facts = {
      'rollcall.sweep_id': sweepId,
      'rollcall.connection_id': connection.id,
      'rollcall.team_id': connection.teamId,
    };
    return tracing.root('sweep', facts, async () => {
      const access = connections.accessTo(connection);
      const from = progress.next;
      if (connection.state === 'credential_rejected') await providers.verify(access, { signal });
      try {
        for await (const page of budget.limit(providers.walk(access, { signal }, from))) {
          progress.next = page.next;
          await run.take(page);
        }
        await run.flush();
      } catch (error) {
        await run.breakOff();
        throw error;
      }
      if (from !== null) return run.breakOff();
      try {
        await proveAbsence(run, this.adapter(connection), providers, access, { signal });
      } catch (error) {
        // The list is read; what is not proven yet keeps its age until the next sweep.
        if (!(error instanceof BudgetExhausted)) throw error;
      }
    });
  }

  /** Whether a changed key or address shows none of the accounts held; see `findUnknownList`. */
  private async findUnknownList(current: Current): Promise<UnknownList | null> {
    const { sweepId, connection, startedAt, lease, budget, signal } = current;
    if (connection.accessChangedAt === null) return null;
    const observed = new ObservedAccountsRepository(lease, startedAt);
    const access = this.parts.connections.accessTo(connection);
    const pages = budget.limit(this.parts.providers.walk(access, { signal }));
    return findUnknownList(observed, pages, { connectionId: connection.id, sweepId });
  }

  /** Ends a sweep that someone has to confirm. */
  private async hold(current: Current, { listed, message }: UnknownList): Promise<void> {
    const { sweepId, connection, lease } = current;
    const { clock, sweeps } = this.parts;
    const now = clock.now();
    const error = { code: 'unknown_accounts', message };
    const counts = { ...NOTHING_COUNTED, seen: listed, unchanged: listed };
    await lease.transaction(async (client) => {
      await sweeps.markHeld(client, connection, { ...error, at: now.toISOString() }, now);
      await sweeps.finish(client, sweepId, { ...NO_RESULT, state: 'held', counts, error }, now);
    });
    this.report(current, 'held', listed, error.code);
  }

  /** Ends a sweep that read the whole list. */
  private async succeed(current: Current, run: SweepRun): Promise<void> {
    const { sweepId, connection, startedAt, lease } = current;
    const { clock, sweeps } = this.parts;
    const now = clock.now();
    const error = run.healthFailure && partialFailure(run.healthFailure);
    const state = await lease.transaction(async (client) => {
      const completed = await run.complete(client);
      const lastError = error && { ...error, at: now.toISOString() };
      const stateBefore = await sweeps.markSwept(client, connection, startedAt, lastError, now);
      if (stateBefore !== 'active') {
        const event = connectionEvent('connection.recovered', connection);
        await recordEvents(client, connection.teamId, [event], now);
      }
      await sweeps.setResumeCursor(client, connection.id, null);
      await sweeps.finish(client, sweepId, resultOf(run, completed, error), now);
      if (run.counts.vanished > 0) await this.parts.settleProfiles(client, now);
      return completed;
    });
    this.report(current, state, run.counts.seen, error?.code);
  }

  /** Ends a sweep that began in the middle of the list and read it to its end. */
  private async endRest(current: Current, run: SweepRun): Promise<void> {
    const { sweepId, connection, lease } = current;
    const { clock, sweeps } = this.parts;
    const now = clock.now();
    await lease.transaction(async (client) => {
      await sweeps.markPartlySwept(client, connection.id, null, now);
      await sweeps.setResumeCursor(client, connection.id, null);
      await sweeps.finish(client, sweepId, resultOf(run, 'succeeded', REST_OF_LIST), now);
    });
    this.report(current, 'succeeded', run.counts.seen, REST_OF_LIST.code);
  }

  /**
   * Ends a sweep whose budget ran out.
   * @param next where the page after the last that was read begins
   */
  private async endPart(
    current: Current,
    run: SweepRun,
    { limit, pages, message }: BudgetExhausted,
    next: string | null,
  ): Promise<void> {
    const { sweepId, connection, startedAt, lease } = current;
    const { clock, sweeps } = this.parts;
    const now = clock.now();
    const error = { code: 'budget_exhausted', message };
    const lastError = { ...error, at: now.toISOString() };
    await lease.transaction(async (client) => {
      // A provider that gave no page in all that time is silent.
      if (pages === 0) await sweeps.noteError(client, connection.id, lastError, startedAt);
      else await sweeps.markPartlySwept(client, connection.id, lastError, now);
      await sweeps.setResumeCursor(client, connection.id, this.keepable(connection, next));
      const result = { ...resultOf(run, 'failed', error), budgetExhausted: limit };
      await sweeps.finish(client, sweepId, result, now);
    });
    this.report(current, 'failed', run.counts.seen, error.code);
  }

  /** A cursor that holds a secret, as one that is an address may, is not stored. */
  private keepable(connection: Connection, cursor: string | null): string | null {
    if (cursor === null || cursor.length > MAX_CURSOR_LENGTH) return null;
    const adapter = this.parts.providers.adapters.require(connection.provider);
    const secrets = secretsOf(adapter, this.parts.connections.accessTo(connection));
    return holdsSecret(cursor, secrets) || withoutUrlSecrets(cursor) !== cursor ? null : cursor;
  }

  private async fail(current: Current, run: SweepRun, error: unknown): Promise<void> {
    const { sweepId, connection, startedAt, lease } = current;
    const { clock, logger, sweeps } = this.parts;
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
        error: stackOf(error),
      });
    }
    const rejected =
      error instanceof ProviderError &&
      REJECTIONS.includes(error.code) &&
      (await this.isRejected(current));
    const now = clock.now();
    await lease.transaction(async (client) => {
      const lastError = { ...failure, at: now.toISOString() };
      const triedAt = error instanceof ProviderError ? startedAt : null;
      await sweeps.noteError(client, connection.id, lastError, triedAt);
      await sweeps.setResumeCursor(client, connection.id, null);
      await sweeps.finish(client, sweepId, resultOf(run, 'failed', failure), now);
      if (rejected) await this.reject(client, connection, now);
    });
    this.report(current, 'failed', run.counts.seen, failure.code);
  }

  /** A second look, so that no single answer condemns a connection. */
  private async isRejected({ connection, signal }: Current): Promise<boolean> {
    const { connections, providers } = this.parts;
    const context = { signal };
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
    { connection, sweepId }: Current,
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

/** The sweep has come to no end: neither the provider's answers nor its own work were at fault. */
function mustBeginAgain(error: unknown): boolean {
  return (
    error instanceof RunReplaced || (!(error instanceof ProviderError) && isUnreachable(error))
  );
}

/** Of a sweep that ended before it had a list to judge. */
const NO_RESULT = { quarantine: [], degraded: [], budgetExhausted: null };

/** Told of a sweep that began where the budget of the one before ran out. */
const REST_OF_LIST = {
  code: 'rest_of_list',
  message:
    'The budget of the previous sweep ran out, and this one read the rest of the list. That proves no absence; the next sweep reads the whole list.',
};

/** A list that was read although the report of its accounts' health was not there. */
function partialFailure({ code, message }: ProviderError) {
  return {
    code,
    message: `The health report is missing; the accounts are listed, and their health keeps its age. ${message}`,
  };
}

function resultOf(
  run: SweepRun,
  state: SweepResult['state'],
  error: SweepResult['error'],
): SweepResult {
  const { counts, quarantine, degraded } = run;
  return { state, counts, quarantine, degraded, error, budgetExhausted: null };
}

import type pg from 'pg';
import type { SettleProfiles } from '../accounts/index.js';
import { type AuditEntry, recordAuditOfMany } from '../audit/index.js';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import { recordAccountEvents } from '../events/index.js';
import { batched } from '../lib/batched.js';
import type { Clock } from '../lib/clock.js';
import { LeasedRows } from '../work/index.js';
import { atCrashPoint } from './crash-points.js';
import type { LifecycleRepository } from './lifecycle.repository.js';
import { actorOfStep, STEP_COLUMNS, type Step, type StepProgress } from './step.js';
import type { DisconnectSettings } from './step-state.js';

const BATCH_SIZE = 100;

/** How far a step got. */
interface Noted {
  readonly step: Step;
  readonly progress: StepProgress;
}

/** A step that is put off until its next attempt. */
interface Postponement extends Noted {
  readonly until: Date;
}

/** The end of a step. */
interface Ending extends Noted {
  readonly state: 'succeeded' | 'failed';
}

/** The step was leased to another process in the meantime, which continues it. */
export class LeaseLost extends Error {}

/**
 * The steps of disconnects as the workers write them. The rows are the truth: whatever a process
 * dies of, what is to do next stands here. Every write holds only as long as the lease, and what is
 * written at the same time shares a transaction.
 */
export class StepsRepository {
  /** Unfinished steps as work: a lane for each connection. Whoever takes one makes an attempt. */
  readonly queue: LeasedRows<Step>;

  constructor(
    private readonly database: Database,
    private readonly lifecycle: LifecycleRepository,
    private readonly clock: Clock,
    private readonly settings: DisconnectSettings,
    private readonly settleProfiles: SettleProfiles,
  ) {
    this.queue = new LeasedRows(database.pool, {
      table: 'disconnect_steps',
      lane: 'connection_id',
      dueAt: 'next_attempt_at',
      isOpen: `state IN ('pending', 'running')`,
      mayBeTaken: 'NOT EXISTS (SELECT FROM connections c WHERE c.id = connection_id AND c.paused)',
      shares: `SELECT ARRAY['team ' || c.team_id, 'provider ' || c.provider]
        FROM connections c WHERE c.id = due.lane`,
      onTake: `state = 'running', attempts = attempts + 1`,
      onRelease: `state = 'pending'`,
      select: `SELECT ${STEP_COLUMNS} FROM taken s JOIN disconnects d ON d.id = s.disconnect_id`,
      leaseMs: settings.leaseMs,
    });
  }

  /** Makes the steps due that wait for a connection to have working credentials. */
  async resume(connectionId: string): Promise<void> {
    await this.database.pool.query(
      `UPDATE disconnect_steps SET next_attempt_at = $2
       WHERE connection_id = $1 AND state = 'pending' AND next_attempt_at > $2
         AND last_error ->> 'code' = 'credential_rejected'`,
      [connectionId, this.clock.now()],
    );
  }

  /** Writes how far a step got, and holds its lease for longer. */
  readonly note = this.batchedWrite((client, noted: readonly Noted[], at) =>
    this.writeProgress(client, noted, at),
  );

  /** Gives a step back until its next attempt. */
  readonly postpone = this.batchedWrite((client, postponements: readonly Postponement[]) =>
    this.writePostponements(client, postponements),
  );

  /**
   * Ends a step: step, account, event and audit entry together, and the disconnect with its last
   * step.
   */
  async end(ending: Ending): Promise<void> {
    await this.writeEnding(ending);
    await atCrashPoint('close', () => this.close(ending.step.disconnectId));
  }

  private readonly close = batched(BATCH_SIZE, async (ids: readonly string[]) => {
    await this.lifecycle.finishEnded([...new Set(ids)], this.clock.now());
    return ids;
  });

  private readonly writeEnding = this.batchedWrite((client, endings: readonly Ending[], at) =>
    this.writeEndings(client, endings, at),
  );

  /** @param write answers with the ids of the steps that were still leased */
  private batchedWrite<Item extends { readonly step: Step }>(
    write: (
      client: pg.ClientBase,
      items: readonly Item[],
      at: Date,
    ) => Promise<ReadonlySet<string>>,
  ): (item: Item) => Promise<void> {
    const run = batched(BATCH_SIZE, async (items: readonly Item[]) => {
      const written = await withTransaction(this.database.pool, (client) =>
        write(client, items, this.clock.now()),
      );
      return items.map(({ step }) => written.has(step.id));
    });
    return async (item) => {
      if (!(await run(item))) throw new LeaseLost(`step ${item.step.id} was taken over`);
    };
  }

  private async writeProgress(
    client: pg.ClientBase,
    noted: readonly Noted[],
    at: Date,
  ): Promise<ReadonlySet<string>> {
    const rows = noted.map(rowOf);
    const written = await update(client, rows, 'leased_until = $2', [this.leaseEnd(at)]);
    const entries = noted.map(({ step, progress }) => ({
      step,
      action: `disconnect_step.${progress.phase}`,
      facts: { answer: progress.evidence.at(-1) ?? null },
    }));
    await recordStepAudit(client, entries, written, at);
    return written;
  }

  private async writePostponements(
    client: pg.ClientBase,
    postponements: readonly Postponement[],
  ): Promise<ReadonlySet<string>> {
    const rows = postponements.map(({ until, ...noted }) => ({ ...rowOf(noted), until }));
    return update(
      client,
      rows,
      `state = 'pending', next_attempt_at = r.until, leased_by = NULL, leased_until = NULL,
       verified = r.verified`,
    );
  }

  private async writeEndings(
    client: pg.ClientBase,
    endings: readonly Ending[],
    at: Date,
  ): Promise<ReadonlySet<string>> {
    const rows = endings.map(({ state, ...noted }) => ({
      ...rowOf(noted),
      state,
      account_id: noted.step.accountId,
      disconnect_id: noted.step.disconnectId,
      former_status: noted.step.formerStatus,
    }));
    const written = await update(
      client,
      rows,
      `state = r.state, finished_at = $2::timestamptz,
       verified = r.verified,
       verified_at = CASE WHEN r.verified = 'unverifiable' THEN NULL ELSE $2::timestamptz END,
       next_attempt_at = NULL, leased_by = NULL, leased_until = NULL`,
      [at],
    );
    const mine = JSON.stringify(rows.filter(({ id }) => written.has(id)));
    // Dropping the content hash makes the next look write the account whatever it shows.
    await client.query({
      name: 'end-accounts',
      text: `UPDATE accounts a SET updated_at = $2::timestamptz, content_hash = NULL,
          missing_since = NULL, quarantined_at = NULL,
          status = CASE WHEN r.state = 'succeeded' THEN 'disconnected' ELSE r.former_status END,
          disconnect_cause =
            CASE WHEN r.state = 'succeeded' THEN 'rollcall' ELSE a.disconnect_cause END,
          disconnected_at =
            CASE WHEN r.state = 'succeeded' THEN $2::timestamptz ELSE a.disconnected_at END,
          disconnect_id = CASE WHEN r.state = 'succeeded' THEN a.disconnect_id END
        FROM jsonb_to_recordset($1::jsonb) AS r(account_id text, disconnect_id text, state text,
          former_status text)
        WHERE a.id = r.account_id AND a.status = 'disconnecting'
          AND a.disconnect_id = r.disconnect_id`,
      values: [mine, at],
    });
    await this.recordEndings(client, endings, written, at);
    await this.settleProfiles(client, at);
    return written;
  }

  private async recordEndings(
    client: pg.ClientBase,
    endings: readonly Ending[],
    written: ReadonlySet<string>,
    at: Date,
  ): Promise<void> {
    const entries = endings.map(({ step, state, progress }) => {
      const { outcome, verified, error } = progress;
      return state === 'succeeded'
        ? {
            step,
            action: 'account.disconnected' as const,
            facts: { status: 'disconnected', outcome, verified },
            eventData: { outcome },
          }
        : {
            step,
            action: 'account.disconnect_failed' as const,
            facts: { status: step.formerStatus, error },
            eventData: { error },
          };
    });
    await recordStepAudit(client, entries, written, at);
    const events = entries
      .filter(({ step }) => written.has(step.id))
      .map(({ step, action, eventData }) => ({
        type: action,
        accountId: step.accountId,
        data: { disconnect_id: step.disconnectId, ...eventData },
      }));
    await recordAccountEvents(client, events, at);
  }

  private leaseEnd(now: Date): Date {
    return new Date(now.getTime() + this.settings.leaseMs);
  }
}

/** The columns that attempts change, with what says whether the lease still holds. */
function rowOf({ step, progress }: Noted) {
  return {
    id: step.id,
    leased_by: step.leasedBy,
    attempt: step.attempts,
    phase: progress.phase,
    outcome: progress.outcome,
    paused: progress.paused,
    last_error: progress.error,
    verified: progress.verified,
    answers: progress.evidence,
    not_compared: progress.notCompared,
  };
}

/**
 * Writes how far leased steps got, and more columns from rows.
 * @returns the ids of those whose lease still held: the same process, the same attempt
 */
async function update(
  client: pg.ClientBase,
  rows: readonly ReturnType<typeof rowOf>[],
  assignments: string,
  values: readonly unknown[] = [],
): Promise<ReadonlySet<string>> {
  const result = await client.query<{ id: string }>(
    `UPDATE disconnect_steps s SET phase = r.phase, outcome = r.outcome, paused = r.paused,
       last_error = r.last_error, answers = r.answers, not_compared = r.not_compared, ${assignments}
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, leased_by text, attempt integer, state text,
       phase text, outcome text, paused boolean, until timestamptz, last_error jsonb, verified text,
       answers jsonb, not_compared jsonb)
     WHERE s.id = r.id AND s.leased_by = r.leased_by AND s.attempts = r.attempt RETURNING s.id`,
    [JSON.stringify(rows), ...values],
  );
  return new Set(result.rows.map(({ id }) => id));
}

/** What happened to a step, for the audit log. */
interface StepAuditEntry {
  readonly step: Step;
  readonly action: string;
  readonly facts: object;
}

/**
 * Writes audit entries for the steps that were updated, under the key that requested their
 * disconnect.
 */
async function recordStepAudit(
  client: pg.ClientBase,
  entries: readonly StepAuditEntry[],
  written: ReadonlySet<string>,
  at: Date,
): Promise<void> {
  const audited = entries
    .filter(({ step }) => written.has(step.id))
    .map(({ step, action, facts }) => {
      const before = {
        status: action.startsWith('account.') ? 'disconnecting' : undefined,
        phase: step.phase,
      };
      const after = { disconnect_id: step.disconnectId, ...facts };
      const target = { targetType: 'account', targetId: step.accountId } as const;
      const entry: AuditEntry = { action, ...target, before, after };
      return { actor: actorOfStep(step), entry };
    });
  await recordAuditOfMany(client, audited, at);
}

import type pg from 'pg';
import type { SettleProfiles } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import { unlessDeadlocked, withTransaction } from '../database/transact.js';
import { batched } from '../lib/batched.js';
import type { Clock } from '../lib/clock.js';
import { LeasedRows } from '../work/index.js';
import { atCrashPoint } from './crash-points.js';
import type { LifecycleRepository } from './lifecycle.repository.js';
import { STEP_COLUMNS, type Step } from './step.js';
import type { DisconnectSettings } from './step-state.js';
import {
  type Ending,
  type Noted,
  type Postponement,
  writeEndings,
  writePostponements,
  writeProgress,
} from './step-writes.repository.js';

const BATCH_SIZE = 100;
/** The step's next call waits for what it has noted, while others call. */
const NOTES_PAUSE_MS = 20;
/** Nothing waits for the end of a step but its lease. */
const ENDINGS_PAUSE_MS = 100;

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
  readonly note = batchedWrite(NOTES_PAUSE_MS, (noted: readonly Noted[]) =>
    this.alone((pool) => writeProgress(pool, noted, this.clock.now(), this.settings.leaseMs)),
  );

  /** Gives a step back until its next attempt. */
  readonly postpone = batchedWrite(NOTES_PAUSE_MS, (postponements: readonly Postponement[]) =>
    this.alone((pool) => writePostponements(pool, postponements)),
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

  private readonly writeEnding = batchedWrite(ENDINGS_PAUSE_MS, (endings: readonly Ending[]) =>
    withTransaction(this.database.pool, async (client) => {
      const at = this.clock.now();
      const written = await writeEndings(client, endings, at);
      await this.settleProfiles(client, at);
      return written;
    }),
  );

  /** A write that is one statement needs no transaction around it. */
  private alone<Result>(write: (pool: pg.Pool) => Promise<Result>): Promise<Result> {
    return unlessDeadlocked(() => write(this.database.pool));
  }
}

/** @param write answers with the ids of the steps that were still leased */
function batchedWrite<Item extends { readonly step: Step }>(
  pauseMs: number,
  write: (items: readonly Item[]) => Promise<ReadonlySet<string>>,
): (item: Item) => Promise<void> {
  const work = async (items: readonly Item[]) => {
    const written = await write(items);
    return items.map(({ step }) => written.has(step.id));
  };
  const run = batched(BATCH_SIZE, work, pauseMs);
  return async (item) => {
    if (!(await run(item))) throw new LeaseLost(`step ${item.step.id} was taken over`);
  };
}

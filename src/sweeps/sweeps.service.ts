import type pg from 'pg';
import { actorOf, recordAudit } from '../audit/index.js';
import { connectionPaused } from '../connections/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { Connection, Sweep } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { RunLeases } from './run-lease.repository.js';
import { nextSweepAt } from './schedule.js';
import type { SweepRunner } from './sweep-runner.js';
import type { SweepsRepository, SweptConnection } from './sweeps.repository.js';

const RETENTION_DAYS = 30;
/** Connections that one transaction queues sweeps of. */
const QUEUED_AT_ONCE = 500;

interface SweepsServiceParts {
  readonly database: Database;
  readonly sweeps: SweepsRepository;
  readonly runs: RunLeases;
  readonly runner: SweepRunner;
  readonly clock: Clock;
  /** Has queued sweeps begin now. */
  readonly wake: () => void;
}

/** Sweeps: when they are due, requests for one, and their results. */
export class SweepsService {
  constructor(private readonly parts: SweepsServiceParts) {}

  /**
   * Queues a sweep; while one is queued or running that one is the answer. Once the transaction has
   * committed, `wake` has it begin now.
   * @param confirm the sweep that is held, if its list is to be taken as it is
   * @throws Problem 404 when the connection was deleted in the meantime
   * @throws Problem 409 while the connection is paused, or when `confirm` is not the sweep that waits
   * for it
   */
  async request(
    { client, prisma }: Transaction,
    caller: Caller,
    { id }: Connection,
    confirm?: string,
  ): Promise<Sweep> {
    const { clock, sweeps } = this.parts;
    const now = clock.now();
    const connection = await sweeps.lock(client, id);
    if (!connection) throw notFound(`Connection ${id}`);
    if (connection.paused) throw connectionPaused(id);
    if (confirm !== undefined) await this.confirm({ client, prisma }, caller, id, confirm);
    await this.queue(client, [connection], now);
    const sweep = await sweeps.findUnfinishedOf(prisma, id);
    const entry = {
      action: 'sweep.requested',
      targetType: 'sweep',
      targetId: sweep.id,
      after: { connection_id: id },
    } as const;
    await recordAudit(client, actorOf(caller), [entry], now);
    return sweep;
  }

  /** Takes the list of a held sweep as it is, which the next sweep then does. */
  private async confirm(
    { client, prisma }: Pick<Transaction, 'client' | 'prisma'>,
    caller: Caller,
    connectionId: string,
    sweepId: string,
  ): Promise<void> {
    const { clock, sweeps } = this.parts;
    const now = clock.now();
    const held = await sweeps.findLastHeld(prisma, connectionId);
    if (held?.id !== sweepId || !(await sweeps.release(client, connectionId, now))) {
      throw new Problem(
        'conflict',
        'confirm: this sweep does not wait for a confirmation. GET /v1/connections/{id}/sweeps shows the last held sweep, and why it is held.',
      );
    }
    const entry = {
      action: 'sweep.confirmed',
      targetType: 'sweep',
      targetId: sweepId,
      after: { connection_id: connectionId },
    } as const;
    await recordAudit(client, actorOf(caller), [entry], now);
  }

  wake(): void {
    this.parts.wake();
  }

  /** The sweeps of a connection, newest first. */
  history(connection: Connection): Rows<Sweep> {
    return this.parts.sweeps.history(connection.id);
  }

  /** Queues a sweep of every connection that is due. */
  async scheduleDue(): Promise<void> {
    const { clock, database, sweeps } = this.parts;
    const now = clock.now();
    for (let due = QUEUED_AT_ONCE; due === QUEUED_AT_ONCE; ) {
      due = await withTransaction(database.pool, async (client) => {
        const connections = await sweeps.lockDue(client, now, QUEUED_AT_ONCE);
        await this.queue(client, connections, now);
        return connections.length;
      });
      if (due > 0) this.wake();
    }
  }

  /** Deletes the records of old sweeps, and what runs that were cut off have left of ended ones. */
  async prune(): Promise<void> {
    await this.parts.runs.clearEnded();
    const now = this.parts.clock.now().getTime();
    await this.parts.sweeps.deleteBefore(new Date(now - RETENTION_DAYS * 86_400_000));
  }

  /**
   * Takes a connection's unfinished sweep from the process that runs it; it starts again. For a
   * connection whose key or address was changed.
   * @param client within the transaction of the change
   */
  interrupt(client: pg.ClientBase, connectionId: string): Promise<void> {
    return this.parts.sweeps.queue.interrupt(client, connectionId);
  }

  /**
   * Ends the unfinished sweep of a connection that is paused.
   * @param client within the transaction of the change
   */
  end(client: pg.ClientBase, connectionId: string): Promise<void> {
    const message = 'The connection was paused. What was seen before is stored.';
    const error = { code: 'connection_paused', message };
    return this.parts.sweeps.endUnfinished(client, connectionId, error, this.parts.clock.now());
  }

  /** Does one sweep now, unless a process is at its connection already; see `SweepRunner`. */
  async run(sweepId: string, signal = new AbortController().signal): Promise<void> {
    await this.parts.runner.run(sweepId, signal);
  }

  /** Whether every connection has been swept once, for the first start. */
  async hasSweptAll(): Promise<boolean> {
    return (await this.parts.sweeps.countNeverSwept()) === 0;
  }

  /**
   * One unfinished sweep a connection, queued under the connections' row locks.
   * @param client within the transaction
   */
  private async queue(
    client: pg.ClientBase,
    connections: readonly SweptConnection[],
    now: Date,
  ): Promise<void> {
    const planned = connections.map((connection) => ({
      id: newId('swp'),
      connectionId: connection.id,
      teamId: connection.teamId,
      nextSweepAt: nextSweepAt(connection, now),
    }));
    await this.parts.sweeps.add(client, planned, now);
  }
}

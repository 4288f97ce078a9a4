import type pg from 'pg';
import type { AccountRow } from '../accounts/accounts.repository.js';
import type { Database } from '../database/index.js';
import { holderIsGone } from '../database/presence.js';
import type { DisconnectStep } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import { newId } from '../lib/ids.js';
import type { DisconnectEffect } from '../model/index.js';
import type { Caller } from '../teams/caller.js';
import type { ReasonCode } from './disconnect.schema.js';
import { type StepCounts, stateOf } from './step-state.js';

const KEEPS_TRYING_HOURS = 24;

/** A failure as a step remembers it. */
export interface StepError {
  readonly code: string;
  readonly message: string;
  readonly provider_code: string | null;
  readonly at: string;
}

export interface Reason {
  readonly code: ReasonCode;
  readonly note: string | null;
}

/** The rows of disconnects. They are the truth: whatever a process dies of, what is to do next stands here. */
export class DisconnectsRepository {
  constructor(private readonly database: Database) {}

  /**
   * Writes intent, step and the account's `disconnecting` together; `alsoDo` joins the transaction.
   * @returns the disconnect's id, or that of the one which already ends (or ended) the account
   */
  async accept(
    caller: Caller,
    account: AccountRow,
    effect: DisconnectEffect,
    reason: Reason,
    at: Date,
    alsoDo: (client: pg.ClientBase) => Promise<void>,
  ): Promise<{ readonly id: string; readonly isNew: boolean }> {
    return withTransaction(this.database.pool, async (client) => {
      const { rows } = await client.query<{ status: string; connected_at: Date | null; disconnect_id: string | null }>(
        'SELECT status, connected_at, disconnect_id FROM accounts WHERE id = $1 FOR UPDATE',
        [account.id],
      );
      const [current] = rows;
      if (!current) throw new Error(`account ${account.id} went away`);
      const isEnding = current.status === 'disconnecting' || current.status === 'disconnected';
      if (isEnding && current.disconnect_id !== null) return { id: current.disconnect_id, isNew: false };
      const id = newId('disc');
      await client.query(
        `INSERT INTO disconnects (id, team_id, state, reason_code, reason_note, requested_by_id, requested_by_name, created_at)
         VALUES ($1, $2, 'running', $3, $4, $5, $6, $7)`,
        [id, caller.teamId, reason.code, reason.note, caller.key.id, caller.key.name, at],
      );
      const deadline = new Date(at.getTime() + KEEPS_TRYING_HOURS * 3_600_000);
      const told = { destroys_data: effect.destroysData, revokes_token: effect.revokesToken, reversible: effect.reversible };
      await client.query(
        `INSERT INTO disconnect_steps (id, disconnect_id, team_id, account_id, connection_id, provider, provider_account_id, platform, username,
           state, phase, effect, next_attempt_at, deadline_at, former_status, former_connected_at)
         SELECT $1, $2, a.team_id, a.id, a.connection_id, a.provider, a.provider_account_id, a.platform, a.username,
           'pending', 'accepted', $3, $4, $5, a.status, a.connected_at FROM accounts a WHERE a.id = $6`,
        [newId('step'), id, told, at, deadline, account.id],
      );
      await client.query(`UPDATE accounts SET status = 'disconnecting', disconnect_id = $2, updated_at = $3 WHERE id = $1`, [
        account.id,
        id,
        at,
      ]);
      await alsoDo(client);
      return { id, isNew: true };
    });
  }

  /** A key for some providers sees only what concerns no other. */
  async find(caller: Caller, id: string) {
    const { providers } = caller.key;
    const visible = providers.length > 0 && { steps: { every: { provider: { in: [...providers] } } } };
    return this.database.prisma.disconnect.findFirst({
      where: { id, teamId: caller.teamId, ...visible },
      include: { steps: { orderBy: { id: 'asc' } } },
    });
  }

  async isFinished(id: string): Promise<boolean> {
    const row = await this.database.prisma.disconnect.findUnique({ where: { id }, select: { finishedAt: true } });
    return row?.finishedAt != null;
  }

  /** Leases up to `limit` due steps of a provider to `holder`: those of a lapsed lease or a dead holder too. */
  async claim(provider: string, limit: number, holder: string, at: Date, leasedUntil: Date): Promise<DisconnectStep[]> {
    const { rows } = await this.database.pool.query<{ id: string }>(
      `UPDATE disconnect_steps SET state = 'running', attempts = attempts + 1, leased_by = $3, leased_until = $5
       WHERE id IN (
         SELECT s.id FROM disconnect_steps s
         WHERE s.provider = $1 AND s.state IN ('pending', 'running') AND s.next_attempt_at <= $4
           AND (s.leased_by IS NULL OR s.leased_until < $4 OR ${holderIsGone('s.leased_by')})
         ORDER BY s.next_attempt_at, s.id LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING id`,
      [provider, limit, holder, at, leasedUntil],
    );
    return rows.length === 0 ? [] : this.database.prisma.disconnectStep.findMany({ where: { id: { in: rows.map(({ id }) => id) } } });
  }

  /** Notes how far a step got, and holds its lease for longer. */
  async advance(step: DisconnectStep, change: Partial<Pick<DisconnectStep, 'phase' | 'outcome' | 'leasedUntil'>>): Promise<void> {
    await this.database.prisma.disconnectStep.update({ where: { id: step.id }, data: change });
  }

  /** Gives the step back until its next attempt. */
  async postpone(step: DisconnectStep, nextAttemptAt: Date, error: StepError | null, verified?: string): Promise<void> {
    await this.database.prisma.disconnectStep.update({
      where: { id: step.id },
      data: {
        state: 'pending',
        nextAttemptAt,
        leasedBy: null,
        leasedUntil: null,
        ...(error && { lastError: { ...error } }),
        ...(verified !== undefined && { verified }),
      },
    });
  }

  /** The provider no longer shows the account: step, account and (with its last step) disconnect end together. */
  async succeed(step: DisconnectStep, outcome: string, at: Date): Promise<void> {
    await withTransaction(this.database.pool, async (client) => {
      await client.query(
        `UPDATE disconnect_steps SET state = 'succeeded', phase = 'verified', outcome = $2, verified = 'absent', verified_at = $3, finished_at = $3,
           next_attempt_at = NULL, leased_by = NULL, leased_until = NULL WHERE id = $1`,
        [step.id, outcome, at],
      );
      await client.query(
        `UPDATE accounts SET status = 'disconnected', disconnect_cause = 'rollcall', disconnected_at = $2, updated_at = $2, content_hash = NULL,
           missing_since = NULL, quarantined_at = NULL WHERE id = $1`,
        [step.accountId, at],
      );
      await this.finishWithLast(client, step.disconnectId, at);
    });
  }

  /** The disconnect of this account is given up: it gets its former status back, and the next sweep says what is true by then. */
  async fail(step: DisconnectStep, error: StepError, at: Date, verified?: string): Promise<void> {
    await withTransaction(this.database.pool, async (client) => {
      await client.query(
        `UPDATE disconnect_steps SET state = 'failed', last_error = $2, finished_at = $3, verified = COALESCE($4, verified),
           next_attempt_at = NULL, leased_by = NULL, leased_until = NULL WHERE id = $1`,
        [step.id, error, at, verified ?? null],
      );
      await client.query(
        `UPDATE accounts SET status = $2, disconnect_id = NULL, updated_at = $3, content_hash = NULL
         WHERE id = $1 AND status = 'disconnecting'`,
        [step.accountId, step.formerStatus, at],
      );
      await this.finishWithLast(client, step.disconnectId, at);
    });
  }

  private async finishWithLast(client: pg.ClientBase, disconnectId: string, at: Date): Promise<void> {
    // The lock makes steps that end at the same time count one after the other, so that the last one is the last.
    await client.query('SELECT 1 FROM disconnects WHERE id = $1 FOR UPDATE', [disconnectId]);
    const { rows } = await client.query<StepCounts>(
      `SELECT count(*)::int AS total, (count(*) FILTER (WHERE state = 'succeeded'))::int AS succeeded,
         (count(*) FILTER (WHERE state = 'failed'))::int AS failed, (count(*) FILTER (WHERE state IN ('pending', 'running')))::int AS pending,
         (count(*) FILTER (WHERE state = 'cancelled'))::int AS cancelled FROM disconnect_steps WHERE disconnect_id = $1`,
      [disconnectId],
    );
    const [counts] = rows;
    if (!counts || counts.pending > 0) return;
    await client.query('UPDATE disconnects SET state = $2, finished_at = $3 WHERE id = $1', [disconnectId, stateOf(counts), at]);
  }
}

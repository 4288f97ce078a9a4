import type pg from 'pg';
import { type AccountRow, FROM_ACCOUNTS, LOOKED_AT } from '../accounts/index.js';
import {
  type Actor,
  type AuditEntry,
  actorOf,
  recordAudit,
  recordAuditOfMany,
} from '../audit/index.js';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import { recordAccountEvents } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import { newId } from '../lib/ids.js';
import type { DisconnectEffect } from '../model/index.js';
import { IS_UNAUTHORIZED } from './approvals.repository.js';
import type { ReasonCode } from './disconnects.schema.js';
import { STEP_COUNTS } from './disconnects.sql.js';
import { effectAnswer } from './plan.js';
import { type DisconnectSettings, type StepCounts, stateOf } from './step-state.js';

/** Disconnects that one transaction finishes, and rows that one deletes. */
const BATCH_SIZE = 1000;

/** Why a disconnect was requested, as the caller gave it. */
export interface Reason {
  readonly code: ReasonCode;
  readonly note: string | null;
}

/** What is asked for: whose accounts, why and when. */
interface DisconnectIntent {
  readonly caller: Caller;
  readonly accounts: readonly AccountRow[];
  /** Of each provider among the accounts. */
  readonly effects: ReadonlyMap<string, DisconnectEffect>;
  readonly reason: Reason;
  /** `null`: at once. */
  readonly scheduledAt: Date | null;
  /** The profile whose accounts they are, where that was asked for. */
  readonly profileId?: string;
  /** The agent that asked for it, and whether a person has confirmed it: otherwise it does not begin. */
  readonly agent?: { readonly client: string; readonly isConfirmed: boolean };
}

/** A disconnect and who requested it. */
interface RequestedDisconnect {
  readonly id: string;
  readonly actor: Actor;
}

/** Steps that are not due yet: of a scheduled disconnect, or failed ones that are tried again. */
const NOT_BEGUN = `s.state = 'pending' AND s.next_attempt_at IS NULL`;
const REQUESTED = 'id, team_id, state, requested_by_id, requested_by_name, request_id';

/**
 * Disconnects from their request to their end. Each change stops or returns the accounts here, and
 * writes its audit entries and events.
 */
export class LifecycleRepository {
  constructor(
    private readonly database: Database,
    private readonly settings: DisconnectSettings,
  ) {}

  /**
   * Creates a disconnect and its steps; one that is not scheduled begins with it. However many
   * accounts, a handful of statements.
   * @param client within a transaction that holds the accounts locked
   * @returns the disconnect's id
   */
  async createDisconnect(
    client: pg.ClientBase,
    intent: DisconnectIntent,
    at: Date,
  ): Promise<string> {
    const { caller, accounts, effects, reason, scheduledAt, profileId, agent } = intent;
    const beginsNow = scheduledAt === null && agent?.isConfirmed !== false;
    const id = newId('disc');
    await client.query(
      `INSERT INTO disconnects (id, team_id, state, reason_code, reason_note, requested_by_id,
         requested_by_name, request_id, scheduled_at, created_at, profile_id)
       VALUES ($1, $2, 'scheduled', $3, $4, $5, $6, $7, $8, $9, $10)`,
      [
        id,
        caller.teamId,
        reason.code,
        reason.note,
        caller.key.id,
        caller.key.name,
        caller.requestId,
        scheduledAt,
        at,
        profileId ?? null,
      ],
    );
    const effectByProvider = Object.fromEntries(
      [...effects].map(([provider, effect]) => [provider, effectAnswer(effect)]),
    );
    await client.query(
      `INSERT INTO disconnect_steps (id, disconnect_id, team_id, account_id, connection_id,
         provider, provider_account_id, platform, platform_user_id, username, profile_id,
         former_connected_at, seen_at, state, phase, effect, deadline_at, former_status, looks_first)
       SELECT n.step_id, $2, a.team_id, a.id, a.connection_id, a.provider, a.provider_account_id,
         a.platform, a.platform_user_id, a.username, a.profile_id, a.connected_at, ${LOOKED_AT}, 'pending',
         'accepted', $3::jsonb -> a.provider, $4, a.status, $5
       FROM jsonb_to_recordset($1::jsonb) AS n(step_id text, account_id text)
       JOIN (${FROM_ACCOUNTS}) ON a.id = n.account_id`,
      [
        JSON.stringify(
          accounts.map((account) => ({ step_id: newId('step'), account_id: account.id })),
        ),
        id,
        effectByProvider,
        at,
        // Time will pass until another one starts.
        !beginsNow,
      ],
    );
    const after = {
      reason_code: reason.code,
      total: accounts.length,
      scheduled_at: scheduledAt,
      ...(profileId !== undefined && { profile_id: profileId }),
      ...(agent && { agent: { client: agent.client, confirmed: agent.isConfirmed } }),
    };
    const entry = {
      action: 'disconnect.requested',
      targetType: 'disconnect',
      targetId: id,
      after,
      reason: reason.note,
    } as const;
    const actor = actorOf(caller);
    await recordAudit(client, actor, [entry], at);
    if (beginsNow) await this.begin(client, { id, actor }, at);
    return id;
  }

  /** The scheduled disconnects whose time has come, in the order of those times. */
  async findDue(at: Date): Promise<RequestedDisconnect[]> {
    const { rows } = await this.database.pool.query<DisconnectRow>(
      `SELECT ${REQUESTED} FROM disconnects
       WHERE state = 'scheduled' AND finished_at IS NULL AND scheduled_at <= $1
       ORDER BY scheduled_at, id`,
      [at],
    );
    return rows.map((row) => ({ id: row.id, actor: requesterOf(row) }));
  }

  /** Starts a scheduled disconnect, unless another replica has or its key was revoked. */
  async start(due: RequestedDisconnect, at: Date): Promise<void> {
    await withTransaction(this.database.pool, async (client) => {
      const { rowCount } = await client.query(
        `SELECT 1 FROM disconnects d WHERE d.id = $1 AND d.state = 'scheduled'
           AND NOT ${IS_UNAUTHORIZED} FOR UPDATE`,
        [due.id],
      );
      if (rowCount) await this.begin(client, due, at);
    });
  }

  /**
   * Cancels the steps that no attempt was made at, of accounts that the caller may see; these get
   * their status back.
   * @param client within a transaction
   * @returns how many
   */
  async cancel(client: pg.ClientBase, caller: Caller, id: string, at: Date): Promise<number> {
    await client.query('SELECT 1 FROM disconnects WHERE id = $1 FOR UPDATE', [id]);
    const { rows } = await client.query<{ account_id: string; former_status: string }>(
      `UPDATE disconnect_steps SET state = 'cancelled', finished_at = $2, next_attempt_at = NULL
       WHERE disconnect_id = $1 AND state = 'pending' AND attempts = 0 AND phase = 'accepted'
         AND (cardinality($3::text[]) = 0 OR provider = ANY($3))
       RETURNING account_id, former_status`,
      [id, at, caller.key.providers],
    );
    await client.query(
      `UPDATE accounts a SET status = s.former_status, disconnect_id = NULL, updated_at = $2,
         content_hash = NULL
       FROM disconnect_steps s
       WHERE s.disconnect_id = $1 AND s.state = 'cancelled' AND a.id = s.account_id
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
    await this.finish(client, [id], at);
    return rows.length;
  }

  /**
   * Restarts the failed steps of accounts that the caller may see, except those whose account was
   * connected again, is gone, or is being disconnected by another one.
   * @param client within a transaction
   * @returns how many
   */
  async retry(client: pg.ClientBase, caller: Caller, id: string, at: Date): Promise<number> {
    await client.query('SELECT 1 FROM disconnects WHERE id = $1 FOR UPDATE', [id]);
    // Their connection may be about to be deleted, which waits for them, or is waited for.
    await client.query(
      `SELECT FROM accounts a JOIN disconnect_steps s ON s.account_id = a.id
       WHERE s.disconnect_id = $1 AND s.state = 'failed' ORDER BY a.id FOR UPDATE OF a`,
      [id],
    );
    const { rowCount } = await client.query(
      `UPDATE disconnect_steps s SET state = 'pending', phase = 'accepted', looks_first = true,
         paused = false, attempts = 0, outcome = NULL, verified = 'pending', verified_at = NULL,
         finished_at = NULL, next_attempt_at = NULL
       FROM accounts a
       WHERE s.disconnect_id = $1 AND s.state = 'failed'
         AND s.last_error ->> 'code' IS DISTINCT FROM 'reconnected'
         AND a.id = s.account_id AND a.status NOT IN ('disconnecting', 'disconnected')
         AND (cardinality($2::text[]) = 0 OR s.provider = ANY($2))`,
      [id, caller.key.providers],
    );
    if (!rowCount) return 0;
    await client.query('UPDATE disconnects SET finished_at = NULL WHERE id = $1', [id]);
    const entry = {
      action: 'disconnect.retried',
      targetType: 'disconnect',
      targetId: id,
      after: { retried: rowCount },
    } as const;
    const actor = actorOf(caller);
    await recordAudit(client, actor, [entry], at);
    await this.begin(client, { id, actor }, at);
    return rowCount;
  }

  /**
   * Finishes those disconnects whose last step has ended. Called after the step's own transaction,
   * so that the process that ends the last step sees all the others. If it dies in between, a
   * recurring job calls it for every unfinished disconnect.
   * @param ids `null`: all
   */
  async finishEnded(ids: readonly string[] | null, at: Date): Promise<void> {
    const { rows } = await this.database.pool.query<{ id: string }>({
      name: 'find-ended-disconnects',
      text: `SELECT d.id FROM disconnects d
        WHERE d.finished_at IS NULL AND d.state <> 'scheduled'
          AND ($1::text[] IS NULL OR d.id = ANY($1)) AND NOT EXISTS (
            SELECT FROM disconnect_steps s
            WHERE s.disconnect_id = d.id AND s.state IN ('pending', 'running'))
        LIMIT ${BATCH_SIZE}`,
      values: [ids],
    });
    if (rows.length === 0) return;
    const ended = rows.map(({ id }) => id);
    await withTransaction(this.database.pool, (client) => this.finish(client, ended, at));
  }

  /** Deletes a batch of disconnects that finished before `time`. */
  async deleteFinished(time: Date): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM disconnects WHERE id IN (
         SELECT id FROM disconnects WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)`,
      [time, BATCH_SIZE],
    );
  }

  /** Deletes a batch of accounts that were disconnected before `time`, and that no step waits for. */
  async deleteDisconnectedAccounts(time: Date): Promise<void> {
    await this.database.pool.query(
      `DELETE FROM accounts WHERE id IN (
         SELECT a.id FROM accounts a WHERE a.status = 'disconnected' AND a.disconnected_at < $1
           AND NOT EXISTS (SELECT FROM disconnect_steps s
             WHERE s.account_id = a.id AND s.state IN ('pending', 'running'))
         LIMIT $2)`,
      [time, BATCH_SIZE],
    );
  }

  /**
   * Begins a disconnect: its accounts are stopped here and its steps are due. An account that
   * another disconnect is ending in the meantime is left to that one, and one that is gone needs
   * nothing more.
   * @param client within a transaction that holds the disconnect locked
   */
  async begin(client: pg.ClientBase, { id, actor }: RequestedDisconnect, at: Date): Promise<void> {
    await client.query(`UPDATE disconnects SET state = 'running' WHERE id = $1`, [id]);
    const conflict = {
      code: 'conflict',
      message: 'Another disconnect of the account is running.',
      provider_code: null,
      at: at.toISOString(),
    };
    await client.query(
      `UPDATE disconnect_steps s SET state = 'failed', last_error = $2, finished_at = $3
       FROM accounts a
       WHERE s.disconnect_id = $1 AND ${NOT_BEGUN} AND a.id = s.account_id
         AND a.status = 'disconnecting'`,
      [id, conflict, at],
    );
    await client.query(
      `UPDATE disconnect_steps s SET state = 'succeeded', outcome = 'already_gone', phase = 'verified',
         verified = 'absent', verified_at = a.disconnected_at, finished_at = $2
       FROM accounts a
       WHERE s.disconnect_id = $1 AND ${NOT_BEGUN} AND a.id = s.account_id
         AND a.status = 'disconnected'`,
      [id, at],
    );
    await client.query(
      `UPDATE disconnect_steps s SET next_attempt_at = $2, deadline_at = $3,
         former_status = a.status
       FROM accounts a WHERE s.disconnect_id = $1 AND ${NOT_BEGUN} AND a.id = s.account_id`,
      [id, at, new Date(at.getTime() + this.settings.keepsTryingMs)],
    );
    const { rows } = await client.query<{ id: string; former_status: string }>(
      `UPDATE accounts a SET status = 'disconnecting', disconnect_id = $1, updated_at = $2
       FROM disconnect_steps s
       WHERE s.disconnect_id = $1 AND s.state = 'pending' AND a.id = s.account_id
         AND a.status <> 'disconnecting'
       RETURNING a.id, s.former_status`,
      [id, at],
    );
    const entries = rows.map(
      (row): AuditEntry => ({
        action: 'account.disconnecting',
        targetType: 'account',
        targetId: row.id,
        before: { status: row.former_status },
        after: { status: 'disconnecting', disconnect_id: id },
      }),
    );
    const events = rows.map((row) => ({
      type: 'account.disconnecting' as const,
      accountId: row.id,
      data: { disconnect_id: id },
    }));
    await recordAudit(client, actor, entries, at);
    await recordAccountEvents(client, events, at);
  }

  /**
   * Finishes those of the disconnects that have no unfinished step.
   * @param client within a transaction
   */
  private async finish(client: pg.ClientBase, ids: readonly string[], at: Date): Promise<void> {
    const { rows: unfinished } = await client.query<DisconnectRow>(
      `SELECT ${REQUESTED} FROM disconnects WHERE id = ANY($1) AND finished_at IS NULL
       ORDER BY id FOR UPDATE`,
      [ids],
    );
    // Counted once they are locked: whoever ended a step before is seen.
    const { rows: counted } = await client.query<StepCounts & { readonly id: string }>(
      `SELECT d.id, ${STEP_COUNTS} FROM unnest($1::text[]) AS d(id)
       LEFT JOIN disconnect_steps s ON s.disconnect_id = d.id GROUP BY d.id`,
      [unfinished.map(({ id }) => id)],
    );
    const countsOf = new Map(counted.map(({ id, ...counts }) => [id, counts]));
    const finished = unfinished.flatMap((row) => {
      const counts = countsOf.get(row.id);
      return counts === undefined || counts.pending > 0
        ? []
        : [{ row, counts, state: stateOf(counts) }];
    });
    if (finished.length === 0) return;
    await client.query(
      `UPDATE disconnects d SET state = f.state, finished_at = $2
       FROM jsonb_to_recordset($1::jsonb) AS f(id text, state text) WHERE d.id = f.id`,
      [JSON.stringify(finished.map(({ row, state }) => ({ id: row.id, state }))), at],
    );
    const audited = finished.map(({ row, counts, state }) => ({
      actor: requesterOf(row),
      entry: {
        action: 'disconnect.finished',
        targetType: 'disconnect' as const,
        targetId: row.id,
        before: { state: row.state },
        after: { state, ...counts },
      },
    }));
    await recordAuditOfMany(client, audited, at);
  }
}

interface DisconnectRow {
  readonly id: string;
  readonly team_id: string;
  readonly state: string;
  readonly requested_by_id: string;
  readonly requested_by_name: string;
  readonly request_id: string | null;
}

function requesterOf(row: DisconnectRow): Actor {
  return {
    teamId: row.team_id,
    keyId: row.requested_by_id,
    keyName: row.requested_by_name,
    requestId: row.request_id,
  };
}

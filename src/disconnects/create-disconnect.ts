import type pg from 'pg';
import { type AccountRow, CHECKED_AT, FROM_ACCOUNTS } from '../accounts/index.js';
import { type Actor, type AuditEntry, actorOf, recordAudit } from '../audit/index.js';
import { recordAccountEvents } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import { newId } from '../lib/ids.js';
import type { DisconnectEffect } from '../model/index.js';
import type { ReasonCode } from './disconnect.schema.js';
import { effectAnswer } from './plan.js';

export interface Reason {
  readonly code: ReasonCode;
  readonly note: string | null;
}

/** What is asked for: whose accounts, why and when. */
export interface DisconnectIntent {
  readonly caller: Caller;
  readonly accounts: readonly AccountRow[];
  /** Of each provider among the accounts. */
  readonly effects: ReadonlyMap<string, DisconnectEffect>;
  readonly reason: Reason;
  /** `null`: at once. */
  readonly scheduledAt: Date | null;
}

/**
 * Writes a disconnect and its steps; one that is not scheduled begins with it. However many
 * accounts, a handful of statements.
 * @param client within a transaction that holds the accounts locked
 * @returns the disconnect's id
 */
export async function createDisconnect(
  client: pg.ClientBase,
  intent: DisconnectIntent,
  at: Date,
  keepsTryingMs: number,
): Promise<string> {
  const { caller, accounts, effects, reason, scheduledAt } = intent;
  const id = newId('disc');
  await client.query(
    `INSERT INTO disconnects (id, team_id, state, reason_code, reason_note, requested_by_id, requested_by_name, request_id, scheduled_at,
       created_at)
     VALUES ($1, $2, 'scheduled', $3, $4, $5, $6, $7, $8, $9)`,
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
    ],
  );
  const effectByProvider = Object.fromEntries(
    [...effects].map(([provider, effect]) => [provider, effectAnswer(effect)]),
  );
  await client.query(
    `INSERT INTO disconnect_steps (id, disconnect_id, team_id, account_id, connection_id, provider, provider_account_id, platform,
       platform_user_id, username, former_connected_at, seen_at, state, phase, effect, deadline_at, former_status, looks_first)
     SELECT n.step_id, $2, a.team_id, a.id, a.connection_id, a.provider, a.provider_account_id, a.platform,
       a.platform_user_id, a.username, a.connected_at, ${CHECKED_AT}, 'pending', 'accepted', $3::jsonb -> a.provider, $4, a.status, $5
     FROM jsonb_to_recordset($1::jsonb) AS n(step_id text, account_id text) JOIN (${FROM_ACCOUNTS}) ON a.id = n.account_id`,
    [
      JSON.stringify(
        accounts.map((account) => ({ step_id: newId('step'), account_id: account.id })),
      ),
      id,
      effectByProvider,
      at,
      // Time will pass until a scheduled one starts.
      scheduledAt !== null,
    ],
  );
  const after = { reason_code: reason.code, total: accounts.length, scheduled_at: scheduledAt };
  const entry = {
    action: 'disconnect.requested',
    targetType: 'disconnect',
    targetId: id,
    after,
    reason: reason.note,
  } as const;
  await recordAudit(client, actorOf(caller), [entry], at);
  if (scheduledAt === null) await begin(client, id, actorOf(caller), at, keepsTryingMs);
  return id;
}

/** Steps that are not due yet: of a scheduled disconnect, or failed ones that are tried again. */
const NOT_BEGUN = `s.state = 'pending' AND s.next_attempt_at IS NULL`;

/**
 * Starts a disconnect: its accounts are stopped here and its steps are due. An account that another
 * disconnect is ending in the meantime is left to that one.
 * @param client within a transaction that holds the disconnect locked
 */
export async function begin(
  client: pg.ClientBase,
  id: string,
  actor: Actor,
  at: Date,
  keepsTryingMs: number,
): Promise<void> {
  await client.query(`UPDATE disconnects SET state = 'running' WHERE id = $1`, [id]);
  const conflict = {
    code: 'conflict',
    message: 'Another disconnect of the account is running.',
    provider_code: null,
    at: at.toISOString(),
  };
  await client.query(
    `UPDATE disconnect_steps s SET state = 'failed', last_error = $2, finished_at = $3 FROM accounts a
     WHERE s.disconnect_id = $1 AND ${NOT_BEGUN} AND a.id = s.account_id AND a.status = 'disconnecting'`,
    [id, conflict, at],
  );
  await client.query(
    `UPDATE disconnect_steps s SET next_attempt_at = $2, deadline_at = $3, former_status = a.status FROM accounts a
     WHERE s.disconnect_id = $1 AND ${NOT_BEGUN} AND a.id = s.account_id`,
    [id, at, new Date(at.getTime() + keepsTryingMs)],
  );
  const { rows } = await client.query<{ id: string; former_status: string }>(
    `UPDATE accounts a SET status = 'disconnecting', disconnect_id = $1, updated_at = $2 FROM disconnect_steps s
     WHERE s.disconnect_id = $1 AND s.state = 'pending' AND a.id = s.account_id AND a.status <> 'disconnecting'
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
  await recordAccountEvents(client, actor.teamId, events, at);
}

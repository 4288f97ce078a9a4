import type pg from 'pg';
import { type Actor, actorOf, recordAudit, recordAuditOfMany } from '../audit/index.js';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import { type EventType, type NewEvent, recordEventsOfTeams } from '../events/index.js';
import type { Caller } from '../http/caller.js';

/** A disconnect that waits for an approval. */
interface AwaitingDisconnect {
  readonly scheduledAt: Date | null;
  readonly requestedById: string;
}

/** SQL: whether the key that the scheduled disconnect `d` goes back to is revoked. */
export const IS_UNAUTHORIZED = `EXISTS (SELECT FROM api_keys k
  WHERE k.id = coalesce(d.approved_by_id, d.requested_by_id) AND k.revoked_at IS NOT NULL)`;

interface HeldRow {
  readonly id: string;
  readonly team_id: string;
  readonly scheduled_at: Date | null;
  readonly providers: readonly string[];
}

/** SQL: where the disconnect `d` has accounts. */
const PROVIDERS = `ARRAY(SELECT DISTINCT s.provider FROM disconnect_steps s
  WHERE s.disconnect_id = d.id ORDER BY 1)`;

/** Scheduled disconnects that must not start before an administrator has approved them. */
export class ApprovalsRepository {
  constructor(private readonly database: Database) {}

  /** Has scheduled disconnects wait whose key was revoked since. */
  async holdUnauthorized(at: Date): Promise<void> {
    await withTransaction(this.database.pool, async (client) => {
      const { rows } = await client.query<HeldRow>(
        `UPDATE disconnects d SET state = 'awaiting_approval', approval_reason = 'key_revoked',
           approval_since = $1, approved_at = NULL
         WHERE d.state = 'scheduled' AND d.finished_at IS NULL AND ${IS_UNAUTHORIZED}
         RETURNING d.id, d.team_id, d.scheduled_at, ${PROVIDERS} AS providers`,
        [at],
      );
      const held = rows.map((row) => ({
        actor: { teamId: row.team_id, keyId: null, keyName: null, requestId: null },
        entry: {
          action: 'disconnect.awaiting_approval',
          targetType: 'disconnect' as const,
          targetId: row.id,
          before: { state: 'scheduled' },
          after: { state: 'awaiting_approval', reason: 'key_revoked' },
        },
      }));
      await recordAuditOfMany(client, held, at);
      const reason = { reason: 'key_revoked' };
      await recordEventsOfTeams(
        client,
        rows.map((row) => eventOf('disconnect.awaiting_approval', row, reason)),
        at,
      );
    });
  }

  /** Has a disconnect wait that an agent has asked for and no person has confirmed. */
  async holdForAgent(client: pg.ClientBase, caller: Caller, id: string, at: Date): Promise<void> {
    const { rows } = await client.query<HeldRow>(
      `UPDATE disconnects d SET state = 'awaiting_approval', approval_reason = 'agent',
         approval_since = $2
       WHERE d.id = $1 RETURNING d.id, d.team_id, d.scheduled_at, ${PROVIDERS} AS providers`,
      [id, at],
    );
    const entry = {
      action: 'disconnect.awaiting_approval',
      targetType: 'disconnect',
      targetId: id,
      after: { state: 'awaiting_approval', reason: 'agent' },
    } as const;
    await recordAudit(client, actorOf(caller), [entry], at);
    await recordEventsOfTeams(
      client,
      rows.map((row) => eventOf('disconnect.awaiting_approval', row, { reason: 'agent' })),
      at,
    );
  }

  /** Locks a disconnect. @returns `undefined` when it does not wait for an approval */
  async lockAwaiting(client: pg.ClientBase, id: string): Promise<AwaitingDisconnect | undefined> {
    const { rows } = await client.query<AwaitingDisconnect>(
      `SELECT scheduled_at AS "scheduledAt", requested_by_id AS "requestedById" FROM disconnects
       WHERE id = $1 AND state = 'awaiting_approval' FOR UPDATE`,
      [id],
    );
    return rows[0];
  }

  /**
   * Whether a key is another one, or was made by it or by a key that was. The root key makes those of
   * people, so that what it made counts as theirs.
   */
  async isOwn(client: pg.ClientBase, key: string, other: string): Promise<boolean> {
    const { rows } = await client.query<{ isOwn: boolean }>(
      `WITH RECURSIVE makers AS (
         SELECT id, created_by_id FROM api_keys WHERE id = $1
         UNION
         SELECT k.id, k.created_by_id FROM api_keys k JOIN makers m ON k.id = m.created_by_id
         WHERE NOT k.is_root
       ) SELECT $1 = $2 OR EXISTS (SELECT FROM makers WHERE id = $2) AS "isOwn"`,
      [key, other],
    );
    return rows[0]?.isOwn === true;
  }

  /** Has a disconnect that waits start at its time. @returns who may start it */
  async approve(client: pg.ClientBase, caller: Caller, id: string, at: Date): Promise<Actor> {
    const { rows } = await client.query<HeldRow>(
      `UPDATE disconnects d SET state = 'scheduled', approved_by_id = $2, approved_by_name = $3,
         approved_at = $4
       WHERE d.id = $1 RETURNING d.id, d.team_id, d.scheduled_at, ${PROVIDERS} AS providers`,
      [id, caller.key.id, caller.key.name, at],
    );
    const actor = actorOf(caller);
    const entry = {
      action: 'disconnect.approved',
      targetType: 'disconnect',
      targetId: id,
      before: { state: 'awaiting_approval' },
      after: { state: 'scheduled' },
    } as const;
    await recordAudit(client, actor, [entry], at);
    const by = { approved_by: { key_id: caller.key.id, name: caller.key.name } };
    await recordEventsOfTeams(
      client,
      rows.map((row) => eventOf('disconnect.approved', row, by)),
      at,
    );
    return actor;
  }
}

function eventOf(
  type: Extract<EventType, `disconnect.${string}`>,
  { id, team_id, scheduled_at, providers }: HeldRow,
  more: object,
): { readonly teamId: string; readonly event: NewEvent } {
  const data = { disconnect: { id, scheduled_at }, ...more };
  return { teamId: team_id, event: { type, accountId: null, providers, data } };
}

import type pg from 'pg';
import type { Database } from '../database/index.js';
import { lockUntilEnd } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import type { DisconnectRequest } from './disconnects.requests.js';

/** What an agent's plan was asked for by, with its accounts as they were found then. */
type PlannedRequest = Pick<
  DisconnectRequest,
  'account_ids' | 'profile_id' | 'include_weak' | 'reason_code' | 'reason_note'
>;

/** A plan that an agent may carry out. */
export interface Confirmation {
  readonly id: string;
  readonly planHash: string;
  readonly request: PlannedRequest;
  /** Accounts whose hold ends with it. */
  readonly count: number;
  readonly expiresAt: Date;
  /** When a person was asked. */
  readonly shownAt: Date | null;
  readonly usedAt: Date | null;
  readonly disconnectId: string | null;
}

/** The plans that agents may carry out, each once. */
export class ConfirmationsRepository {
  constructor(private readonly database: Database) {}

  async create(
    client: pg.ClientBase,
    caller: Caller,
    { id, planHash, request, count, expiresAt }: Confirmation,
    agent: string,
    at: Date,
  ): Promise<void> {
    await client.query(
      `INSERT INTO disconnect_confirmations (id, team_id, key_id, client, plan_hash, request, count,
         created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        ...[id, caller.teamId, caller.key.id, agent, planHash],
        ...[JSON.stringify(request), count, at, expiresAt],
      ],
    );
  }

  /** Locks one of the caller's key and team. */
  async lock(
    client: pg.ClientBase,
    { teamId, key }: Caller,
    id: string,
  ): Promise<Confirmation | undefined> {
    const { rows } = await client.query<Confirmation>(
      `SELECT id, plan_hash AS "planHash", request, count, expires_at AS "expiresAt",
         shown_at AS "shownAt", used_at AS "usedAt", disconnect_id AS "disconnectId"
       FROM disconnect_confirmations WHERE id = $1 AND team_id = $2 AND key_id = $3 FOR UPDATE`,
      [id, teamId, key.id],
    );
    return rows[0];
  }

  /** A person is about to be asked. */
  async noteShown(client: pg.ClientBase, id: string, at: Date): Promise<void> {
    await client.query('UPDATE disconnect_confirmations SET shown_at = $2 WHERE id = $1', [id, at]);
  }

  async noteUsed(client: pg.ClientBase, id: string, disconnectId: string, at: Date): Promise<void> {
    await client.query(
      'UPDATE disconnect_confirmations SET used_at = $3, disconnect_id = $2 WHERE id = $1',
      [id, disconnectId, at],
    );
  }

  /**
   * The accounts in what agents have carried out with the key since a time, and the first of those
   * times; for the one who is about to add to them: others who are wait until the transaction ends.
   */
  async countUsed(
    client: pg.ClientBase,
    keyId: string,
    since: Date,
  ): Promise<{ readonly accounts: number; readonly first: Date | null }> {
    await lockUntilEnd(client, `disconnects by agents of ${keyId}`);
    const { rows } = await client.query<{ accounts: number; first: Date | null }>(
      `SELECT coalesce(sum(count), 0)::int AS accounts, min(used_at) AS first
       FROM disconnect_confirmations WHERE key_id = $1 AND used_at > $2`,
      [keyId, since],
    );
    return rows[0] ?? { accounts: 0, first: null };
  }

  async deleteBefore(time: Date): Promise<void> {
    const where = { createdAt: { lt: time } };
    await this.database.prisma.disconnectConfirmation.deleteMany({ where });
  }
}

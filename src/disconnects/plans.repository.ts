import type pg from 'pg';
import {
  ACCOUNT_ROW,
  type AccountFilter,
  type AccountRow,
  filterConditions,
} from '../accounts/index.js';
import type { Database } from '../database/index.js';
import type { Prisma } from '../database/prisma-client/client.js';
import { Parameters } from '../database/sql.js';
import { lockUntilEnd } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import type { DisconnectEffect } from '../model/index.js';
import { MAX_ACCOUNTS } from './disconnects.schema.js';
import type { AlsoEnding, PlannedAccount } from './plan.js';

/** Of the plans of one team, as they are stored. */
const MAX_PLAN_BYTES = 16 * 1024 * 1024;

/** The accounts that a disconnect is asked for, and the plans that were made of it. */
export class PlansRepository {
  constructor(private readonly database: Database) {}

  /**
   * The accounts that a filter names and that can be disconnected, locked.
   * @param client within a transaction
   */
  async lockMatching(
    client: pg.ClientBase,
    caller: Caller,
    filter: AccountFilter,
    limit: number,
  ): Promise<AccountRow[]> {
    const parameters = new Parameters();
    const conditions = filterConditions(caller.teamId, caller.key.providers, filter, parameters);
    const { rows } = await client.query<AccountRow>(
      `SELECT ${ACCOUNT_ROW} FROM accounts a
       WHERE ${conditions} AND a.status NOT IN ('disconnecting', 'disconnected')
       ORDER BY a.id LIMIT ${parameters.add(limit)} FOR UPDATE`,
      parameters.values,
    );
    return rows;
  }

  /**
   * The accounts of ids or refs, locked; what is not there is left out.
   * @param client within a transaction
   */
  async lockNamed(
    client: pg.ClientBase,
    caller: Caller,
    references: readonly string[],
  ): Promise<AccountRow[]> {
    const { rows } = await client.query<AccountRow>(
      `SELECT ${ACCOUNT_ROW} FROM accounts a WHERE a.id IN (
         SELECT b.id FROM accounts b WHERE b.team_id = $1 AND b.id = ANY($2)
         UNION SELECT b.id FROM accounts b JOIN unnest($2::text[]) AS given
             ON b.provider_account_id = substring(given FROM position(':' IN given) + 1)
           WHERE b.team_id = $1 AND given = b.provider || ':' || b.provider_account_id)
         AND (cardinality($3::text[]) = 0 OR a.provider = ANY($3)) ORDER BY a.id FOR UPDATE`,
      [caller.teamId, references, caller.key.providers],
    );
    return rows;
  }

  /** The disconnect that is ending all of these accounts. */
  async findDisconnecting(
    client: pg.ClientBase,
    teamId: string,
    accountIds: readonly string[],
  ): Promise<string | undefined> {
    const { rows } = await client.query<{ id: string | null }>(
      `SELECT DISTINCT CASE WHEN status = 'disconnecting' THEN disconnect_id END AS id
       FROM accounts WHERE team_id = $1 AND id = ANY($2) LIMIT 2`,
      [teamId, accountIds],
    );
    const [only, another] = rows;
    return another === undefined ? (only?.id ?? undefined) : undefined;
  }

  async isThere(client: pg.ClientBase, profileId: string): Promise<boolean> {
    const { rows } = await client.query('SELECT FROM profiles WHERE id = $1', [profileId]);
    return rows.length > 0;
  }

  /**
   * The last disconnect of a profile. Of a former one that was merged into another before it was
   * asked for there is none.
   */
  async findLastOf(
    client: pg.ClientBase,
    { teamId, key }: Caller,
    profileId: string,
  ): Promise<string | undefined> {
    const { rows } = await client.query<{ id: string }>(
      `SELECT d.id FROM disconnects d WHERE d.team_id = $1 AND d.profile_id = $2
         AND d.state <> 'cancelled' AND EXISTS (SELECT FROM disconnect_steps s
           WHERE s.disconnect_id = d.id AND (cardinality($3::text[]) = 0 OR s.provider = ANY($3)))
         AND NOT EXISTS (SELECT FROM profile_redirects r
           WHERE r.id = $2 AND r.merged_at < d.created_at)
       ORDER BY d.created_at DESC, d.id DESC LIMIT 1`,
      [teamId, profileId, key.providers],
    );
    return rows[0]?.id;
  }

  /**
   * The accounts beyond those chosen whose hold at the provider ends with one of theirs, each once.
   * @param effects of each provider among the accounts
   */
  async findAlsoEnding(
    client: pg.ClientBase,
    accounts: readonly AccountRow[],
    effects: ReadonlyMap<string, DisconnectEffect>,
  ): Promise<AlsoEnding[]> {
    const ending = (ends: DisconnectEffect['ends']) =>
      accounts.flatMap(({ id, provider }) => (effects.get(provider)?.ends === ends ? [id] : []));
    const [groups, connections] = [ending('provider_group'), ending('connection')];
    if (groups.length + connections.length === 0) return [];
    const { rows } = await client.query<AlsoEnding>(
      `SELECT DISTINCT ON (a.id) a.id, a.provider, a.provider_account_id, a.platform, a.username,
         s.id AS ends_with
       FROM accounts s JOIN accounts a USING (connection_id)
       WHERE a.status <> 'disconnected' AND a.id <> ALL($1) AND (s.id = ANY($3)
         OR s.id = ANY($2) AND a.provider_group ->> 'id' = s.provider_group ->> 'id')
       ORDER BY a.id, s.id LIMIT ${MAX_ACCOUNTS}`,
      [accounts.map(({ id }) => id), groups, connections],
    );
    return rows;
  }

  /**
   * Stores a plan, so that a run with its hash can report what has changed since. The oldest ones
   * make room: a run needs no more than the hash.
   */
  async save(
    client: pg.ClientBase,
    teamId: string,
    hash: string,
    accounts: readonly PlannedAccount[],
    at: Date,
  ): Promise<void> {
    await client.query(
      `INSERT INTO disconnect_plans (team_id, hash, accounts, created_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (team_id, hash) DO UPDATE SET created_at = EXCLUDED.created_at`,
      [teamId, hash, JSON.stringify(accounts), at],
    );
    await client.query(
      `DELETE FROM disconnect_plans p USING (
         SELECT hash, sum(pg_column_size(accounts)) OVER (ORDER BY created_at DESC, hash) AS bytes
         FROM disconnect_plans WHERE team_id = $1) newest
       WHERE p.team_id = $1 AND p.hash = newest.hash AND p.hash <> $2 AND newest.bytes > $3`,
      [teamId, hash, MAX_PLAN_BYTES],
    );
  }

  /**
   * The accounts of a plan; `undefined` for one that is not known. To a key that is restricted to
   * some providers no plan is known that holds accounts of others.
   */
  async find(
    prisma: Prisma.TransactionClient,
    { teamId, key }: Caller,
    hash: string,
  ): Promise<readonly PlannedAccount[] | undefined> {
    const row = await prisma.disconnectPlan.findUnique({
      where: { teamId_hash: { teamId, hash } },
    });
    const accounts = row?.accounts as unknown as PlannedAccount[] | undefined;
    const isVisible = ({ ref }: PlannedAccount) =>
      key.providers.length === 0 ||
      key.providers.some((provider) => ref.startsWith(`${provider}:`));
    return accounts?.every(isVisible) ? accounts : undefined;
  }

  /**
   * The scheduled disconnects of a team and the accounts in them, for the one who is about to add
   * to them: others who are wait until the transaction ends.
   */
  async countScheduledToAdd(
    client: pg.ClientBase,
    teamId: string,
  ): Promise<{ readonly disconnects: number; readonly accounts: number }> {
    await lockUntilEnd(client, `scheduled disconnects of ${teamId}`);
    const { rows } = await client.query<{ disconnects: number; accounts: number }>(
      `SELECT count(DISTINCT d.id)::int AS disconnects, count(s.id)::int AS accounts
       FROM disconnects d JOIN disconnect_steps s ON s.disconnect_id = d.id
       WHERE d.team_id = $1 AND d.finished_at IS NULL
         AND d.state IN ('scheduled', 'awaiting_approval')`,
      [teamId],
    );
    return rows[0] ?? { disconnects: 0, accounts: 0 };
  }

  async deleteBefore(time: Date): Promise<void> {
    await this.database.prisma.disconnectPlan.deleteMany({ where: { createdAt: { lt: time } } });
  }
}

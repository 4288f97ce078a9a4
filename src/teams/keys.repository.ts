import type pg from 'pg';
import { type Database, requestUse } from '../database/index.js';
import type { ApiKey, Prisma } from '../database/prisma-client/client.js';
import { lockUntilEnd } from '../database/transact.js';
import type { Caller, Scope } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { SharedQuestions } from '../lib/shared-questions.js';
import { TEAM_VERSION } from './teams.repository.js';

/** A key with its team, as every request reads it. */
export interface KeyRow {
  readonly id: string;
  readonly team_id: string;
  readonly team_name: string;
  readonly team_version: string;
  readonly name: string;
  readonly secret_hash: Buffer;
  readonly scopes: Scope[];
  readonly providers: string[];
  readonly is_root: boolean;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  readonly rate_quota: number | null;
  readonly rate_window_seconds: number | null;
}

/** A key that was revoked just now. */
interface RevokedKey {
  readonly id: string;
  readonly teamId: string;
}

/** A root key to create, of the team that root acts for by default. */
interface NewRootKey {
  readonly id: string;
  readonly teamId: string;
  readonly secretHash: Uint8Array<ArrayBuffer>;
  readonly createdAt: Date;
}

/** SQL: the columns of `KeyRow`, of the key `k` and its team `t`. */
export const KEY_WITH_TEAM = `k.id, k.team_id, t.name AS team_name, ${TEAM_VERSION} AS team_version,
  k.name, k.secret_hash, k.scopes, k.providers, k.is_root, k.expires_at, k.last_used_at,
  k.revoked_at, k.rate_quota, k.rate_window_seconds`;

const ROOT = { name: 'root', scopes: ['admin'], isRoot: true };

/** The rows of keys. */
export class KeysRepository {
  private readonly looks = new SharedQuestions((id) => this.look(id));

  /** @param providerIds the ids that keys may be restricted to */
  constructor(
    private readonly database: Database,
    private readonly providerIds: readonly string[],
  ) {}

  /**
   * A key as it is now or later, never as it was before: it is asked for on every request, and
   * shared by those that wait for it.
   */
  async findWithTeam(id: string): Promise<KeyRow | undefined> {
    const row = await this.looks.answer(id);
    const use = requestUse.getStore();
    if (use) use.isBegun = true;
    return row;
  }

  /** One prepared statement by primary key. */
  private async look(id: string): Promise<KeyRow | undefined> {
    const { rows } = await this.database.pool.query<KeyRow>({
      name: 'find-key',
      text: `SELECT ${KEY_WITH_TEAM}
             FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE k.id = $1`,
      values: [id],
    });
    return rows[0];
  }

  /**
   * Those of the keys that are revoked or have expired, and of the sessions that have ended. Does not
   * wait for busy connections.
   */
  async findEnded(ids: readonly string[], now: Date): Promise<readonly string[]> {
    const rows = await this.database.reachability.query<{ id: string }>(
      `SELECT id FROM api_keys WHERE id = ANY($1) AND (revoked_at IS NOT NULL OR expires_at <= $2)
       UNION ALL
       SELECT id FROM unnest($1::text[]) AS id WHERE starts_with(id, 'ses_')
         AND NOT EXISTS (SELECT FROM console_sessions s WHERE s.id = id.id AND s.expires_at > $2)`,
      [ids, now],
    );
    return rows.map(({ id }) => id);
  }

  async noteUse(id: string, at: Date): Promise<void> {
    await this.database.prisma.apiKey.updateMany({ where: { id }, data: { lastUsedAt: at } });
  }

  /** A key of the caller's team that is no stronger than the caller's own; it may be revoked. */
  find(prisma: Prisma.TransactionClient, caller: Caller, id: string): Promise<ApiKey | null> {
    return prisma.apiKey.findFirst({ where: { id, ...this.visibleTo(caller) } });
  }

  /** The keys that `find` finds and that are not revoked, oldest first. */
  list(caller: Caller, createdBy: string | undefined): Rows<ApiKey> {
    const { apiKey } = this.database.prisma;
    const where = {
      ...this.visibleTo(caller),
      revokedAt: null,
      ...(createdBy !== undefined && { createdById: createdBy }),
    };
    return {
      read: (beyondId, take) =>
        apiKey.findMany({
          where: { ...where, id: { gt: beyondId ?? '' } },
          orderBy: { id: 'asc' },
          take,
        }),
      count: () => apiKey.count({ where }),
    };
  }

  /**
   * How many keys of the team are not revoked, for the one who is about to add one: others who are
   * wait until the transaction ends.
   */
  async countToAdd(client: pg.ClientBase, teamId: string): Promise<number> {
    await lockUntilEnd(client, `keys of ${teamId}`);
    const { rows } = await client.query<{ total: number }>(
      'SELECT count(*)::int AS total FROM api_keys WHERE team_id = $1 AND revoked_at IS NULL',
      [teamId],
    );
    return rows[0]?.total ?? 0;
  }

  create(
    prisma: Prisma.TransactionClient,
    data: Prisma.ApiKeyUncheckedCreateInput,
  ): Promise<ApiKey> {
    return prisma.apiKey.create({ data });
  }

  /** Keeps a key from being revoked until the transaction ends. @returns `false`: it is revoked */
  async lockLive(client: pg.ClientBase, id: string): Promise<boolean> {
    const { rowCount } = await client.query(
      'SELECT 1 FROM api_keys WHERE id = $1 AND revoked_at IS NULL FOR SHARE',
      [id],
    );
    return rowCount === 1;
  }

  /**
   * Revokes a key, and with `withCreated` those that it made, those that they made, and so on. A
   * generation is looked for once the one before can make no more.
   * @param client within a transaction
   * @returns the ids of all, and those that were not revoked before
   */
  async revoke(
    client: pg.ClientBase,
    id: string,
    withCreated: boolean,
    at: Date,
  ): Promise<{ readonly all: readonly string[]; readonly revoked: readonly RevokedKey[] }> {
    const revoked: RevokedKey[] = [];
    const seen = new Set<string>();
    let generation = [id];
    while (generation.length > 0) {
      for (const member of generation) seen.add(member);
      const { rows } = await client.query<RevokedKey>(
        `UPDATE api_keys SET revoked_at = $2 WHERE id = ANY($1) AND revoked_at IS NULL
         RETURNING id, team_id AS "teamId"`,
        [generation, at],
      );
      revoked.push(...rows);
      if (!withCreated) break;
      const created = await client.query<{ id: string }>(
        'SELECT id FROM api_keys WHERE created_by_id = ANY($1)',
        [generation],
      );
      generation = created.rows.map((row) => row.id).filter((created) => !seen.has(created));
    }
    return { all: [...seen], revoked };
  }

  async hasRoot(prisma: Prisma.TransactionClient): Promise<boolean> {
    const where = { isRoot: true, revokedAt: null };
    return (await prisma.apiKey.findFirst({ where, select: { id: true } })) !== null;
  }

  async createRoot(prisma: Prisma.TransactionClient, root: NewRootKey): Promise<void> {
    await prisma.apiKey.create({ data: { ...root, ...ROOT } });
  }

  /**
   * Creates the root key, or gives the one of that id this secret.
   * @returns `false` when there is a key of that id that is revoked, or is no root key
   */
  async ensureRoot(prisma: Prisma.TransactionClient, root: NewRootKey): Promise<boolean> {
    const { id, secretHash } = root;
    const known = await prisma.apiKey.findUnique({ where: { id } });
    if (known?.revokedAt || known?.isRoot === false) return false;
    if (known) await prisma.apiKey.update({ where: { id }, data: { secretHash } });
    else await this.createRoot(prisma, root);
    return true;
  }

  /** Revokes every root key but one. @returns the ids of those it revoked */
  async revokeOtherRoots(
    prisma: Prisma.TransactionClient,
    keptId: string,
    at: Date,
  ): Promise<readonly string[]> {
    const others = await prisma.apiKey.findMany({
      where: { isRoot: true, revokedAt: null, id: { not: keptId } },
      select: { id: true },
    });
    const ids = others.map(({ id }) => id);
    await prisma.apiKey.updateMany({ where: { id: { in: ids } }, data: { revokedAt: at } });
    return ids;
  }

  /**
   * A key that is restricted to some providers sees the keys that may see no others: it must not
   * manage what is stronger than itself.
   */
  visibleTo({ teamId, key }: Caller): Prisma.ApiKeyWhereInput {
    if (key.providers.length === 0) return { teamId };
    const others = this.providerIds.filter((provider) => !key.providers.includes(provider));
    return { teamId, providers: { isEmpty: false }, NOT: { providers: { hasSome: others } } };
  }
}

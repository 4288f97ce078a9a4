import { timingSafeEqual } from 'node:crypto';
import { actorOf, auditRow } from '../audit/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { ApiKey, Team } from '../database/prisma-client/client.js';
import { withLock } from '../database/transact.js';
import { type Caller, holdsScope, type Identity, SCOPES, type Scope } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import { makeKey, parseKey } from './key-format.js';

/**
 * The team that the environment's connections belong to, and that root acts for unless told
 * otherwise.
 */
export const DEFAULT_TEAM_ID = 'team_default';

const UNAUTHORIZED = { 'WWW-Authenticate': 'Bearer' };
const LAST_USED_GRANULARITY_MS = 60_000;

export interface KeyRequest {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expires_at?: Date | undefined;
  readonly providers?: readonly string[] | undefined;
  readonly rate_limit?: { readonly quota: number; readonly window_seconds: number } | undefined;
}

/** Teams, their keys, and who a request comes from. */
export class TeamsService {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /**
   * @param authorization the `Authorization` header
   * @returns who the key is, in its own team
   * @throws Problem 401 without a live key
   */
  async authenticate(authorization: string | undefined): Promise<Identity> {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
    if (token === undefined)
      throw new Problem(
        'unauthorized',
        'Send a key as `Authorization: Bearer rc_…`.',
        {},
        UNAUTHORIZED,
      );
    const parsed = parseKey(token);
    const row = parsed && (await this.findKey(parsed.id));
    const now = this.clock.now();
    if (
      !parsed ||
      !row ||
      row.revoked_at !== null ||
      !timingSafeEqual(row.secret_hash, parsed.secretHash)
    ) {
      throw new Problem(
        'unauthorized',
        'The key is unknown, mistyped or revoked. Ask an administrator for a new one.',
        {},
        UNAUTHORIZED,
      );
    }
    if (row.expires_at !== null && row.expires_at <= now) {
      throw new Problem(
        'unauthorized',
        `The key expired at ${row.expires_at.toISOString()}. Ask an administrator for a new one.`,
        {},
        UNAUTHORIZED,
      );
    }
    if (
      row.last_used_at === null ||
      now.getTime() - row.last_used_at.getTime() > LAST_USED_GRANULARITY_MS
    ) {
      await this.database.prisma.apiKey.updateMany({
        where: { id: row.id },
        data: { lastUsedAt: now },
      });
    }
    const key = {
      id: row.id,
      name: row.name,
      scopes: row.scopes,
      isRoot: row.is_root,
      expiresAt: row.expires_at,
      providers: row.providers,
      rateLimit:
        row.rate_quota === null || row.rate_window_seconds === null
          ? null
          : { quota: row.rate_quota, windowSeconds: row.rate_window_seconds },
    };
    return { teamId: row.team_id, teamName: row.team_name, teamVersion: row.team_version, key };
  }

  /**
   * The identity in the team that it acts for.
   * @param team the `Rollcall-Team` header, which only root may send
   * @throws Problem 403 for another key, 404 for a team that is not there
   */
  async actingFor(identity: Identity, team: string | undefined): Promise<Identity> {
    if (team === undefined || team === identity.teamId) return identity;
    if (!identity.key.isRoot)
      throw new Problem(
        'forbidden',
        'Only the root key may act for another team. Leave out the Rollcall-Team header.',
      );
    const { rows } = await this.database.pool.query<{ id: string; name: string; version: string }>(
      `SELECT t.id, t.name, ${VERSION} AS version FROM teams t WHERE t.id = $1`,
      [team],
    );
    const [other] = rows;
    if (!other) throw notFound('The team in Rollcall-Team');
    return {
      teamId: other.id,
      teamName: other.name,
      teamVersion: other.version,
      key: identity.key,
    };
  }

  /** One prepared statement by primary key: it runs on every request. */
  private async findKey(id: string): Promise<KeyRow | undefined> {
    const { rows } = await this.database.pool.query<KeyRow>({
      name: 'find-key',
      text: `SELECT k.id, k.team_id, t.name AS team_name, ${VERSION} AS team_version, k.name, k.secret_hash, k.scopes, k.providers, k.is_root,
                    k.expires_at, k.last_used_at, k.revoked_at, k.rate_quota, k.rate_window_seconds
             FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE k.id = $1`,
      values: [id],
    });
    return rows[0];
  }

  /** @returns the key's row and the key itself, which is shown only in this response */
  async createKey(
    { prisma }: Transaction,
    caller: Caller,
    request: KeyRequest,
  ): Promise<{ row: ApiKey; key: string }> {
    if (request.expires_at && request.expires_at <= this.clock.now())
      throw invalidField('expires_at', 'must be in the future');
    const stronger = request.scopes.filter((scope) => !holdsScope(caller, scope));
    if (stronger.length > 0)
      throw new Problem(
        'forbidden',
        `A key cannot create a key with more rights than its own: it lacks ${stronger.join(', ')}.`,
      );
    const ownEnd = caller.key.expiresAt;
    if (ownEnd && request.expires_at && request.expires_at > ownEnd) {
      throw new Problem(
        'forbidden',
        `A key cannot create a key that outlives it: it expires at ${ownEnd.toISOString()}.`,
      );
    }
    if (request.rate_limit && !caller.key.isRoot)
      throw new Problem('forbidden', 'Only the root key may set `rate_limit`. Leave it out.');
    const rateLimit = request.rate_limit
      ? { quota: request.rate_limit.quota, windowSeconds: request.rate_limit.window_seconds }
      : caller.key.rateLimit;
    const providers = narrowed(caller.key.providers, request.providers ?? []);
    const id = newId('key');
    const key = makeKey(id);
    const now = this.clock.now();
    const facts = {
      name: request.name,
      scopes: SCOPES.filter((scope) => request.scopes.includes(scope)),
      providers,
    };
    const expiresAt = request.expires_at ?? ownEnd;
    const after = { ...facts, expires_at: expiresAt };
    const data = {
      id,
      teamId: caller.teamId,
      ...facts,
      secretHash: hashOf(key),
      expiresAt,
      createdAt: now,
    };
    const rate = {
      rateQuota: rateLimit?.quota ?? null,
      rateWindowSeconds: rateLimit?.windowSeconds ?? null,
    };
    const entry = { action: 'key.created', targetType: 'key', targetId: id, after } as const;
    const row = await prisma.apiKey.create({ data: { ...data, ...rate } });
    await prisma.auditEvent.create({ data: auditRow(actorOf(caller), entry, now) });
    return { row, key };
  }

  /** A live key of the caller's team. @throws Problem 404 */
  async getKey(caller: Caller, id: string): Promise<ApiKey> {
    const row = await this.database.prisma.apiKey.findFirst({
      where: { id, teamId: caller.teamId, revokedAt: null },
    });
    if (!row) throw notFound(`Key ${id}`);
    return row;
  }

  /** The live keys of the caller's team, oldest first. */
  keys(caller: Caller): Rows<ApiKey> {
    const { apiKey } = this.database.prisma;
    const where = { teamId: caller.teamId, revokedAt: null };
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

  async revokeKey(caller: Caller, id: string): Promise<void> {
    if (id === caller.key.id)
      throw new Problem('conflict', 'A key cannot revoke itself. Use another key.');
    const where = {
      id,
      teamId: caller.teamId,
      revokedAt: null,
      ...(caller.key.isRoot ? {} : { isRoot: false }),
    };
    const now = this.clock.now();
    await this.database.prisma.$transaction(async (transaction) => {
      const { count } = await transaction.apiKey.updateMany({ where, data: { revokedAt: now } });
      if (count === 0) throw notFound(`Key ${id}`);
      const entry = { action: 'key.revoked', targetType: 'key', targetId: id } as const;
      await transaction.auditEvent.create({ data: auditRow(actorOf(caller), entry, now) });
    });
  }

  /** The entry in the audit log is the new team's first. */
  async createTeam({ prisma }: Transaction, caller: Caller, name: string): Promise<Team> {
    const id = newId('team');
    const now = this.clock.now();
    const actor = { ...actorOf(caller), teamId: id };
    const entry = {
      action: 'team.created',
      targetType: 'team',
      targetId: id,
      after: { name },
    } as const;
    const row = await prisma.team.create({ data: { id, name, createdAt: now } });
    await prisma.auditEvent.create({ data: auditRow(actor, entry, now) });
    return row;
  }

  /** Adds up the version counts of sessions that are gone. */
  async compactVersions(): Promise<void> {
    await withLock(this.database.pool, 'team versions', (client) =>
      client.query(`
        WITH gone AS (
          DELETE FROM team_versions v WHERE v.session <> 0 AND NOT EXISTS (SELECT FROM pg_stat_activity p WHERE p.pid = v.session)
          RETURNING v.team_id, v.version)
        INSERT INTO team_versions AS v (team_id, session, version) SELECT team_id, 0, sum(version) FROM gone GROUP BY team_id
        ON CONFLICT (team_id, session) DO UPDATE SET version = v.version + EXCLUDED.version`),
    );
  }

  /** @throws Problem 404 */
  async getTeam(id: string): Promise<Team> {
    const row = await this.database.prisma.team.findUnique({ where: { id } });
    if (!row) throw notFound(`Team ${id}`);
    return row;
  }

  /** All teams, oldest first. */
  all(): Rows<Team> {
    const { team } = this.database.prisma;
    return {
      read: (beyondId, take) =>
        team.findMany({ where: { id: { gt: beyondId ?? '' } }, orderBy: { id: 'asc' }, take }),
      count: () => team.count(),
    };
  }

  /**
   * Makes the default team and the root key where they are missing.
   * @param rootKey `ROLLCALL_ROOT_KEY`
   * @returns the root key when it was made just now; it cannot be shown again
   */
  async prepare(rootKey: string | undefined): Promise<string | undefined> {
    const { prisma } = this.database;
    const now = this.clock.now();
    await prisma.team.createMany({
      data: [{ id: DEFAULT_TEAM_ID, name: 'default', createdAt: now }],
      skipDuplicates: true,
    });
    const rootRow = {
      teamId: DEFAULT_TEAM_ID,
      name: 'root',
      scopes: ['admin'],
      isRoot: true,
      createdAt: now,
    };
    if (rootKey !== undefined) {
      const parsed = parseKey(rootKey);
      if (!parsed) throw new Error('the root key is not in the key format');
      const secretHash = new Uint8Array(parsed.secretHash);
      await prisma.apiKey.upsert({
        where: { id: parsed.id },
        create: { id: parsed.id, secretHash, ...rootRow },
        update: { secretHash, isRoot: true, scopes: ['admin'], revokedAt: null },
      });
      return undefined;
    }
    return prisma.$transaction(async (transaction) => {
      // Replicas that start together make one root key between them.
      await transaction.$queryRaw`SELECT 1 FROM teams WHERE id = ${DEFAULT_TEAM_ID} FOR UPDATE`;
      if (await transaction.apiKey.findFirst({ where: { isRoot: true, revokedAt: null } }))
        return undefined;
      const id = newId('key');
      const key = makeKey(id);
      await transaction.apiKey.create({ data: { id, secretHash: hashOf(key), ...rootRow } });
      return key;
    });
  }
}

/** The version of the team `t`: how often rows that its lists show were written. */
const VERSION =
  '(SELECT coalesce(sum(v.version), 0)::text FROM team_versions v WHERE v.team_id = t.id)';

interface KeyRow {
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

function hashOf(key: string): Uint8Array<ArrayBuffer> {
  const parsed = parseKey(key);
  if (!parsed) throw new Error('created a key that is not in the key format');
  return new Uint8Array(parsed.secretHash);
}

/** The providers of a new key, which may be no wider than its maker's. */
function narrowed(own: readonly string[], asked: readonly string[]): string[] {
  if (own.length === 0) return [...asked];
  if (asked.length === 0) return [...own];
  const wider = asked.filter((provider) => !own.includes(provider));
  if (wider.length > 0)
    throw new Problem(
      'forbidden',
      `A key cannot create a key with more rights than its own: it may not see ${wider.join(', ')}.`,
    );
  return [...asked];
}

import { timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { actorOf, recordAudit } from '../audit/index.js';
import { type Database, isExhausted, type Transaction } from '../database/index.js';
import type { Team } from '../database/prisma-client/client.js';
import type { Caller, Identity } from '../http/caller.js';
import { challenge } from '../http/challenge.js';
import type { Rows } from '../http/page.js';
import { notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import { StartError } from '../lib/start-error.js';
import { identityOf } from './identity.js';
import { hashOf, makeKey, parseKey } from './key-format.js';
import type { KeysRepository } from './keys.repository.js';
import type { TeamsRepository } from './teams.repository.js';

/**
 * The team that the environment's connections belong to, and that root acts for by
 * default.
 */
export const DEFAULT_TEAM_ID = 'team_default';

const NO_KEY = challenge();
const BAD_KEY = challenge('invalid_token');
const LAST_USED_GRANULARITY_MS = 60_000;
const MAX_KEYS_SEEN = 20_000;

/** `unknown`: it is no key of this database. */
export type KeyStanding = 'live' | 'ended' | 'unknown';

/** Teams, their root key, and who a request comes from. */
export class TeamsService {
  /** By the hash of the key's secret: who has only its id is not taken for it. */
  private readonly seen = new LRUCache<string, { teamId: string; keyId: string }>({
    max: MAX_KEYS_SEEN,
  });

  constructor(
    private readonly database: Database,
    private readonly teams: TeamsRepository,
    private readonly keys: KeysRepository,
    private readonly clock: Clock,
  ) {}

  lastSeen(authorization: string | undefined) {
    const token = tokenOf(authorization);
    const parsed = token === undefined ? undefined : parseKey(token);
    return parsed && this.seen.get(parsed.secretHash.toString('base64'));
  }

  /**
   * @param authorization the `Authorization` header
   * @returns who the key is, in its own team
   * @throws Problem 401 without a live key
   */
  async authenticate(authorization: string | undefined): Promise<Identity> {
    const token = tokenOf(authorization);
    if (token === undefined)
      throw new Problem('unauthorized', 'Send a key as `Authorization: Bearer rc_…`.', {}, NO_KEY);
    const parsed = parseKey(token);
    const row = parsed && (await this.keys.findWithTeam(parsed.id));
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
        BAD_KEY,
      );
    }
    if (row.expires_at !== null && row.expires_at <= now) {
      throw new Problem(
        'unauthorized',
        `The key expired at ${row.expires_at.toISOString()}. Ask an administrator for a new one.`,
        {},
        BAD_KEY,
      );
    }
    if (
      row.last_used_at === null ||
      now.getTime() - row.last_used_at.getTime() > LAST_USED_GRANULARITY_MS
    ) {
      // A full disk keeps nobody from reading.
      await this.keys.noteUse(row.id, now).catch((error: unknown) => {
        this.database.reachability.note(error);
        if (!isExhausted(error)) throw error;
      });
    }
    this.seen.set(parsed.secretHash.toString('base64'), { teamId: row.team_id, keyId: row.id });
    return identityOf(row);
  }

  /** Whether a key is in force, as far as nobody has ended it. */
  async standingOf(key: string): Promise<KeyStanding> {
    const parsed = parseKey(key);
    const row = parsed && (await this.keys.findWithTeam(parsed.id));
    if (!parsed || !row || !timingSafeEqual(row.secret_hash, parsed.secretHash)) return 'unknown';
    return row.revoked_at === null ? 'live' : 'ended';
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
    const other = await this.teams.findVersioned(team);
    if (!other) throw notFound('The team in Rollcall-Team');
    return {
      teamId: other.id,
      teamName: other.name,
      teamVersion: other.version,
      key: identity.key,
      ...(identity.sessionId !== undefined && { sessionId: identity.sessionId }),
    };
  }

  /** The entry in the audit log is the new team's first. */
  async createTeam({ prisma, client }: Transaction, caller: Caller, name: string): Promise<Team> {
    const id = newId('team');
    const now = this.clock.now();
    const row = await this.teams.create(prisma, id, name, now);
    const actor = { ...actorOf(caller), teamId: id };
    const after = { name };
    const entry = { action: 'team.created', targetType: 'team', targetId: id, after } as const;
    await recordAudit(client, actor, [entry], now);
    return row;
  }

  /** Adds up the version counts of database sessions that are gone. */
  compactVersions(): Promise<void> {
    return this.teams.compactVersions();
  }

  /** @throws Problem 404 */
  async getTeam(id: string): Promise<Team> {
    const row = await this.teams.find(id);
    if (!row) throw notFound(`Team ${id}`);
    return row;
  }

  /** All teams, oldest first. */
  listTeams(): Rows<Team> {
    return this.teams.list();
  }

  /**
   * Makes the default team, and the root key where it is missing. A root key that is given ends
   * every other one.
   * @param rootKey `ROLLCALL_ROOT_KEY`
   * @param keep puts a key that is made where its owner finds it, before it is good for anything
   * @returns the root key when it was made just now; it cannot be shown again
   * @throws StartError for a root key that was revoked or replaced
   */
  async prepare(
    rootKey: string | undefined,
    keep: (key: string) => Promise<void> = async () => undefined,
  ): Promise<string | undefined> {
    const now = this.clock.now();
    await this.teams.ensure(DEFAULT_TEAM_ID, 'default', now);
    return this.database.transaction(async (transaction) => {
      const { prisma, client } = transaction;
      // Replicas that start together make one root key between them.
      await this.teams.lock(client, DEFAULT_TEAM_ID);
      if (rootKey !== undefined) {
        await this.setRoot(transaction, rootKey, now);
        return undefined;
      }
      if (await this.keys.hasRoot(prisma)) return undefined;
      const id = newId('key');
      const key = makeKey(id);
      await keep(key);
      const owner = { teamId: DEFAULT_TEAM_ID, createdAt: now };
      await this.keys.createRoot(prisma, { id, secretHash: hashOf(key), ...owner });
      return key;
    });
  }

  /** A key that has ended stays so: it may be the one that was lost. */
  private async setRoot({ prisma, client }: Transaction, key: string, now: Date): Promise<void> {
    const parsed = parseKey(key);
    if (!parsed) throw new Error('the root key is not in the key format');
    const { id } = parsed;
    const owner = { teamId: DEFAULT_TEAM_ID, createdAt: now };
    if (!(await this.keys.ensureRoot(prisma, { id, secretHash: hashOf(key), ...owner })))
      throw new StartError(
        'ROLLCALL_ROOT_KEY: this key was revoked or replaced by another. Set the current one, or a new one (`npm run root-key` prints one).',
      );
    const ended = await this.keys.revokeOtherRoots(prisma, id, now);
    const entries = ended.map(
      (targetId) =>
        ({
          action: 'key.revoked',
          targetType: 'key',
          targetId,
          after: { replaced_by: id },
        }) as const,
    );
    const nobody = { teamId: DEFAULT_TEAM_ID, keyId: null, keyName: null, requestId: null };
    await recordAudit(client, nobody, entries, now);
  }
}

function tokenOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { ConsoleSession, Prisma } from '../database/prisma-client/client.js';
import { lockUntilEnd } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { KEY_WITH_TEAM, type KeyRow, type KeysRepository } from './keys.repository.js';

/** A session with its key and team, as every request of a browser reads it. */
interface SessionRow extends KeyRow {
  readonly session_id: string;
  readonly session_last_used_at: Date;
  readonly session_expires_at: Date;
}

/** A session as it is listed. */
export type ListedSession = ConsoleSession & {
  readonly key: { readonly name: string; readonly expiresAt: Date | null };
};

/** When a session that was not used since a time has ended. */
export interface LiveSince {
  readonly now: Date;
  readonly unusedSince: Date;
}

const include = { key: { select: { name: true, expiresAt: true } } };

/** The rows of the console's sessions. */
export class SessionsRepository {
  constructor(
    private readonly database: Database,
    private readonly keys: Pick<KeysRepository, 'visibleTo'>,
  ) {}

  /** One prepared statement by a unique key: it runs on every request of a browser. */
  async findWithKey(
    tokenHash: Uint8Array,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<SessionRow | undefined> {
    const { rows } = await client.query<SessionRow>({
      name: 'find-session',
      text: `SELECT ${KEY_WITH_TEAM}, s.id AS session_id, s.last_used_at AS session_last_used_at,
               s.expires_at AS session_expires_at
             FROM console_sessions s JOIN api_keys k ON k.id = s.key_id
             JOIN teams t ON t.id = k.team_id WHERE s.token_hash = $1`,
      values: [tokenHash],
    });
    return rows[0];
  }

  /** One of those that `list` shows. */
  find(
    prisma: Prisma.TransactionClient,
    caller: Caller,
    id: string,
    live: LiveSince,
  ): Promise<ListedSession | null> {
    const where = { id, ...this.visibleTo(caller, live) };
    return prisma.consoleSession.findFirst({ where, include });
  }

  /** Whoever asks. */
  findOwn(id: string): Promise<ListedSession | null> {
    return this.database.prisma.consoleSession.findUnique({ where: { id }, include });
  }

  /** The live ones of keys that the caller may manage, oldest first. */
  list(caller: Caller, live: LiveSince): Rows<ListedSession> {
    const { consoleSession } = this.database.prisma;
    const where = this.visibleTo(caller, live);
    return {
      read: (beyondId, take) =>
        consoleSession.findMany({
          where: { ...where, id: { gt: beyondId ?? '' } },
          include,
          orderBy: { id: 'asc' },
          take,
        }),
      count: () => consoleSession.count({ where }),
    };
  }

  create(
    prisma: Prisma.TransactionClient,
    data: Prisma.ConsoleSessionUncheckedCreateInput,
  ): Promise<ConsoleSession> {
    return prisma.consoleSession.create({ data });
  }

  /**
   * Ends the sessions of a key that were not used for longest, so that one more than `left` has
   * place. Who signs in with the same key meanwhile waits until the transaction ends.
   */
  async makeRoom(client: pg.ClientBase, keyId: string, left: number): Promise<void> {
    await lockUntilEnd(client, `sessions of ${keyId}`);
    await client.query(
      `DELETE FROM console_sessions WHERE id IN (
         SELECT id FROM console_sessions WHERE key_id = $1
         ORDER BY last_used_at DESC, id DESC OFFSET $2)`,
      [keyId, left],
    );
  }

  async noteUse(id: string, at: Date): Promise<void> {
    await this.database.prisma.consoleSession.updateMany({
      where: { id },
      data: { lastUsedAt: at },
    });
  }

  /** @returns whether it was there */
  async delete(prisma: Prisma.TransactionClient, id: string): Promise<boolean> {
    return (await prisma.consoleSession.deleteMany({ where: { id } })).count === 1;
  }

  /** Deletes those that have ended, by themselves or with their keys. */
  async deleteEnded({ now, unusedSince }: LiveSince): Promise<void> {
    await this.database.prisma.consoleSession.deleteMany({
      where: {
        OR: [
          { expiresAt: { lte: now } },
          { lastUsedAt: { lte: unusedSince } },
          { key: { OR: [{ revokedAt: { not: null } }, { expiresAt: { lte: now } }] } },
        ],
      },
    });
  }

  /** The root key that was made last. */
  async findRootKey(): Promise<string | undefined> {
    const where = { isRoot: true, revokedAt: null };
    const row = await this.database.prisma.apiKey.findFirst({
      where,
      orderBy: { createdAt: 'desc' },
      select: { id: true },
    });
    return row?.id;
  }

  private visibleTo(
    caller: Caller,
    { now, unusedSince }: LiveSince,
  ): Prisma.ConsoleSessionWhereInput {
    return {
      expiresAt: { gt: now },
      lastUsedAt: { gt: unusedSince },
      key: {
        AND: [
          this.keys.visibleTo(caller),
          { revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
          ...(caller.key.isRoot ? [] : [{ isRoot: false }]),
        ],
      },
    };
  }
}

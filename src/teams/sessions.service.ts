import { actorOf, recordAudit } from '../audit/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { Caller, Identity } from '../http/caller.js';
import { challenge } from '../http/challenge.js';
import type { Rows } from '../http/page.js';
import { notFound, Problem } from '../http/problem.js';
import type { Sender } from '../http/route.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import { identityOf, isLive } from './identity.js';
import { parseKey } from './key-format.js';
import type { KeysRepository } from './keys.repository.js';
import { hashOfToken, MAX_IDLE_MS, MAX_SESSION_MS, makeToken } from './session-life.js';
import type { ListedSession, LiveSince, SessionsRepository } from './sessions.repository.js';
import { SignInLinks } from './sign-in-links.js';
import { SignInThrottle } from './sign-in-throttle.js';
import type { SignInRequest } from './teams.requests.js';
import type { TeamsService } from './teams.service.js';

/** Sessions of one key at once; beyond that the one that was not used for longest ends. */
const MAX_OF_KEY = 50;
const MAX_USER_AGENT = 200;

interface SessionsParts {
  readonly database: Database;
  readonly teams: TeamsService;
  readonly keys: KeysRepository;
  readonly sessions: SessionsRepository;
  readonly clock: Clock;
}

/** A session that was made just now. */
interface NewSession {
  readonly identity: Identity;
  readonly row: ListedSession;
  /** For the cookie; it is not kept. */
  readonly token: string;
}

/** The console's sessions: browsers that are signed in with a key. */
export class SessionsService {
  private readonly throttle: SignInThrottle;
  private readonly links: SignInLinks;

  constructor(private readonly parts: SessionsParts) {
    this.throttle = new SignInThrottle(parts.clock);
    this.links = new SignInLinks(parts.clock);
  }

  /**
   * Exchanges a key, or a link, for a session, which takes the place of the one that the browser had.
   * @throws Problem 401, the same for everything that is wrong; 429 after too many attempts
   */
  async signIn(request: SignInRequest, sender: Sender, requestId: string): Promise<NewSession> {
    const { database, clock } = this.parts;
    const succeeded = this.throttle.begin(sender.address, parseKey(request.key ?? '')?.id);
    const identity = await this.identify(request);
    succeeded();
    const { key } = identity;
    const token = makeToken();
    const now = clock.now();
    const row = await database.transaction(async (transaction) => {
      const { prisma, client } = transaction;
      await this.endFormer(transaction, sender, requestId);
      await this.parts.sessions.makeRoom(client, key.id, MAX_OF_KEY - 1);
      const made = await this.parts.sessions.create(prisma, {
        id: newId('ses'),
        keyId: key.id,
        tokenHash: hashOfToken(token) as Uint8Array<ArrayBuffer>,
        userAgent: sender.userAgent?.slice(0, MAX_USER_AGENT) ?? null,
        createdAt: now,
        lastUsedAt: now,
        expiresAt: new Date(now.getTime() + MAX_SESSION_MS),
      });
      const after = { expires_at: made.expiresAt, user_agent: made.userAgent };
      const entry = {
        action: 'console.signed_in',
        targetType: 'session',
        targetId: made.id,
        after,
      } as const;
      await recordAudit(client, actorOf({ ...identity, requestId }), [entry], now);
      return made;
    });
    return { identity, row: { ...row, key: { name: key.name, expiresAt: key.expiresAt } }, token };
  }

  /** @returns the token of a link that signs in as root */
  async makeLink(): Promise<string | undefined> {
    const keyId = await this.parts.sessions.findRootKey();
    return keyId && this.links.make(keyId);
  }

  /** The session of a request. @throws Problem 404 for a request that came with a key */
  async current(caller: Caller): Promise<ListedSession> {
    const row =
      caller.sessionId === undefined ? null : await this.parts.sessions.findOwn(caller.sessionId);
    if (!row) throw notFound('A session of this request');
    return row;
  }

  /** Ends the session of the request. @throws Problem 404 for a request that came with a key */
  async signOut(caller: Caller): Promise<void> {
    const { id } = await this.current(caller);
    await this.parts.database.transaction((transaction) => this.end(transaction, caller, id));
  }

  /** The live sessions of the caller's team, oldest first; like keys, those no stronger than its own. */
  list(caller: Caller): Rows<ListedSession> {
    return this.parts.sessions.list(caller, this.live());
  }

  /** A session of those that `list` shows. @throws Problem 404 */
  get(caller: Caller, id: string): Promise<ListedSession> {
    return this.require(this.parts.database.prisma, caller, id);
  }

  /** Ends a session. @throws Problem 404 */
  async revoke(caller: Caller, id: string): Promise<void> {
    await this.parts.database.transaction(async (transaction) => {
      await this.require(transaction.prisma, caller, id);
      await this.end(transaction, caller, id);
    });
  }

  /** Deletes what has ended. */
  async expire(): Promise<void> {
    await this.parts.sessions.deleteEnded(this.live());
  }

  private async require(
    prisma: Transaction['prisma'],
    caller: Caller,
    id: string,
  ): Promise<ListedSession> {
    const row = await this.parts.sessions.find(prisma, caller, id, this.live());
    if (!row) throw notFound(`Session ${id}`);
    return row;
  }

  private live(): LiveSince {
    const now = this.parts.clock.now();
    return { now, unusedSince: new Date(now.getTime() - MAX_IDLE_MS) };
  }

  /** @throws Problem 401 that does not tell what is wrong */
  private async identify({ key, link }: SignInRequest): Promise<Identity> {
    const identity =
      link === undefined
        ? await this.parts.teams.authenticate(`Bearer ${key}`).catch((error: unknown) => {
            if (error instanceof Problem && error.code === 'unauthorized') return undefined;
            throw error;
          })
        : await this.ofLink(link);
    if (identity) return identity;
    throw new Problem(
      'unauthorized',
      'This does not sign in: it is unknown, mistyped, already used, revoked or expired.',
      {},
      challenge(),
    );
  }

  private async ofLink(link: string): Promise<Identity | undefined> {
    const keyId = this.links.redeem(link);
    const row = keyId === undefined ? undefined : await this.parts.keys.findWithTeam(keyId);
    return row && isLive(row, this.parts.clock.now()) ? identityOf(row) : undefined;
  }

  private async endFormer(
    transaction: Transaction,
    { sessionToken }: Sender,
    requestId: string,
  ): Promise<void> {
    const hash = sessionToken === undefined ? undefined : hashOfToken(sessionToken);
    const former = hash && (await this.parts.sessions.findWithKey(hash, transaction.client));
    if (!former) return;
    await this.end(transaction, { ...identityOf(former), requestId }, former.session_id);
  }

  private async end({ prisma, client }: Transaction, caller: Caller, id: string): Promise<void> {
    if (!(await this.parts.sessions.delete(prisma, id))) return;
    const entry = {
      action: 'console.signed_out',
      targetType: 'session',
      targetId: id,
    } as const;
    await recordAudit(client, actorOf(caller), [entry], this.parts.clock.now());
  }
}

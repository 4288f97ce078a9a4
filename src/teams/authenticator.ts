import { LRUCache } from 'lru-cache';
import { type Database, isExhausted } from '../database/index.js';
import type { Authenticator, Identity, Presented } from '../http/caller.js';
import { challenge } from '../http/challenge.js';
import { Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { identityOf, isLive } from './identity.js';
import { endOf, hashOfToken } from './session-life.js';
import type { SessionsRepository } from './sessions.repository.js';
import type { TeamsService } from './teams.service.js';

const LAST_USED_GRANULARITY_MS = 60_000;
const MAX_SESSIONS_SEEN = 20_000;

/** Finds out who a request comes from: by its key, or by the session that one was exchanged for. */
export class CallerAuthenticator implements Authenticator {
  private readonly seen = new LRUCache<string, { teamId: string; keyId: string }>({
    max: MAX_SESSIONS_SEEN,
  });

  constructor(
    private readonly database: Pick<Database, 'reachability'>,
    private readonly keys: Pick<TeamsService, 'lastSeen' | 'authenticate' | 'actingFor'>,
    private readonly sessions: SessionsRepository,
    private readonly clock: Clock,
  ) {}

  lastSeen({ authorization, sessionToken }: Presented) {
    if (authorization !== undefined || sessionToken === undefined)
      return this.keys.lastSeen(authorization);
    const hash = hashOfToken(sessionToken);
    return hash && this.seen.get(nameOf(hash));
  }

  async authenticate({ authorization, sessionToken }: Presented): Promise<Identity> {
    if (sessionToken === undefined) return this.keys.authenticate(authorization);
    if (authorization === undefined) return this.ofSession(sessionToken);
    const identity = await this.keys.authenticate(authorization);
    const ofSession = await this.find(sessionToken);
    if (ofSession !== undefined && ofSession.key.id !== identity.key.id)
      throw new Problem(
        'bad_request',
        "The request has a key and the console's session of another key. Send one of them.",
      );
    return identity;
  }

  actingFor(identity: Identity, team: string | undefined): Promise<Identity> {
    return this.keys.actingFor(identity, team);
  }

  private async ofSession(token: string): Promise<Identity> {
    const identity = await this.find(token);
    if (identity) return identity;
    throw new Problem('unauthorized', 'The session has ended. Sign in again.', {}, challenge());
  }

  /** @returns `undefined` unless both the session and its key are live */
  private async find(token: string): Promise<Identity | undefined> {
    const hash = hashOfToken(token);
    const row = hash && (await this.sessions.findWithKey(hash));
    const now = this.clock.now();
    if (!hash || !row || !isLive(row, now)) return undefined;
    const { session_id, session_last_used_at, session_expires_at } = row;
    if (endOf(session_last_used_at, session_expires_at, null) <= now) return undefined;
    if (now.getTime() - session_last_used_at.getTime() > LAST_USED_GRANULARITY_MS) {
      // A full disk keeps nobody from reading.
      await this.sessions.noteUse(session_id, now).catch((error: unknown) => {
        this.database.reachability.note(error);
        if (!isExhausted(error)) throw error;
      });
    }
    this.seen.set(nameOf(hash), { teamId: row.team_id, keyId: row.id });
    return { ...identityOf(row), sessionId: session_id };
  }
}

function nameOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString('base64');
}

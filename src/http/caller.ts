/** How many requests a key may make in any stretch of time of this length. */
export interface RateLimit {
  readonly quota: number;
  readonly windowSeconds: number;
}

export const SCOPES = ['read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Whose key it is, and what the key may do. */
export interface Identity {
  readonly teamId: string;
  readonly teamName: string;
  /** Grows with every write to a row of the team that lists show. */
  readonly teamVersion: string;
  readonly key: {
    readonly id: string;
    readonly name: string;
    readonly scopes: readonly Scope[];
    readonly isRoot: boolean;
    readonly expiresAt: Date | null;
    /** The only providers whose accounts the key may see; empty: all. */
    readonly providers: readonly string[];
    /** Null: as every key. */
    readonly rateLimit: RateLimit | null;
  };
  /** The console's session that the request came with instead of the key; absent: the key itself. */
  readonly sessionId?: string;
}

/** What a request says of who sends it. */
export interface Presented {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The console's cookie. */
  readonly sessionToken: string | undefined;
}

/** Finds out who a request comes from. */
export interface Authenticator {
  /**
   * Who a key was when it was last used here, without asking the database: a hint at whose share of
   * it the question costs, and no proof.
   */
  lastSeen(presented: Presented): { readonly teamId: string; readonly keyId: string } | undefined;
  /**
   * A key goes before a session.
   * @throws Problem 401 without a live key or session, 400 for a key and the session of another one
   */
  authenticate(presented: Presented): Promise<Identity>;
  /**
   * The identity in the team that it acts for.
   * @param team the `Rollcall-Team` header, which only the root key may send
   * @throws Problem 403 for another key, 404 for an unknown team
   */
  actingFor(identity: Identity, team: string | undefined): Promise<Identity>;
}

/** Whom the watch is about: a key, or a session and its key. */
export type Watched = Pick<Identity, 'sessionId'> & { readonly key: { readonly id: string } };

/** Tells when a key stops being good while what it was let in for goes on. */
export interface KeyWatch {
  /**
   * @param left aborts when it need not be watched any more
   * @returns aborts within five seconds after the key is revoked or has expired, or the session ended
   */
  watch(who: Watched, left: AbortSignal): AbortSignal;
}

/** Who asks: a key, acting for one team, in one request. */
export interface Caller extends Identity {
  readonly requestId: string;
  /** The assistant that asks with the key, as it names itself; absent: a person or another program. */
  readonly agent?: string;
}

/** `admin` includes `write`, which includes `read`. */
export function holdsScope(caller: Caller, needed: Scope): boolean {
  return caller.key.scopes.some((scope) => SCOPES.indexOf(scope) >= SCOPES.indexOf(needed));
}

/** Whether the key may see accounts and connections of `provider`. */
export function maySeeProvider(caller: Caller, provider: string): boolean {
  return caller.key.providers.length === 0 || caller.key.providers.includes(provider);
}

import type { Caller } from '../http/caller.js';

/** On whose behalf something is done. */
export interface Actor {
  readonly teamId: string;
  /** `null`: Rollcall itself, at nobody's request. */
  readonly keyId: string | null;
  readonly keyName: string | null;
  readonly requestId: string | null;
  /** The assistant that asked, as it names itself. */
  readonly agent?: string | undefined;
}

/**
 * One thing that was done. Facts are snake_case, as in the API, and never contain a
 * credential.
 */
export interface AuditEntry {
  /** `<thing>.<what was done>`, such as `account.paused`. */
  readonly action: string;
  readonly targetType:
    | 'account'
    | 'connection'
    | 'disconnect'
    | 'finding'
    | 'key'
    | 'profile'
    | 'session'
    | 'sweep'
    | 'team'
    | 'view'
    | 'webhook';
  readonly targetId: string;
  readonly before?: object | undefined;
  readonly after?: object | undefined;
  readonly reason?: string | null | undefined;
}

/** Who acts, for an audit entry: the caller's key, and the agent that acts with it. */
export function actorOf({ teamId, key, requestId, agent }: Caller): Actor {
  return { teamId, keyId: key.id, keyName: key.name, requestId, agent };
}

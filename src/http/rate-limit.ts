import { type Database, inBackground } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { RateLimit } from './caller.js';
import { type Problem, retryLater } from './problem.js';
import { type RateCount, RateLimitRepository } from './rate-limit.repository.js';
import { type RateState, RateWindow } from './rate-window.js';

const DEFAULT_RATE_LIMIT: RateLimit = { quota: 600, windowSeconds: 60 };

/** More requests of one key at once than this, on one replica, are refused. */
const MAX_IN_FLIGHT = 100;
/** A team may make as many requests as so many keys, however many it has. */
const TEAM_KEYS = 5;
/**
 * Replicas let through what they have not yet told each other of: so much of a quota, and three of
 * them together a fifth more than it.
 */
const UNSHARED_PART = 15;
const SYNC_MS = 1000;

/** A request that is to be counted. */
interface KeyUse {
  readonly keyId: string;
  readonly teamId: string;
  /** The key's own limit; `null`: the standard one. */
  readonly own: RateLimit | null;
}

/** A limit that a request counts against. */
interface Use {
  readonly window: RateWindow;
  readonly quota: number;
  readonly whose: 'key' | 'team';
}

/** The key's own limit, then that of its team. */
type Uses = readonly [Use, Use];

/**
 * Rate limits per key, and per team above its keys, shared by all replicas without a query per
 * request: each counts for itself and shares its counts through the database once a second while it
 * has any, and sooner where a key makes use of its limit faster. Three replicas together let
 * through at most 1.2 times a limit (three requests more where it is under 15).
 */
export class RateLimiter {
  private readonly counts: RateLimitRepository;
  private readonly windows = new Map<string, RateWindow>();
  private readonly inFlight = new Map<string, number>();
  private turn: Promise<unknown> = Promise.resolve();
  private sharing: Promise<boolean> | undefined;
  private isSyncDue = false;
  private readonly stopping = new AbortController();

  constructor(
    database: Database,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly standard: RateLimit = DEFAULT_RATE_LIMIT,
  ) {
    this.counts = new RateLimitRepository(database);
  }

  /**
   * Refuses a request whose key or team is known here to have used its limit up, for next to
   * nothing; it is not counted.
   * @param use as far as it is known before the key is looked up
   * @param setHeaders gets the response headers when the request is refused
   * @throws Problem 429
   */
  refuse(
    { keyId, teamId }: Pick<KeyUse, 'keyId' | 'teamId'>,
    setHeaders: (headers: Record<string, string>) => void,
  ): void {
    const [ofKey, ofTeam] = [this.windows.get(keyId), this.windows.get(teamId)];
    if (ofKey === undefined || ofTeam === undefined) return;
    const now = this.clock.now().getTime();
    const uses = this.usesOf(ofKey, ofTeam);
    const full = usedUp(now, uses);
    if (full === undefined) return;
    setHeaders(headersOf(stateOf(now, uses, full), now));
    throw refusalOf(now, full);
  }

  /**
   * Counts a request of a key, and of its team.
   * @param setHeaders gets the response headers, also when the request is refused
   * @param ended is called when the request has been answered
   * @throws Problem 429 over the key's or the team's limit, or with too many requests of the key at
   * once
   */
  async take(
    { keyId, teamId, own }: KeyUse,
    setHeaders: (headers: Record<string, string>) => void,
    ended: (free: () => void) => void,
  ): Promise<void> {
    const limit = own ?? this.standard;
    const running = this.inFlight.get(keyId) ?? 0;
    if (running >= MAX_IN_FLIGHT) {
      const now = this.clock.now().getTime();
      setHeaders(headersOf(this.windowOf(keyId, limit).state(now), now));
      const what = `The key already has ${MAX_IN_FLIGHT} requests in progress.`;
      throw retryLater('rate_limited', what, 1);
    }
    this.inFlight.set(keyId, running + 1);
    ended(() => this.free(keyId));
    // While the other replicas cannot be reached, this one counts alone. Nothing is awaited between
    // this and the count.
    const teamQuota = this.teamQuota(limit);
    while (this.isAhead(keyId, limit.quota) || this.isAhead(teamId, teamQuota))
      if (!(await this.share())) break;
    const now = this.clock.now().getTime();
    const uses = this.usesOf(this.windowOf(keyId, limit), this.windowOf(teamId, this.standard));
    const full = usedUp(now, uses);
    if (full === undefined) for (const { window } of uses) window.count(now);
    setHeaders(headersOf(stateOf(now, uses, full), now));
    if (full !== undefined) throw refusalOf(now, full);
    this.syncSoon();
  }

  /** In the standard window. A key to which the operator gave more than that may use its own. */
  private teamQuota({ quota, windowSeconds }: RateLimit): number {
    const inWindow = (quota / windowSeconds) * this.standard.windowSeconds;
    return Math.ceil(Math.max(TEAM_KEYS * this.standard.quota, inWindow));
  }

  private usesOf(key: RateWindow, team: RateWindow): Uses {
    return [
      { window: key, quota: key.limit.quota, whose: 'key' },
      { window: team, quota: this.teamQuota(key.limit), whose: 'team' },
    ];
  }

  private windowOf(id: string, limit: RateLimit): RateWindow {
    const window = this.windows.get(id) ?? new RateWindow(limit);
    this.windows.set(id, window);
    return window;
  }

  /** Whether the other replicas must know of earlier uses before there is one more. */
  private isAhead(id: string, quota: number): boolean {
    const most = Math.max(1, Math.floor(quota / UNSHARED_PART));
    return (this.windows.get(id)?.unshared ?? 0) >= most;
  }

  /** Shares what is not shared yet, once for all who ask meanwhile. @returns whether it worked */
  private share(): Promise<boolean> {
    this.sharing ??= this.inTurn(() =>
      this.exchange([...this.windows].filter(([, window]) => window.unshared > 0)),
    ).finally(() => {
      this.sharing = undefined;
    });
    return this.sharing;
  }

  /** Writes the counts of this replica to the database and reads those of all replicas. */
  async sync(): Promise<void> {
    await this.inTurn(() =>
      this.exchange([...this.windows].filter(([, window]) => !window.isIdle)),
    );
  }

  /** What is on its way to the database is confirmed before more is sent. */
  private inTurn(exchange: () => Promise<boolean>): Promise<boolean> {
    const next = this.turn.then(() => inBackground(exchange));
    this.turn = next;
    return next;
  }

  private async exchange(windows: readonly (readonly [string, RateWindow])[]): Promise<boolean> {
    const counts = windows.flatMap(([keyId, window]) =>
      window.send().map((slice) => ({ keyId, ...slice, expiresAt: new Date(slice.expiresAt) })),
    );
    try {
      await this.counts.add(counts);
      const now = this.clock.now().getTime();
      const sums = await this.sums(windows, now);
      for (const [keyId, window] of windows) {
        const own = sums.filter((sum) => sum.keyId === keyId);
        window.confirmSent(new Map(own.map(({ slice, count }) => [slice, count])), now);
        if (window.isIdle) this.windows.delete(keyId);
      }
      return true;
    } catch (error) {
      for (const [, window] of windows) window.giveBack();
      this.logger.warn('sharing rate limits failed', { error: String(error) });
      return false;
    }
  }

  /** The counts of all replicas, none of them in the future of this clock. */
  private async sums(
    windows: readonly (readonly [string, RateWindow])[],
    now: number,
  ): Promise<readonly RateCount[]> {
    const keyIds = windows.map(([keyId]) => keyId);
    const sums = await this.counts.sums(keyIds);
    const ahead = windows
      .map(([keyId, window]) => ({ keyId, ...window.ahead(now) }))
      .filter(({ keyId, from }) => sums.some((sum) => sum.keyId === keyId && sum.slice >= from))
      .map((slices) => ({ ...slices, expiresAt: new Date(slices.expiresAt) }));
    if (ahead.length === 0) return sums;
    await this.counts.bringBack(ahead);
    return this.counts.sums(keyIds);
  }

  /** Deletes counts that are past every window. */
  async expire(): Promise<void> {
    await this.counts.deleteExpired(this.clock.now());
  }

  /** Shares no more counts with the database. */
  stop(): void {
    this.stopping.abort();
  }

  private syncSoon(): void {
    if (this.isSyncDue) return;
    this.isSyncDue = true;
    const { signal } = this.stopping;
    const share = () => {
      this.isSyncDue = false;
      return signal.aborted ? undefined : this.sync();
    };
    // A stop ends the wait, which would keep the process from its end.
    void this.clock.sleep(SYNC_MS, signal).then(share, () => undefined);
  }

  private free(keyId: string): void {
    const running = (this.inFlight.get(keyId) ?? 1) - 1;
    if (running === 0) this.inFlight.delete(keyId);
    else this.inFlight.set(keyId, running);
  }
}

/**
 * The headers of IETF draft 10 and the older X-RateLimit-*, whose reset is a Unix time in seconds.
 */
function headersOf(
  { limit, remaining, resetSeconds }: RateState,
  now: number,
): Record<string, string> {
  return {
    'RateLimit-Policy': `"default";q=${limit.quota};w=${limit.windowSeconds}`,
    RateLimit: `"default";r=${remaining};t=${resetSeconds}`,
    'X-RateLimit-Limit': String(limit.quota),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil(now / 1000) + resetSeconds),
  };
}

function usedUp(now: number, uses: Uses): Use | undefined {
  return uses.find(({ window, quota }) => window.isUsedUp(now, quota));
}

/** What the headers tell: the key's limit, and until when which one is used up. */
function stateOf(now: number, uses: Uses, full: Use | undefined): RateState {
  const [{ window }] = uses;
  const { window: told, quota } = full ?? uses[0];
  const remaining = uses.map((use) => use.window.state(now, use.quota).remaining);
  return { ...told.state(now, quota), limit: window.limit, remaining: Math.min(...remaining) };
}

function refusalOf(now: number, { window, quota, whose }: Use): Problem {
  const { limit, resetSeconds } = window.state(now, quota);
  const what = `The ${whose} has used its ${limit.quota} requests per ${limit.windowSeconds} s.`;
  return retryLater('rate_limited', what, resetSeconds);
}

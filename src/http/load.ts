import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Database } from '../database/index.js';
import { type Problem, retryLater } from './problem.js';

/**
 * What one process takes on. Beyond it the reads of teams that ask for more than their share are
 * refused; other requests at twice the counts, as they are worth more and are fewer.
 */
export interface LoadLimits {
  /** Requests under way at once. */
  readonly requests: number;
  /** The same of one team, however many keys it has. */
  readonly teamRequests: number;
  /** Queries that wait for a connection to the database. */
  readonly waitingQueries: number;
  /** Milliseconds for which queries wait and none gets a connection. */
  readonly stalledMs: number;
  /** Milliseconds by which the event loop is late, on average over half a second. */
  readonly loopDelayMs: number;
  /**
   * Requests of one team up to which a late event loop refuses none of its reads: what is late is
   * not for so few, and to refuse them would free nothing.
   */
  readonly harmlessRequests: number;
}

const DEFAULT_LIMITS: LoadLimits = {
  requests: 500,
  teamRequests: 200,
  waitingQueries: 100,
  stalledMs: 1_000,
  loopDelayMs: 500,
  harmlessRequests: 10,
};
const LOOP_SAMPLE_MS = 500;
const LOOP_RESOLUTION_MS = 20;
const RETRY_AFTER_SECONDS = 2;

/** Who asks with a key that this process has not met yet: they share one team's part. */
const STRANGERS = '';

/** What one team asks of this process. */
interface Demand {
  underWay: number;
  /** When that was last counted, and the requests times milliseconds since the last sample. */
  countedAt: number;
  area: number;
  /** How many requests were under way on average between the last two samples. */
  average: number;
}

/** A request that was let in. */
export interface Admission {
  /**
   * Counts it as another team's from now on: its key says so.
   * @throws Problem 429 where that team has its most under way
   */
  readonly settle: (team: string) => void;
  /** It is answered. */
  readonly leave: () => void;
}

/**
 * Refuses requests while this process has more to do than it can: at once and before any query, so
 * that what is under way ends and memory stays bounded. The team that asks for most is refused
 * first: one that asks for less than an equal share is let in at up to twice the counts. Nothing
 * that is under way is cut. It lets requests in again by itself.
 */
export class Load {
  private readonly limits: LoadLimits;
  private readonly loop: IntervalHistogram = monitorEventLoopDelay({
    resolution: LOOP_RESOLUTION_MS,
  });
  private readonly loopSampler: NodeJS.Timeout;
  private readonly teams = new Map<string, Demand>();
  private requests = 0;
  private sampledAt = performance.now();
  private loopDelayMs = 0;
  /** Since when queries were seen to wait while none got a connection. */
  private stalledSince: number | undefined;

  constructor(
    private readonly database: Pick<Database, 'pool' | 'slots'>,
    limits: Partial<LoadLimits> = {},
  ) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    database.pool.on('acquire', () => {
      this.stalledSince = undefined;
    });
    this.loop.enable();
    this.loopSampler = setInterval(() => this.sample(), LOOP_SAMPLE_MS).unref();
  }

  /**
   * Lets a request in.
   * @param team as far as it is known yet
   * @param kind a stream has a bound of its own, and costs little while it is open
   * @throws Problem 503 `service_unavailable` under overload, 429 where the team has its most under
   * way
   */
  admit(team: string | undefined, kind: 'read' | 'write' | 'stream'): Admission {
    let name = team ?? STRANGERS;
    const what = this.excess(name, kind !== 'write');
    if (what !== null) throw overloaded(what);
    const weight = kind === 'stream' ? 0 : 1;
    this.checkTeam(name, weight);
    this.requests += 1;
    this.count(name, weight);
    return {
      settle: (other) => {
        if (other === name) return;
        this.count(name, -weight);
        name = other;
        this.count(name, weight);
        this.checkTeam(name, 0);
      },
      leave: () => {
        this.requests -= 1;
        this.count(name, -weight);
      },
    };
  }

  /** What there is too much of for the reads of the team that asks for most; `null`: nothing. */
  get overload(): string | null {
    return this.excess(undefined, true);
  }

  /** Requests under way. */
  get underWay(): number {
    return this.requests;
  }

  /** Measures no more. */
  stop(): void {
    clearInterval(this.loopSampler);
    this.loop.disable();
  }

  /** @param team `undefined`: the one that asks for most */
  private excess(team: string | undefined, isRead: boolean): string | null {
    const { limits } = this;
    const times = isRead && (team === undefined || this.isGreedy(team)) ? 1 : 2;
    if (this.requests >= times * limits.requests) return 'too many requests are in progress';
    const waiting = this.database.slots.waiting() + this.database.pool.waitingCount;
    if (waiting >= times * limits.waitingQueries)
      return 'too many queries are waiting for the database';
    if (isRead && this.stalledMs(team) >= limits.stalledMs)
      return 'queries wait too long for the database';
    const isLate = this.loopDelayMs >= times * limits.loopDelayMs;
    if (isRead && isLate && this.underWayOf(team) >= limits.harmlessRequests)
      return 'the event loop is too far behind';
    return null;
  }

  /** Whether a team asks for an equal share of it all, or more. */
  private isGreedy(team: string): boolean {
    let all = 0;
    for (const demand of this.teams.values()) all += amountOf(demand);
    const own = this.teams.get(team);
    return own !== undefined && amountOf(own) * this.teams.size >= all;
  }

  /** @param team `undefined`: the one that has most under way */
  private underWayOf(team: string | undefined): number {
    if (team !== undefined) return this.teams.get(team)?.underWay ?? 0;
    return Math.max(0, ...[...this.teams.values()].map(({ underWay }) => underWay));
  }

  private count(team: string, added: number): void {
    const now = performance.now();
    const demand = this.teams.get(team) ?? { underWay: 0, countedAt: now, area: 0, average: 0 };
    advance(demand, now);
    demand.underWay += added;
    this.teams.set(team, demand);
  }

  /** @param added requests that are not counted yet */
  private checkTeam(team: string, added: number): void {
    const underWay = this.underWayOf(team) + added;
    const most = this.limits.teamRequests;
    if (team === STRANGERS || underWay <= most) return;
    const what = `The team already has ${most} requests in progress on this replica.`;
    throw retryLater('rate_limited', what, 1);
  }

  /** The team's own queries if the team is known: other teams' queries may be fast meanwhile. */
  private stalledMs(team: string | undefined): number {
    const { pool, slots } = this.database;
    if (pool.waitingCount === 0) this.stalledSince = undefined;
    else this.stalledSince ??= performance.now();
    const ofAll = this.stalledSince === undefined ? 0 : performance.now() - this.stalledSince;
    return Math.max(ofAll, team === undefined ? 0 : slots.stalledMs(team));
  }

  private sample(): void {
    // The mean of no sample is no number.
    this.loopDelayMs = this.loop.mean / 1e6 || 0;
    this.loop.reset();
    const now = performance.now();
    for (const [team, demand] of this.teams) {
      advance(demand, now);
      demand.average = demand.area / (now - this.sampledAt);
      demand.area = 0;
      if (amountOf(demand) === 0) this.teams.delete(team);
    }
    this.sampledAt = now;
  }
}

/** What a request costs shows in how long it takes: one that takes longer is counted for longer. */
function advance(demand: Demand, now: number): void {
  demand.area += demand.underWay * (now - demand.countedAt);
  demand.countedAt = now;
}

function amountOf({ underWay, average }: Demand): number {
  return underWay + average;
}

function overloaded(what: string): Problem {
  const detail = `This replica is overloaded: ${what}.`;
  return retryLater('service_unavailable', detail, RETRY_AFTER_SECONDS);
}

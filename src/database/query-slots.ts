import { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import { NO_TURN } from './failure.js';

/** Serves a request's queries from another server. */
export interface ReadsElsewhere {
  /** @returns `undefined` where `pool` is to serve the query itself */
  lend(pool: unknown): Promise<pg.PoolClient | undefined>;
}

/** Who a request's queries are made for. */
export interface RequestUse {
  /** Set again when the request turns out to belong to another team. */
  team: string;
  key: string;
  /** The longest that one statement may take. */
  readonly statementMs: number;
  /** It has had a connection. */
  isBegun: boolean;
  /** Where they are read, if not on the primary. */
  reads: ReadsElsewhere | undefined;
  /** The request is answered: what goes on of it is background work. */
  isOver: boolean;
}

/** The request that runs; in background work there is none. */
export const requestUse = new AsyncLocalStorage<RequestUse>();

/** Runs what a request sets off and does not wait for. */
export function inBackground<Result>(work: () => Result): Result {
  return requestUse.exit(work);
}

/** A team that was here so lately counts as one that others leave room for. */
const ACTIVE_MS = 1_000;
/** Of the time that a query took; timers of a busy process are late, so that it becomes more. */
const PAUSE_SHARE = 0.5;
/** The longest that a team leaves a connection to others that it has given back. */
const MAX_PAUSE_MS = 1_000;
/** What one key may use of its team's share. */
const KEY_SHARE = 0.8;

interface Waiter {
  readonly key: string;
  readonly isBegun: boolean;
  readonly grant: () => void;
}

interface Team {
  readonly waiting: Waiter[];
  readonly heldByKey: Map<string, number>;
  /** Those that it leaves to others for a moment are counted, too. */
  held: number;
  seenAt: number;
  /** Since when it waits and gets nothing. */
  stalledSince: number | undefined;
}

/**
 * Divides the database's connections among the teams whose requests ask for them: a team has at
 * most its share, which is half of them for one alone and an equal part among several, and a key
 * most of its team's. Beyond it a team's queries wait for that team's own, those of requests that
 * are begun ahead of others; teams that wait take turns. A team whose queries wait never leaves a
 * connection idle, while one that asks one thing after another does between two of them: beside
 * such a team, the former pauses after each query for half as long as that took. Background work is
 * not counted: it has the connections that requests leave.
 */
export class QuerySlots {
  private readonly teams = new Map<string, Team>();
  private used = 0;

  /**
   * @param total connections that requests may use at once
   * @param waitMs the longest that a query waits for one
   */
  constructor(
    readonly total: number,
    private readonly waitMs: number,
  ) {}

  /** How many queries wait, of a team or of all. */
  waiting(team?: string): number {
    if (team !== undefined) return this.teams.get(team)?.waiting.length ?? 0;
    let sum = 0;
    for (const { waiting } of this.teams.values()) sum += waiting.length;
    return sum;
  }

  /** For how many milliseconds a team's queries have waited and none was let through. */
  stalledMs(team: string): number {
    const since = this.teams.get(team)?.stalledSince;
    return since === undefined ? 0 : performance.now() - since;
  }

  /**
   * Waits for a connection's turn.
   * @returns what gives it back
   * @throws Error after `waitMs`, as of a pool that is used up; see `isWithoutTurn`
   */
  take(use: Pick<RequestUse, 'team' | 'key' | 'isBegun'>): Promise<() => void> {
    const team = this.enter(use.team);
    const { key, isBegun } = use;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let isGranted = false;
      const waiter: Waiter = {
        key,
        isBegun,
        grant: () => {
          clearTimeout(timer);
          isGranted = true;
          use.isBegun = true;
          this.used += 1;
          hold(team, key, 1);
          const since = performance.now();
          let isHeld = true;
          resolve(() => {
            if (!isHeld) return;
            isHeld = false;
            this.used -= 1;
            const pauseMs = this.yields(team) ? PAUSE_SHARE * (performance.now() - since) : 0;
            if (pauseMs === 0) hold(team, key, -1);
            else this.leave(team, key, Math.min(pauseMs, MAX_PAUSE_MS));
            this.letThrough();
          });
        },
      };
      const ahead = isBegun ? team.waiting.findIndex((other) => !other.isBegun) : -1;
      team.waiting.splice(ahead < 0 ? team.waiting.length : ahead, 0, waiter);
      team.stalledSince ??= performance.now();
      this.letThrough();
      if (isGranted) return;
      timer = setTimeout(() => {
        team.waiting.splice(team.waiting.indexOf(waiter), 1);
        this.note(team);
        reject(noTurn());
      }, this.waitMs);
    });
  }

  private letThrough(): void {
    const share = this.share();
    while (this.used < this.total && this.letOneThrough(share));
  }

  /** The first team in turn that waits and may have more. */
  private letOneThrough(share: number): boolean {
    const keyShare = Math.max(1, Math.ceil(KEY_SHARE * share));
    for (const [name, team] of this.teams) {
      if (team.held >= share) continue;
      const index = team.waiting.findIndex(({ key }) => (team.heldByKey.get(key) ?? 0) < keyShare);
      const [waiter] = index < 0 ? [] : team.waiting.splice(index, 1);
      if (waiter === undefined) continue;
      waiter.grant();
      team.stalledSince = undefined;
      this.note(team);
      this.teams.delete(name);
      this.teams.set(name, team);
      return true;
    }
    return false;
  }

  private share(): number {
    const before = performance.now() - ACTIVE_MS;
    for (const [name, { held, waiting, seenAt }] of this.teams)
      if (held + waiting.length === 0 && seenAt < before) this.teams.delete(name);
    return Math.max(1, Math.floor(this.total / Math.max(2, this.teams.size)));
  }

  private enter(name: string): Team {
    const team = this.teams.get(name) ?? {
      waiting: [],
      heldByKey: new Map<string, number>(),
      held: 0,
      seenAt: 0,
      stalledSince: undefined,
    };
    team.seenAt = performance.now();
    this.teams.set(name, team);
    return team;
  }

  /** Whether it asks for more than it may have while another team is content with what it has. */
  private yields(team: Team): boolean {
    if (team.waiting.length === 0) return false;
    for (const other of this.teams.values())
      if (other !== team && other.held > 0 && other.waiting.length === 0) return true;
    return false;
  }

  /** Others may have the connection now, the team itself only in a while. */
  private leave(team: Team, key: string, ms: number): void {
    setTimeout(() => {
      hold(team, key, -1);
      this.letThrough();
    }, ms).unref();
  }

  private note(team: Team): void {
    team.stalledSince = team.waiting.length === 0 ? undefined : performance.now();
  }
}

function hold(team: Team, key: string, change: 1 | -1): void {
  team.held += change;
  const ofKey = (team.heldByKey.get(key) ?? 0) + change;
  if (ofKey === 0) team.heldByKey.delete(key);
  else team.heldByKey.set(key, ofKey);
}

/** To those who do not look at its code it is what `pg` says of a pool that is used up. */
function noTurn(): Error {
  return Object.assign(new Error('timeout exceeded when trying to connect'), { code: NO_TURN });
}

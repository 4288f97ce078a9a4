import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { isUnreachable } from './failure.js';
import type { ReadsElsewhere } from './query-slots.js';
import type { Reachability } from './reachability.js';
import { firstSession, type SharedPool } from './shared-pool.js';

/** The longest that a read waits for a replica to replay what its caller has written. */
const MAX_WAIT_MS = 200;
const LOOK_AGAIN_MS = 10;
const WATCH_MS = 1_000;

/** A place in the write-ahead log of one cluster. */
export interface Position {
  /** PostgreSQL's identifier of the cluster: a copy that was restored elsewhere has another. */
  readonly system: string;
  readonly timeline: number;
  readonly lsn: bigint;
}

interface PositionRow {
  readonly system: string;
  readonly timeline: number;
  /** `null` where nothing is replayed: it is no standby. */
  readonly lsn: string | null;
}

const SYSTEM = '(SELECT system_identifier::text FROM pg_control_system()) AS system';
const WRITTEN = (lsn: string) => `SELECT ${SYSTEM}, ${lsn}::text AS lsn,
  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int AS timeline`;
/** What is inserted may not be flushed yet: a replica has it a moment later. */
const LAST_WRITE = WRITTEN('pg_current_wal_insert_lsn()');
const FLUSHED = WRITTEN('pg_current_wal_flush_lsn()');
/** The timeline is known from the last restart point: an older one has the caller go to the primary. */
const REPLAYED = `SELECT ${SYSTEM}, pg_last_wal_replay_lsn()::text AS lsn,
  (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline`;
const VERSION = `SELECT coalesce(sum(version), 0)::text AS version,
  pg_last_wal_replay_lsn()::text AS lsn FROM team_versions WHERE team_id = $1`;

/** One server that replays what the primary writes. */
class ReadReplica {
  /** Seconds by which it is behind; infinite while it cannot be asked. */
  lagSeconds = Number.POSITIVE_INFINITY;
  private readonly seen = new WeakMap<pg.PoolClient, Position>();

  constructor(
    readonly name: string,
    readonly pool: SharedPool,
  ) {}

  async look(session: pg.PoolClient): Promise<Position | undefined> {
    const { rows } = await session.query<PositionRow>(REPLAYED);
    const position = toPosition(rows[0]);
    if (position) this.seen.set(session, position);
    return position;
  }

  /** Waits a moment for it, on this very session: the others may lead to another server. */
  async hasReplayed(session: pg.PoolClient, what: Position): Promise<boolean> {
    const end = performance.now() + MAX_WAIT_MS;
    let at = this.seen.get(session);
    while (at === undefined || !covers(at, what)) {
      at = await this.look(session);
      if (at === undefined || at.system !== what.system || performance.now() > end) break;
      if (!covers(at, what)) await sleep(LOOK_AGAIN_MS);
    }
    return at !== undefined && covers(at, what);
  }

  fail(): void {
    this.lagSeconds = Number.POSITIVE_INFINITY;
  }
}

/** The reads of one request, from a replica as far as it has what they need. */
export class ReplicaReads implements ReadsElsewhere {
  private isOff = false;

  constructor(
    private readonly replica: ReadReplica,
    private position: Position | undefined,
  ) {}

  get server(): string {
    return this.isOff ? PRIMARY : this.replica.name;
  }

  /**
   * The team's version there; further queries see no less than what it counts.
   * @returns `undefined`: the primary serves the request
   */
  async versionOf(teamId: string): Promise<string | undefined> {
    const session = await this.take();
    if (session === undefined) return undefined;
    let failure: Error | undefined;
    try {
      const { rows } = await session.query<{ version: string; lsn: string | null }>(VERSION, [
        teamId,
      ]);
      const [row] = rows;
      const at = await this.replica.look(session);
      if (row?.lsn == null || at === undefined) return this.giveUp();
      this.position = { ...at, lsn: max(numberOf(row.lsn), this.position?.lsn ?? 0n) };
      return `${this.replica.name} ${row.version}`;
    } catch (error) {
      failure = error as Error;
      return this.giveUp(error);
    } finally {
      session.release(failure);
    }
  }

  async lend(pool: unknown): Promise<pg.PoolClient | undefined> {
    return pool === this.replica.pool ? undefined : this.take();
  }

  /** From now on the primary is asked. @param error of the replica, where that is why */
  giveUp(error?: unknown): undefined {
    this.isOff = true;
    if (isUnreachable(error)) this.replica.fail();
    return undefined;
  }

  private async take(): Promise<pg.PoolClient | undefined> {
    if (this.isOff) return undefined;
    let session: pg.PoolClient | undefined;
    try {
      session = await firstSession.exit(() => this.replica.pool.connect());
      const { position } = this;
      if (!position || (await this.replica.hasReplayed(session, position))) return session;
      session.release();
      return this.giveUp();
    } catch (error) {
      session?.release(error as Error);
      return this.giveUp(error);
    }
  }
}

/** How the primary is called in metrics. */
export const PRIMARY = 'primary';

/**
 * The servers that reads may come from. How far one is behind is measured by what the primary had
 * written when: a clock of theirs is not asked, and an idle primary leaves nobody behind.
 */
export class ReadReplicas {
  private readonly replicas: readonly ReadReplica[];
  private readonly samples: { readonly at: number; readonly lsn: bigint }[] = [];
  private system: string | undefined;
  private readonly timer: NodeJS.Timeout | undefined;
  private watching: Promise<void> | undefined;

  constructor(
    pools: readonly SharedPool[],
    private readonly primary: Reachability,
    private readonly maxLagSeconds: number,
  ) {
    this.replicas = pools.map((pool, index) => new ReadReplica(`replica_${index}`, pool));
    if (pools.length === 0) return;
    void this.watch();
    this.timer = setInterval(() => void this.watch(), WATCH_MS).unref();
  }

  get isEmpty(): boolean {
    return this.replicas.length === 0;
  }

  /** Seconds by which each is behind, by name. */
  get lags(): ReadonlyMap<string, number> {
    return new Map(this.replicas.map(({ name, lagSeconds }) => [name, lagSeconds]));
  }

  /**
   * The same replica for a team as long as those that can serve stay the same.
   * @param position that it must have replayed
   * @returns `undefined`: the primary serves the team
   */
  readsFor(teamId: string, position: Position | undefined): ReplicaReads | undefined {
    if (position !== undefined && position.system !== this.system) return undefined;
    const able = this.replicas.filter(({ lagSeconds }) => lagSeconds <= this.maxLagSeconds);
    const replica = able[sumOf(teamId) % Math.max(1, able.length)];
    return replica && new ReplicaReads(replica, position);
  }

  /** Where the primary's log ends: behind all that is committed. */
  async position(): Promise<Position | undefined> {
    return toPosition((await this.primary.query<PositionRow>(LAST_WRITE, []))[0]);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.watching;
    await Promise.all(this.replicas.map(({ pool }) => pool.end()));
  }

  private watch(): Promise<void> {
    this.watching ??= this.lookAtAll().finally(() => {
      this.watching = undefined;
    });
    return this.watching;
  }

  private async lookAtAll(): Promise<void> {
    const asked = performance.now();
    const rows = await this.primary.query<PositionRow>(FLUSHED, []).catch(() => []);
    const written = toPosition(rows[0]);
    if (written !== undefined) {
      this.system = written.system;
      this.samples.push({ at: asked, lsn: written.lsn });
    }
    await Promise.all(this.replicas.map((replica) => this.lookAt(replica)));
    const before = performance.now() - 2_000 * this.maxLagSeconds - 10 * WATCH_MS;
    while ((this.samples[0]?.at ?? before) < before) this.samples.shift();
  }

  private async lookAt(replica: ReadReplica): Promise<void> {
    let session: pg.PoolClient | undefined;
    try {
      session = await firstSession.exit(() => replica.pool.connect());
      const at = await replica.look(session);
      session.release();
      replica.lagSeconds =
        at !== undefined && at.system === this.system
          ? this.lagOf(at.lsn)
          : Number.POSITIVE_INFINITY;
    } catch (error) {
      session?.release(error as Error);
      replica.fail();
    }
  }

  /** Since when it lacks something; without a sample that it has, nobody knows. */
  private lagOf(lsn: bigint): number {
    const has = this.samples.findLastIndex((sample) => sample.lsn <= lsn);
    if (has < 0) return Number.POSITIVE_INFINITY;
    const { at } = this.samples[has] as { readonly at: number };
    return (performance.now() - at) / 1_000;
  }
}

function covers(at: Position, what: Position): boolean {
  return at.system === what.system && at.timeline >= what.timeline && at.lsn >= what.lsn;
}

function toPosition(row: PositionRow | undefined): Position | undefined {
  if (row === undefined || row.lsn === null) return undefined;
  return { system: row.system, timeline: row.timeline, lsn: numberOf(row.lsn) };
}

/** PostgreSQL writes it as two hexadecimal numbers of 32 bits: `16/B374D848`. */
function numberOf(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function sumOf(text: string): number {
  let sum = 0;
  for (const letter of text) sum += letter.charCodeAt(0);
  return sum;
}

import { stackOf } from '../lib/source-positions.js';
import { WorkEnd } from './work-end.js';
import type { AnyWorkKind, WorkParts } from './work-kind.js';
import { type Lane, WorkLanes } from './work-lanes.js';
import type { DueLane, WorkDepth } from './work-queue.js';

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 300_000;
/** Items whose failures in a row are remembered. */
const MAX_FAILURES = 10_000;

type Item = { readonly id: string };

/** One kind of work in this process; see `WorkEngine` for the rules. */
export class WorkLoop {
  private readonly lanes: WorkLanes;
  /** How often items failed in a row. */
  private readonly failures = new Map<string, number>();
  private readonly taking = new Set<Promise<number>>();
  private readonly stopping = new AbortController();
  private polling: Promise<void> = Promise.resolve();
  private wakeUp = new AbortController();
  private nextWake: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
  /** Whether due lanes may wait for a place. */
  private isShort = false;

  constructor(
    private readonly kind: AnyWorkKind,
    private readonly parts: WorkParts,
  ) {
    this.lanes = new WorkLanes(kind);
  }

  start(): void {
    this.polling = this.poll();
  }

  wake(): void {
    this.wakeUp.abort();
  }

  abortLane(name: string): void {
    const lane = this.lanes.get(name);
    if (lane === undefined) return;
    for (const { end } of lane.running.values()) end.come();
    void this.giveBack(lane.waiting.splice(0));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    clearTimeout(this.nextWake?.timer);
    await this.polling;
    await Promise.all(this.taking);
    const lanes = this.lanes.all();
    const waiting = lanes.flatMap((lane) => lane.waiting.splice(0));
    const running = lanes.flatMap((lane) => [...lane.running.values()]);
    if (!this.kind.finishesOnStop) for (const { end } of running) end.come();
    await Promise.all([this.giveBack(waiting), ...running.map(({ work }) => work)]);
  }

  depth(now: Date): Promise<WorkDepth> {
    return this.kind.queue.depth(now);
  }

  private async poll(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      // `stop` wakes it, too: nothing is waited for between this and the look at `stopping`.
      this.wakeUp = new AbortController();
      const { signal } = this.wakeUp;
      try {
        await this.keepLeases();
        await this.takeDue();
      } catch (error) {
        this.report(error);
      }
      await this.parts.clock.sleep(this.kind.pollMs, signal).catch(() => undefined);
    }
  }

  /**
   * Aborts what is no longer leased to us: another process has it, or the row is gone. What is taken
   * while this is asked is not among it.
   */
  private async keepLeases(): Promise<void> {
    const running = this.lanes.all().flatMap((lane) => [...lane.running]);
    const waiting = this.lanes.all().map((lane) => ({ lane, items: [...lane.waiting] }));
    const ids = this.lanes.itemIds();
    if (ids.length === 0) return;
    const { clock, holder } = this.parts;
    const held = await this.kind.queue.extend(ids, holder, clock.now());
    for (const [id, { end }] of running) if (!held.has(id)) end.come();
    for (const { lane, items } of waiting) lane.forget(items.filter(({ id }) => !held.has(id)));
  }

  /** Fills lanes with what is due, until nothing more is or all places are taken. */
  private async takeDue(): Promise<void> {
    for (const lane of this.lanes.all()) this.beginWaiting(lane);
    let [isMore, taken] = [true, 1];
    while (isMore && taken > 0 && !this.stopping.signal.aborted) {
      const places = this.lanes.places();
      const fullShares = this.lanes.fullShares();
      this.isShort = places <= 0 || fullShares.length > 0;
      if (places <= 0) return;
      const due = await this.kind.queue.dueLanes({
        now: this.parts.clock.now(),
        holder: this.parts.holder,
        working: this.lanes.itemIds(),
        fullLanes: this.lanes.fullLanes(),
        fullShares,
        limit: places,
      });
      const counts = await Promise.all(due.map((lane) => this.fill(lane)));
      taken = counts.reduce((sum, count) => sum + count, 0);
      // Some were left out by the limit, or because another lane took the last place of a share.
      isMore = due.length === places || counts.includes(0);
    }
  }

  /** @returns how many items were taken */
  private async fill({ lane: name, shares }: DueLane): Promise<number> {
    const lane = this.lanes.open(name, shares);
    if (this.lanes.freeIn(lane) > 0) return this.takeFor(lane);
    this.lanes.closeIfIdle(lane);
    return 0;
  }

  /** Takes a lane's next items, beforehand where it has no free place for them. */
  private async takeFor(lane: Lane): Promise<number> {
    const free = this.lanes.freeIn(lane);
    const limit = Math.max(free, this.kind.takenAtOnce ?? 0);
    if (lane.isTaking || limit === 0 || this.stopping.signal.aborted) {
      this.lanes.closeIfIdle(lane);
      return 0;
    }
    lane.isTaking = true;
    lane.keep(free);
    // One lane's failure is not the others'.
    const taking = this.take(lane, limit)
      .catch((error: unknown) => {
        this.report(error);
        return 0;
      })
      .finally(() => {
        lane.keep(0);
        lane.isTaking = false;
        this.taking.delete(taking);
        this.beginWaiting(lane);
      });
    this.taking.add(taking);
    return taking;
  }

  private async take(lane: Lane, limit: number): Promise<number> {
    const { clock, holder } = this.parts;
    const working = lane.itemIds();
    const request = { lane: lane.name, limit, holder, now: clock.now(), working };
    const items = await this.kind.queue.take(request);
    lane.mayHaveMore = items.length === limit;
    if (this.stopping.signal.aborted) await this.giveBack(items);
    else lane.waiting.push(...items);
    return items.length;
  }

  private beginWaiting(lane: Lane): void {
    this.beginItems(lane);
    this.lanes.closeIfIdle(lane);
  }

  /** Begins as many of the lane's items as there are places for. */
  private beginItems(lane: Lane): void {
    while (lane.waiting.length > 0 && this.lanes.freeIn(lane) > 0) {
      const item = lane.waiting.shift();
      if (item !== undefined) this.begin(lane, item);
    }
  }

  private begin(lane: Lane, item: Item): void {
    const end = new WorkEnd();
    lane.begin(item.id, { work: this.run(lane, item, end), end });
  }

  /** A place is free: for the lane itself, unless others may wait for one. */
  private refill(lane: Lane): void {
    this.beginItems(lane);
    const left = lane.places + lane.waiting.length;
    const atOnce = this.kind.takenAtOnce ?? this.kind.maxPerLane(lane);
    if (lane.waiting.length === 0 && this.isShort) this.wake();
    // Half of what is taken at once is left, so that one statement takes many.
    else if (lane.mayHaveMore && left <= atOnce / 2) void this.takeFor(lane);
    this.lanes.closeIfIdle(lane);
  }

  private async run(lane: Lane, item: Item, end: WorkEnd): Promise<void> {
    const startedAt = performance.now();
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      end.come();
    }, this.kind.deadlineMs).unref();
    let left: { readonly dueAt: Date | null } | undefined;
    let failed = false;
    try {
      const result = await this.kind.run(item, lane.name, end);
      if (result.state === 'done' && result.written !== undefined) {
        lane.freePlaceOf(item.id);
        this.refill(lane);
        await result.written;
      }
      this.failures.delete(item.id);
      if (result.state === 'left') left = result;
      else if (result.dueAt !== undefined) this.wakeAt(result.dueAt);
    } catch (error) {
      failed = isLate || !end.hasCome;
      left = { dueAt: failed ? this.delayed(item.id) : null };
      if (failed) this.report(error);
    } finally {
      clearTimeout(deadline);
    }
    if (left !== undefined) await this.giveBack([item], left.dueAt);
    lane.end(item.id);
    this.parts.observe(this.kind.name, performance.now() - startedAt, failed);
    this.refill(lane);
  }

  /** What cannot be given back now is taken again: nobody is at work on it. */
  private async giveBack(items: readonly Item[], dueAt: Date | null = null): Promise<void> {
    if (items.length === 0) return;
    const ids = items.map(({ id }) => id);
    await this.kind.queue
      .release(ids, this.parts.holder, dueAt)
      .catch((error: unknown) => this.report(error));
    if (dueAt !== null) this.wakeAt(dueAt);
  }

  private delayed(id: string): Date {
    const times = (this.failures.get(id) ?? 0) + 1;
    this.failures.delete(id);
    this.failures.set(id, times);
    const [oldest] = this.failures.keys();
    if (this.failures.size > MAX_FAILURES && oldest !== undefined) this.failures.delete(oldest);
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(times - 1, 20), MAX_DELAY_MS);
    return new Date(this.parts.clock.now().getTime() + delayMs);
  }

  /** Looks again when an item is due before the next poll: one timer, for the earliest. */
  private wakeAt(dueAt: Date): void {
    const at = dueAt.getTime();
    const waitMs = Math.max(0, at - this.parts.clock.now().getTime());
    const isKnown = this.nextWake !== undefined && this.nextWake.at <= at;
    if (isKnown || waitMs >= this.kind.pollMs || this.stopping.signal.aborted) return;
    clearTimeout(this.nextWake?.timer);
    const timer = setTimeout(() => {
      this.nextWake = undefined;
      this.wake();
    }, waitMs).unref();
    this.nextWake = { at, timer };
  }

  private report(error: unknown): void {
    if (this.stopping.signal.aborted) return;
    this.parts.logger.error('background work failed', {
      operation: this.kind.name,
      error: stackOf(error),
    });
  }
}

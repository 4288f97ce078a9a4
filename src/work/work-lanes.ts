import type { WorkEnd } from './work-end.js';
import type { AnyWorkKind } from './work-kind.js';

type Item = { readonly id: string };

interface Running {
  readonly work: Promise<void>;
  readonly end: WorkEnd;
}

/** What this process has taken of one lane. */
export class Lane {
  /** Leased, and not begun. */
  readonly waiting: Item[] = [];
  /** Whether items are being taken. */
  isTaking = false;
  /** Whether the last look took all that it asked for, so that there may be more. */
  mayHaveMore = false;
  /** Those that are taken: by what runs, and kept for what is being taken. */
  places = 0;
  private readonly items = new Map<string, Running>();
  /** Those of them whose result is only being written: they take no place. */
  private readonly ending = new Set<string>();
  private kept = 0;

  /** @param count hears of each change of its places */
  constructor(
    readonly name: string,
    readonly shares: readonly string[],
    private readonly count: (change: number) => void,
  ) {}

  get isIdle(): boolean {
    return this.items.size === 0 && this.waiting.length === 0 && !this.isTaking;
  }

  get running(): ReadonlyMap<string, Running> {
    return this.items;
  }

  itemIds(): string[] {
    return [...this.items.keys(), ...this.waiting.map(({ id }) => id)];
  }

  /** Keeps so many places for what is being taken, in place of those that it kept. */
  keep(places: number): void {
    this.change(places - this.kept);
    this.kept = places;
  }

  begin(id: string, running: Running): void {
    this.items.set(id, running);
    this.change(1);
  }

  /** The item's result is only being written. */
  freePlaceOf(id: string): void {
    this.ending.add(id);
    this.change(-1);
  }

  end(id: string): void {
    this.items.delete(id);
    if (!this.ending.delete(id)) this.change(-1);
  }

  /** Forgets those of the waiting items. */
  forget(items: readonly Item[]): void {
    const kept = this.waiting.filter((item) => !items.includes(item));
    this.waiting.splice(0, this.waiting.length, ...kept);
  }

  private change(by: number): void {
    this.places += by;
    this.count(by);
  }
}

/**
 * The lanes of one kind of work that this process is at, and how many places they leave: counted as
 * they change, since each item asks.
 */
export class WorkLanes {
  private readonly lanes = new Map<string, Lane>();
  private readonly usedShares = new Map<string, number>();
  private used = 0;

  constructor(private readonly kind: AnyWorkKind) {}

  get(name: string): Lane | undefined {
    return this.lanes.get(name);
  }

  all(): readonly Lane[] {
    return [...this.lanes.values()];
  }

  open(name: string, shares: readonly string[]): Lane {
    const known = this.lanes.get(name);
    if (known !== undefined) return known;
    const lane = new Lane(name, shares, (change) => this.count(shares, change));
    this.lanes.set(name, lane);
    return lane;
  }

  closeIfIdle(lane: Lane): void {
    if (lane.isIdle && this.lanes.get(lane.name) === lane) this.lanes.delete(lane.name);
  }

  itemIds(): string[] {
    return this.all().flatMap((lane) => lane.itemIds());
  }

  /** Places that all lanes together leave. */
  places(): number {
    return this.kind.maxInAll - this.used;
  }

  /** Items that may be begun in a lane now. */
  freeIn(lane: Lane): number {
    let free = Math.min(this.kind.maxPerLane(lane) - lane.places, this.places());
    for (const share of lane.shares)
      free = Math.min(free, this.kind.maxPerShare(share) - (this.usedShares.get(share) ?? 0));
    return Math.max(0, free);
  }

  fullLanes(): string[] {
    return this.all()
      .filter((lane) => lane.places >= this.kind.maxPerLane(lane))
      .map(({ name }) => name);
  }

  fullShares(): string[] {
    return [...this.usedShares]
      .filter(([share, used]) => used >= this.kind.maxPerShare(share))
      .map(([share]) => share);
  }

  private count(shares: readonly string[], change: number): void {
    this.used += change;
    for (const share of shares) {
      const used = (this.usedShares.get(share) ?? 0) + change;
      if (used === 0) this.usedShares.delete(share);
      else this.usedShares.set(share, used);
    }
  }
}

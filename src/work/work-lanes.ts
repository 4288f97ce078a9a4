import type { AnyWorkKind } from './work-kind.js';

type Item = { readonly id: string };

/** What this process has taken of one lane. */
export class Lane {
  readonly running = new Map<string, { readonly work: Promise<void>; readonly end: () => void }>();
  /** Those of them whose result is only being written: they take no place. */
  readonly ending = new Set<string>();
  /** Leased, and not begun. */
  readonly waiting: Item[] = [];
  /** Whether items are being taken, and how many places are kept for them. */
  isTaking = false;
  asked = 0;
  /** Whether the last look took all that it asked for, so that there may be more. */
  mayHaveMore = false;

  constructor(
    readonly name: string,
    readonly shares: readonly string[],
  ) {}

  get places(): number {
    return this.running.size - this.ending.size + this.asked;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting.length === 0 && !this.isTaking;
  }

  itemIds(): string[] {
    return [...this.running.keys(), ...this.waiting.map(({ id }) => id)];
  }

  /** Forgets those of the waiting items. */
  forget(items: readonly Item[]): void {
    const kept = this.waiting.filter((item) => !items.includes(item));
    this.waiting.splice(0, this.waiting.length, ...kept);
  }
}

/** The lanes of one kind of work that this process is at, and how many places they leave. */
export class WorkLanes {
  private readonly lanes = new Map<string, Lane>();

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
    const lane = new Lane(name, shares);
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
    return this.kind.maxInAll - this.all().reduce((sum, { places }) => sum + places, 0);
  }

  /** Items that may be begun in a lane now. */
  freeIn(lane: Lane): number {
    const used = this.usedShares();
    const ofShares = lane.shares.map(
      (share) => this.kind.maxPerShare(share) - (used.get(share) ?? 0),
    );
    const ofLane = this.kind.maxPerLane(lane) - lane.places;
    return Math.max(0, Math.min(ofLane, this.places(), ...ofShares));
  }

  fullLanes(): string[] {
    return this.all()
      .filter((lane) => lane.places >= this.kind.maxPerLane(lane))
      .map(({ name }) => name);
  }

  fullShares(): string[] {
    return [...this.usedShares()]
      .filter(([share, used]) => used >= this.kind.maxPerShare(share))
      .map(([share]) => share);
  }

  private usedShares(): ReadonlyMap<string, number> {
    const used = new Map<string, number>();
    for (const { shares, places } of this.lanes.values())
      for (const share of shares) used.set(share, (used.get(share) ?? 0) + places);
    return used;
  }
}

/** A lane with work that is due. */
export interface DueLane {
  readonly lane: string;
  /** What the lane's work counts towards besides itself, such as `team team_…`. */
  readonly shares: readonly string[];
}

/** Which lanes with due work are looked for. */
export interface DueLanesQuestion {
  readonly now: Date;
  /** The process that asks. */
  readonly holder: string;
  /** The ids of the items that it has taken. */
  readonly working: readonly string[];
  /** Lanes to leave out, as they have all that they may. */
  readonly fullLanes: readonly string[];
  /** Lanes with one of these shares are left out. */
  readonly fullShares: readonly string[];
  readonly limit: number;
}

export interface TakeRequest extends Pick<DueLanesQuestion, 'now' | 'holder' | 'working'> {
  readonly lane: string;
  readonly limit: number;
}

/** How much of one kind of work there is, for all replicas. */
export interface WorkDepth {
  /** Due and not leased. */
  readonly due: number;
  readonly leased: number;
  /** `null`: nothing is due. */
  readonly oldestDueAt: Date | null;
}

/** The rows of one kind of work, as far as the engine needs to know them. */
export interface WorkQueue<Item extends { readonly id: string }> {
  /** Lanes with work that is due and free, the longest waiting first. */
  dueLanes(question: DueLanesQuestion): Promise<readonly DueLane[]>;
  /** Leases due items of a lane, the longest waiting first. */
  take(request: TakeRequest): Promise<readonly Item[]>;
  /** Makes leases last from now on again. @returns the ids that `holder` still has */
  extend(ids: readonly string[], holder: string, now: Date): Promise<ReadonlySet<string>>;
  /**
   * Gives items back that `holder` still has.
   * @param dueAt when they are due again; `null`: as they were
   */
  release(ids: readonly string[], holder: string, dueAt: Date | null): Promise<void>;
  depth(now: Date): Promise<WorkDepth>;
}

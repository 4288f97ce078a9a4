/**
 * How patient we are with a provider. Times in milliseconds. Tests shrink them; production takes
 * the defaults.
 */
export interface PolicySettings {
  /** Everything a call may take: waiting for its turn, attempts and the pauses between them. */
  readonly readDeadlineMs: number;
  readonly writeDeadlineMs: number;

  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  /** Between two pieces of the body. */
  readonly bodyTimeoutMs: number;
  /** Sockets to one origin. */
  readonly connections: number;

  /** Calls of one connection that may wait for their turn; beyond it they are refused at once. */
  readonly queueLength: number;

  readonly readAttempts: number;
  readonly retryBaseMs: number;
  readonly retryMaxMs: number;
  /** Retries allowed per minute: `retryFloor`, and `retryShare` of the minute's calls. */
  readonly retryFloor: number;
  readonly retryShare: number;

  /** The breaker opens after this many failures in a row, ... */
  readonly breakerConsecutive: number;
  /** ... or when this share of at least `breakerMinimumCalls` within `breakerWindowMs` failed. */
  readonly breakerShare: number;
  readonly breakerMinimumCalls: number;
  readonly breakerWindowMs: number;
  /** Stays open this long; doubles with each trial that fails, up to `breakerOpenMaxMs`. */
  readonly breakerOpenMs: number;
  readonly breakerOpenMaxMs: number;
}

export const DEFAULT_POLICIES: PolicySettings = {
  readDeadlineMs: 30_000,
  writeDeadlineMs: 15_000,
  connectTimeoutMs: 2_000,
  headersTimeoutMs: 8_000,
  bodyTimeoutMs: 5_000,
  connections: 16,
  queueLength: 1_000,
  readAttempts: 3,
  retryBaseMs: 200,
  retryMaxMs: 10_000,
  retryFloor: 10,
  retryShare: 0.1,
  breakerConsecutive: 5,
  breakerShare: 0.5,
  breakerMinimumCalls: 20,
  breakerWindowMs: 30_000,
  breakerOpenMs: 10_000,
  breakerOpenMaxMs: 300_000,
};

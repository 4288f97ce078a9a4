import {
  BrokenCircuitError,
  CircuitState,
  circuitBreaker,
  DelegateBackoff,
  handleWhenResult,
  type IBreaker,
} from 'cockatiel';
import { ProviderError } from '../model/index.js';
import type { PolicySettings } from './settings.js';

export type Circuit = 'closed' | 'open' | 'half_open';
/** What an error says about the guarded resource; `nothing` when the call did not reach it. */
export type Meaning = 'failure' | 'success' | 'nothing';

type BreakerSettings = Pick<
  PolicySettings,
  | 'breakerConsecutive'
  | 'breakerShare'
  | 'breakerMinimumCalls'
  | 'breakerWindowMs'
  | 'breakerOpenMs'
  | 'breakerOpenMaxMs'
>;

/** More than this fail in an outage, which needs no names. */
const MAX_FAILING = 1_000;

/** Opens after so many failures in a row, or when too large a share of a window's calls failed. */
export class FailureCount implements IBreaker {
  state: { consecutive: number; recent: { readonly at: number; readonly failed: boolean }[] } = {
    consecutive: 0,
    recent: [],
  };

  constructor(
    private readonly settings: BreakerSettings,
    private readonly now: () => number = Date.now,
  ) {}

  success(circuit: CircuitState): void {
    if (circuit === CircuitState.HalfOpen) this.state.recent = [];
    this.state.consecutive = 0;
    this.note(false);
  }

  failure(circuit: CircuitState): boolean {
    this.state.consecutive += 1;
    this.note(true);
    return (
      circuit !== CircuitState.Closed ||
      this.state.consecutive >= this.settings.breakerConsecutive ||
      this.isShareTooLarge()
    );
  }

  private isShareTooLarge(): boolean {
    const { recent } = this.state;
    const failures = recent.filter((call) => call.failed).length;
    return (
      recent.length >= this.settings.breakerMinimumCalls &&
      failures >= this.settings.breakerShare * recent.length
    );
  }

  private note(failed: boolean): void {
    const at = this.now();
    const { recent } = this.state;
    recent.push({ at, failed });
    const firstInWindow = recent.findIndex((call) => call.at > at - this.settings.breakerWindowMs);
    recent.splice(0, firstInWindow);
  }
}

/**
 * A circuit breaker that classifies errors with `meaning` and reports when it will let the next
 * call through.
 */
export class Breaker {
  private readonly policy;
  /** In `performance.now()`, which no clock that is set back changes. */
  private openUntil = 0;
  private changedAt: Date | null = null;
  /** What failed since the last success. */
  private readonly failing = new Set<string>();

  constructor(
    settings: BreakerSettings,
    private readonly meaning: (error: ProviderError) => Meaning,
    onChange: (circuit: Circuit) => void = () => {},
  ) {
    const openFor = (trial: number) =>
      Math.min(settings.breakerOpenMs * 2 ** (trial - 1), settings.breakerOpenMaxMs);
    this.policy = circuitBreaker(
      handleWhenResult(
        (result) => result instanceof ProviderError && this.meaning(result) === 'failure',
      ),
      {
        breaker: new FailureCount(settings),
        halfOpenAfter: new DelegateBackoff(({ attempt }: { attempt: number }) => {
          this.openUntil = performance.now() + openFor(attempt);
          return openFor(attempt);
        }),
      },
    );
    this.policy.onStateChange(() => {
      this.changedAt = new Date();
      onChange(this.circuit);
    });
  }

  /** `half_open`: the next call is the trial, or the trial is on its way. */
  get circuit(): Circuit {
    if (this.policy.state === CircuitState.Closed) return 'closed';
    return this.policy.state === CircuitState.Open && performance.now() < this.openUntil
      ? 'open'
      : 'half_open';
  }

  /** Since when the circuit is as it is; `null`: since the start. */
  get since(): Date | null {
    return this.changedAt;
  }

  /**
   * @param subject what the call is about, where it is about one thing: while the circuit is
   * closed, its failures count once, so that one account which cannot be served keeps nobody from
   * the others
   * @param refused makes the error for a call that the open circuit keeps from being made; gets the
   * seconds until the trial
   * @throws whatever `run` throws, or what `refused` makes
   */
  async execute<Value>(
    run: () => Promise<Value>,
    subject: string | undefined,
    refused: (retryAfterSeconds: number) => ProviderError,
  ): Promise<Value> {
    let result: Value | ProviderError;
    try {
      result = await this.policy.execute(() =>
        run().then(
          (value) => {
            this.failing.clear();
            return value;
          },
          (error) => this.judge(error, subject),
        ),
      );
    } catch (error) {
      if (error instanceof BrokenCircuitError)
        throw refused(Math.max(1, Math.ceil((this.openUntil - performance.now()) / 1000)));
      throw error;
    }
    if (result instanceof ProviderError) throw result;
    return result;
  }

  /** The policy counts what is returned and ignores what is thrown. */
  private judge(error: unknown, subject: string | undefined): ProviderError {
    if (!(error instanceof ProviderError)) throw error;
    const meaning = this.meaning(error);
    if (meaning === 'nothing') throw error;
    if (meaning === 'success') {
      this.failing.clear();
    } else if (subject !== undefined) {
      if (this.failing.has(subject) && this.policy.state === CircuitState.Closed) throw error;
      if (this.failing.size < MAX_FAILING) this.failing.add(subject);
    }
    return error;
  }
}

import type { ObservedPage } from '../providers/index.js';

/** What one sweep may use up. */
export interface SweepLimits {
  readonly maxSeconds: number;
  readonly maxPages: number;
  /** Items that pages list, copies and unreadable ones included. */
  readonly maxAccounts: number;
}

export const DEFAULT_SWEEP_LIMITS: SweepLimits = {
  maxSeconds: 600,
  maxPages: 10_000,
  maxAccounts: 250_000,
};

/** What ran out. */
export type SpentLimit = 'time' | 'pages' | 'accounts';

/** A sweep used up its budget before it had read the whole list. */
export class BudgetExhausted extends Error {
  /**
   * @param limit what ran out
   * @param pages read until then
   */
  constructor(
    readonly limit: SpentLimit,
    readonly pages: number,
    limits: SweepLimits,
  ) {
    super(
      `The sweep stopped after ${TOLD[limit](limits)}, before the end of the list. What it saw is stored; the next sweep continues from there.`,
    );
  }
}

const TOLD: Readonly<Record<SpentLimit, (limits: SweepLimits) => string>> = {
  time: ({ maxSeconds }) => `${maxSeconds} s (SWEEP_MAX_SECONDS)`,
  pages: ({ maxPages }) => `${maxPages} pages (SWEEP_MAX_PAGES)`,
  accounts: ({ maxAccounts }) => `${maxAccounts} accounts (SWEEP_MAX_ACCOUNTS)`,
};

/** The budget of one sweep, from its start on. */
export class SweepBudget {
  private pages = 0;
  private accounts = 0;
  private readonly time = new AbortController();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly limits: SweepLimits) {
    this.timer = setTimeout(
      () => this.time.abort(this.exhausted('time')),
      limits.maxSeconds * 1000,
    ).unref();
  }

  /** Aborts, with `BudgetExhausted` for a reason, when the time is over. */
  get signal(): AbortSignal {
    return this.time.signal;
  }

  /** Passes pages on for as long as the budget lasts. @throws BudgetExhausted */
  async *limit(pages: AsyncIterable<ObservedPage>): AsyncGenerator<ObservedPage, void, void> {
    for await (const page of pages) {
      yield page;
      this.pages += 1;
      this.accounts += page.accounts.length + page.quarantined.length;
      if (page.next === null) continue;
      if (this.pages >= this.limits.maxPages) throw this.exhausted('pages');
      if (this.accounts >= this.limits.maxAccounts) throw this.exhausted('accounts');
    }
  }

  /** Call it when the sweep has ended. */
  end(): void {
    clearTimeout(this.timer);
  }

  private exhausted(limit: SpentLimit): BudgetExhausted {
    return new BudgetExhausted(limit, this.pages, this.limits);
  }
}

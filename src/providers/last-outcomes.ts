import type { Clock } from '../lib/clock.js';
import type { ProviderErrorCode } from '../model/index.js';

/**
 * When a provider last did its part and when it last failed, as far as this process saw. Refusals
 * are answers.
 */
export class LastOutcomes {
  lastSuccessAt: Date | null = null;
  lastFailureAt: Date | null = null;
  /** What the last failure was. */
  lastError: ProviderErrorCode | null = null;

  constructor(private readonly clock: Clock) {}

  /** @param failure `null` when the provider did its part */
  note(failure: ProviderErrorCode | null): void {
    const at = this.clock.now();
    if (failure === null) {
      this.lastSuccessAt = at;
    } else {
      this.lastFailureAt = at;
      this.lastError = failure;
    }
  }
}

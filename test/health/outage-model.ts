/** Without a failure for this long, and with an answer since, an outage is over. */
const QUIET_MS = 60_000;

/**
 * The reference model of one provider's outages; knows nothing of how the gateway works. Times in
 * milliseconds.
 */
export class OutageModel {
  /** When this process heard an answer last, and when it last heard none. */
  private answeredAt: number | undefined;
  private failedAt: number | undefined;
  /** Of the latest outage. */
  private latest: { lastFailureAt: number; endedAt?: number } | undefined;

  get isOpen(): boolean {
    return this.latest !== undefined && this.latest.endedAt === undefined;
  }

  /** When the last one ended; `undefined`: none has. */
  get endedAt(): number | undefined {
    return this.latest?.endedAt;
  }

  asked(at: number, got: 'answer' | 'nothing' | 'half an answer'): void {
    if (got !== 'nothing') this.answeredAt = at;
    if (got !== 'answer') this.failedAt = at;
  }

  /** Another process takes over: it has heard nothing yet. */
  forget(): void {
    this.answeredAt = undefined;
    this.failedAt = undefined;
  }

  /** @param isTripped so many calls failed that no more are made */
  step(now: number, isTripped: boolean): void {
    const { latest, failedAt, answeredAt } = this;
    if (!latest || latest.endedAt !== undefined) {
      const isNew = failedAt !== undefined && failedAt > (latest?.endedAt ?? 0);
      if (isTripped && isNew) this.latest = { lastFailureAt: failedAt };
    } else if (failedAt !== undefined && failedAt > latest.lastFailureAt) {
      latest.lastFailureAt = failedAt;
    } else if (
      !isTripped &&
      answeredAt !== undefined &&
      answeredAt > latest.lastFailureAt &&
      now - latest.lastFailureAt >= QUIET_MS
    ) {
      latest.endedAt = now;
    }
  }

  /**
   * Before its verdicts age: whether it has answered nobody since it fell silent, which is an
   * outage.
   */
  isDownSince(silentSince: number | undefined): boolean {
    const { failedAt, answeredAt } = this;
    if (silentSince === undefined || failedAt === undefined || failedAt < silentSince) return false;
    if (answeredAt !== undefined && answeredAt >= silentSince) return false;
    if (!this.isOpen) this.latest = { lastFailureAt: failedAt };
    return true;
  }
}

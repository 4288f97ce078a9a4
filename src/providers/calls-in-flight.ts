/** A change is better not cut off: it may have been made. */
type CallKind = 'read' | 'change';

/** The calls that are under way, by connection, so that they can be ended with it. */
export class CallsInFlight {
  private readonly calls = new Map<string, Map<AbortController, CallKind>>();

  /**
   * Makes a call that `abort` ends.
   * @param work gets a signal that aborts with `signal`, too
   */
  async run<Result>(
    connectionId: string,
    kind: CallKind,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const call = new AbortController();
    const ofConnection = this.calls.get(connectionId) ?? new Map<AbortController, CallKind>();
    this.calls.set(connectionId, ofConnection.set(call, kind));
    try {
      return await work(signal ? AbortSignal.any([signal, call.signal]) : call.signal);
    } finally {
      ofConnection.delete(call);
      if (ofConnection.size === 0 && this.calls.get(connectionId) === ofConnection)
        this.calls.delete(connectionId);
    }
  }

  /** The connections with calls under way. */
  get connections(): readonly string[] {
    return [...this.calls.keys()];
  }

  /** Ends the calls of a connection of these kinds, which reject with `reason`. */
  abort(connectionId: string, kinds: readonly CallKind[], reason: Error): void {
    for (const [call, kind] of this.calls.get(connectionId) ?? [])
      if (kinds.includes(kind)) call.abort(reason);
  }
}

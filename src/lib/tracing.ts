/**
 * Facts about a span under OpenTelemetry's names, or `rollcall.*`. Never a credential, a query or a
 * body.
 */
type SpanFacts = Readonly<Record<string, string | number | boolean>>;

/** A piece of work that is being timed. */
export interface Span {
  /** W3C trace context for what the work asks of others: it names this span. */
  readonly traceparent: string | undefined;
  /** @param hasFailed for a reason other than the caller's request */
  end(facts: SpanFacts, hasFailed: boolean): void;
}

/** Reports to a collector what was done, when and for how long. */
export interface Tracing {
  /** @param parent W3C trace context; absent or malformed: the root it runs within, or none */
  start(
    kind: 'server' | 'client',
    name: string,
    facts: SpanFacts,
    parent: string | undefined,
  ): Span;
  /** Does `work` as a trace of its own, whose children are the calls to providers within. */
  root<Result>(name: string, facts: SpanFacts, work: () => Promise<Result>): Promise<Result>;
  /** Sends what is left, for a few seconds at most. */
  stop(): Promise<void>;
}

/** Costs nothing; a caller's trace context is passed on as it came. */
export const UNTRACED: Tracing = {
  start: (_kind, _name, _facts, parent) => ({ traceparent: parent, end: () => undefined }),
  root: (_name, _facts, work) => work(),
  stop: async () => undefined,
};

import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { Answer } from './answer.js';
import type { Caller, Presented, Scope } from './caller.js';
import type { Commit, Committed } from './commit.js';
import type { ProblemCode } from './problem.js';

/** Where a request comes from. */
export interface Sender extends Presented {
  /** Of the caller, or of the last proxy before the one that is trusted. */
  readonly address: string;
  readonly userAgent: string | undefined;
}

/** What a handler gets: everything authenticated and validated. */
export interface Call<Params, Query, Body> {
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly requestId: string;
  /** Value of the `Prefer` header, empty when absent. */
  readonly prefer: string;
  readonly traceparent: string | undefined;
  /** As they came, for what is no matter of the API's own. */
  readonly headers: Readonly<IncomingHttpHeaders>;
  /** Value of the `Last-Event-ID` header. */
  readonly lastEventId: string | undefined;
  /** For signing in: everything else is decided by `caller`. */
  readonly sender: () => Sender;
  /** Absolute address of this request without its query. */
  readonly url: string;
  /** The query as it came, for links to other pages. */
  readonly search: URLSearchParams;
  /** Does the effect of the request and stores its answer, in one transaction. */
  readonly commit: Commit;
  /** When a process that died began this very request, under the same Idempotency-Key. */
  readonly begunBefore: Date | undefined;
  /**
   * Names the request under its Idempotency-Key, the same for each of its attempts, of which one is
   * under way at a time; `undefined` without a key.
   */
  readonly attemptOf: string | undefined;
  /** The caller takes a list as CSV: its columns. */
  readonly csv: readonly string[] | undefined;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
  /**
   * For what goes on for long: aborts within five seconds after the caller's key was revoked or has
   * expired, or its session ended. It is watched from the first time that this is asked for.
   */
  readonly keyEnded: () => AbortSignal;
}

/** A request of any route. */
export type AnyCall = Call<unknown, unknown, unknown>;

/**
 * What a call to a provider takes over from the request it serves: the trace it belongs to. Not the
 * request's end: a write that was started is finished even if the caller disconnects.
 */
export function contextOf(call: AnyCall): {
  readonly traceparent?: string;
} {
  return call.traceparent === undefined ? {} : { traceparent: call.traceparent };
}

/** Headers that belong to the answers of single endpoints. */
export type OwnHeader = 'Set-Cookie' | 'X-Probe-Limit' | 'X-Probe-Remaining' | 'X-Probe-Reset';

/**
 * One endpoint: what it takes, what it answers, and how. Strict schemas: an unknown query parameter
 * or body field is a 422.
 */
export interface Endpoint<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> {
  readonly summary: string;
  /** More than fits the summary, in Markdown. */
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** Body schema of each success status; `null`: no body. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** The content type of its answers where that is not JSON. */
  readonly produces?: string;
  /** A list whose pages are the provider's own: it is not there as CSV. */
  readonly isPagedByProvider?: true;
  /** Its answers go on for long: they are no requests under way, and have a bound of their own. */
  readonly isStream?: true;
  /**
   * Carries requests of another protocol, which has its own ways of repeating them: an
   * `Idempotency-Key` is no matter of it.
   */
  readonly isProtocol?: true;
  /**
   * Shows nothing but rows of tables that count versions of their team (the migration
   * `team_versions` lists them), and nothing that depends on the time: while the version stays, so
   * does the answer.
   */
  readonly isVersioned?: true;
  /** The same of one resource, whose ETag stays that of its body: changes are made on condition of it. */
  readonly isKept?: true;
  /**
   * A GET that may show what a read replica shows; `unless_written`: not to a caller that sends the
   * position of a write, as what it wrote is shown only after another write.
   */
  readonly mayLag?: true | 'unless_written';
  /** What else its answers tell in headers. */
  readonly headers?: readonly OwnHeader[];
  /** Problems it can answer with beyond those that follow from its scope, method and schemas. */
  readonly problems?: readonly ProblemCode[];
  readonly handle: (
    call: Call<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Answer>;
}

/**
 * An endpoint that takes effect once for each Idempotency-Key: what POST routes lead to. Its answer
 * can only come from `call.commit`.
 */
interface Action<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> extends Endpoint<Params, Query, Body> {
  readonly handle: (
    call: Call<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Committed>;
}

/** Binds the handler's types to the schemas beside it. */
export function endpoint<
  Params extends z.ZodType = z.ZodObject,
  Query extends z.ZodType = z.ZodObject,
  Body extends z.ZodType = z.ZodObject,
>(declaration: Endpoint<Params, Query, Body>): Endpoint {
  return declaration as unknown as Endpoint;
}

/** The same for an action. */
export function action<
  Params extends z.ZodType = z.ZodObject,
  Query extends z.ZodType = z.ZodObject,
  Body extends z.ZodType = z.ZodObject,
>(declaration: Action<Params, Query, Body>): Action {
  return declaration as unknown as Action;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a call leaves in the audit log: entries with these actions, or nothing and why. */
export type AuditPolicy = { readonly actions: readonly string[] } | { readonly none: string };

/** One URL of the API with its method, the scope that it requires and its endpoint. */
export interface Route {
  readonly method: Method;
  /** With parameters in braces: `/v1/accounts/{id}`. */
  readonly path: string;
  readonly scope: Scope | 'root' | 'public';
  readonly endpoint: Endpoint;
  readonly deprecation?: Deprecation;
}

/** Whether answers are kept for repeats under an Idempotency-Key. */
export const takesIdempotencyKey = ({ method, scope }: Pick<Route, 'method' | 'scope'>) =>
  method === 'POST' && scope !== 'public';

/** Path of the resource that a request is about: up to its id. Its ETag is what `If-Match` names. */
export const resourceOf = ({ path }: Pick<Route, 'path'>) => path.replace(/\}.*$/, '}');

/** Whether requests may have the condition `If-Match`: those that change what is there already. */
export const takesIfMatch = ({ method, path }: Pick<Route, 'method' | 'path'>) =>
  method !== 'GET' && (method !== 'POST' || path.includes('{'));

/** When a route was, or will be, deprecated, and when it will be removed. */
interface Deprecation {
  readonly since: Date;
  readonly sunset: Date;
}

/** A GET route. */
export const get = (path: string, scope: Route['scope'], does: Endpoint): Route => ({
  method: 'GET',
  path,
  scope,
  endpoint: does,
});
/** A POST route. */
export const post = (path: string, scope: Route['scope'], does: Action): Route => ({
  method: 'POST',
  path,
  scope,
  endpoint: does,
});
/** What anyone may send. There is no team for which its answer could be kept: no Idempotency-Key. */
export const openPost = (path: string, does: Endpoint): Route => ({
  method: 'POST',
  path,
  scope: 'public',
  endpoint: does,
});
/** A PATCH route. */
export const patch = (path: string, scope: Route['scope'], does: Endpoint): Route => ({
  method: 'PATCH',
  path,
  scope,
  endpoint: does,
});
/** A PUT route. */
export const put = (path: string, scope: Route['scope'], does: Endpoint): Route => ({
  method: 'PUT',
  path,
  scope,
  endpoint: does,
});
/** A DELETE route. */
export const remove = (path: string, scope: Route['scope'], does: Endpoint): Route => ({
  method: 'DELETE',
  path,
  scope,
  endpoint: does,
});

/**
 * A route that callers should leave: `deprecated(get(…), '2026-06-01', '2027-06-01')`.
 * @throws Error for an invalid date, or a sunset that is not later
 */
export function deprecated(route: Route, sinceDate: string, sunsetDate: string): Route {
  const deprecation = { since: new Date(sinceDate), sunset: new Date(sunsetDate) };
  if (!(deprecation.since < deprecation.sunset))
    throw new Error(`${route.method} ${route.path}: the sunset must be later than the deprecation`);
  return { ...route, deprecation };
}

/** RFC 9745 takes a structured date, RFC 8594 the date of HTTP. */
export function deprecationHeaders({ since, sunset }: Deprecation): Record<string, string> {
  return { Deprecation: `@${Math.floor(since.getTime() / 1000)}`, Sunset: sunset.toUTCString() };
}

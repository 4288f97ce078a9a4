import type { RequestListener } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import {
  type Database,
  isDeadlocked,
  isExhausted,
  isTimedOut,
  isUnreachable,
  isWithoutTurn,
  type ReplicaReads,
  type RequestUse,
  requestUse,
} from '../database/index.js';
import type { ProcessLease } from '../database/process-lease.js';
import type { Logger } from '../lib/logger.js';
import { type Tracing, UNTRACED } from '../lib/tracing.js';
import { ProviderError } from '../model/index.js';
import { type Answer, type Rendered, render, renderProblem } from './answer.js';
import { authorizeAndValidate, type Identified, isRead } from './authorize-and-validate.js';
import type { Authenticator, Caller, KeyWatch } from './caller.js';
import { committing } from './commit.js';
import { etagOfVersion, knownAs, Preconditions } from './conditional.js';
import { causeOf } from './failure-cause.js';
import type { Idempotency } from './idempotency.js';
import type { Load } from './load.js';
import type { Metrics } from './metrics.js';
import { Page, Pages } from './pages.js';
import { type PlainQuestion, PlainQuestions } from './plain-questions.js';
import { leavesOutcomeOpen, Problem, problemOfProvider } from './problem.js';
import type { RateLimiter } from './rate-limit.js';
import { POSITION_HEADER, type Reads } from './reads.js';
import { Refusals } from './refusals.js';
import { type Done, type Question, RepeatedReads, type Told } from './repeated-reads.js';
import { identify, requestIdOf } from './request-id.js';
import {
  type Call,
  deprecationHeaders,
  type Method,
  type Route,
  resourceOf,
  takesIdempotencyKey,
  takesIfMatch,
} from './route.js';
import { securityHeaders } from './security-headers.js';
import { send, sendPage, sendProblem, sendRendered, sendUnchanged } from './send.js';
import {
  collided,
  databaseAway,
  exhausted,
  requireCoding,
  tookTooLong,
  waitedTooLong,
  wrongMethod,
} from './server-problems.js';
import { presentedBy } from './session-cookie.js';

/** The longest that one statement of a request may take. */
const READ_STATEMENT_MS = 10_000;
const WRITE_STATEMENT_MS = 30_000;

type AnyCall = Call<unknown, unknown, unknown>;

/**
 * The web application: every route through the same two guards, `authorizeAndValidate` and `send`. It does not
 * listen.
 */
export function createServer(
  routes: readonly Route[],
  parts: {
    readonly database: Database;
    readonly idempotency: Idempotency;
    readonly lease: ProcessLease;
    readonly load: Load;
    readonly reads: Reads;
    readonly rateLimiter: RateLimiter;
    readonly authenticator: Authenticator;
    readonly keyWatch: KeyWatch;
    /** What is no part of the API: pages for people, hooks of providers; by the path they stand under. */
    readonly pages: Readonly<Record<string, express.Handler>>;
    /** Pages for the addresses that are left. */
    readonly otherwise?: express.Handler;
    readonly logger: Logger;
    readonly metrics: Metrics;
    readonly tracing: Tracing;
    readonly trustProxy: boolean;
    /**
     * Changes when the gateway shows the same rows differently; cursors, which contain the hour, are
     * part of that.
     */
    readonly release: () => string;
  },
): RequestListener {
  const app = express();
  app
    .disable('x-powered-by')
    .set('etag', false)
    .set('query parser', false)
    .set('case sensitive routing', true)
    .set('strict routing', true);
  // Of the addresses that a request came through, the last is the proxy's word.
  app.set('trust proxy', parts.trustProxy ? 1 : false);
  const headers = securityHeaders();
  app.use((_request, response, next) => {
    response.set(headers);
    next();
  });
  app.use(identify);
  for (const [path, page] of Object.entries(parts.pages)) app.use(path, page);

  const serve = (route: Route) => async (request: Request, response: Response) => {
    const started = performance.now();
    response.once('finish', () => {
      const { requestId, caller, failure } = response.locals as Locals;
      const durationMs = performance.now() - started;
      const status = response.statusCode;
      report({ route, requestId, caller, failure, status, durationMs }, request.method);
    });
    trace(route, request, response);
    if (route.deprecation) response.set(deprecationHeaders(route.deprecation));
    const statementMs = isRead(request) ? READ_STATEMENT_MS : WRITE_STATEMENT_MS;
    const use: RequestUse = {
      team: '',
      key: '',
      statementMs,
      isBegun: false,
      reads: undefined,
      isOver: false,
    };
    response.once('close', () => {
      use.isOver = true;
    });
    await requestUse.run(use, () => answer(route, request, response, use));
  };

  async function answer(
    route: Route,
    request: Request,
    response: Response,
    use: RequestUse,
  ): Promise<void> {
    try {
      if (route.scope !== 'public' || !isRead(request)) await admit(route, request, response, use);
      const call = {
        ...(await authorizeAndValidate(route, parts, request, response)),
        commit: committing(parts.database),
        begunBefore: undefined,
        attemptOf: undefined,
      };
      if (isRead(request) && route.scope !== 'public') {
        const reads = parts.reads.choose(route, call.caller, request.get(POSITION_HEADER));
        if (route.endpoint.mayLag) response.once('finish', () => parts.reads.count(reads));
        use.reads = reads;
        const version = await reads?.versionOf(call.caller.teamId);
        if (version === undefined) use.reads = undefined;
        else call.caller = { ...call.caller, teamVersion: version };
      }
      if (isRead(request)) requireCoding(request.get('accept-encoding'));
      const { isVersioned, isKept } = route.endpoint;
      // The team's version also counts what a restricted key must not know of.
      const isOfAll = call.caller.key.providers.length === 0;
      if ((isVersioned || isKept) && call.csv === undefined && isOfAll) {
        const version = etagOfVersion(call, parts.release());
        const known = isVersioned && knownAs(request.get('if-none-match'), version);
        const page =
          known || (await pages.make(route.endpoint, version, () => handled(route, call, use)));
        remember(route, call, request, response);
        if (!(page instanceof Page)) return sendUnchanged(response, page);
        return await sendPage(request, response, page);
      }
      if (route.endpoint.isProtocol)
        return send(request, response, await route.endpoint.handle(call));
      const key = takesIdempotencyKey(route) ? request.get('idempotency-key') : undefined;
      if (key !== undefined)
        sendRendered(
          request,
          response,
          await written(response, once(key, route, call, request, response)),
        );
      else if (!isRead(request))
        send(request, response, await written(response, conditional(route, call, request)));
      else send(request, response, await handled(route, call, use));
    } catch (error) {
      sendProblem(request, response, toProblem(error, response.locals as Locals));
    }
  }

  /**
   * Before anything that costs, so that the refusal costs next to nothing: neither is the key looked
   * up nor the body read.
   */
  async function admit(
    { endpoint }: Route,
    request: Request,
    response: Response,
    use: RequestUse,
  ): Promise<void> {
    const seen = parts.authenticator.lastSeen(presentedBy(request));
    use.team = seen?.teamId ?? '';
    use.key = seen?.keyId ?? '';
    try {
      if (seen !== undefined) parts.rateLimiter.refuse(seen, (headers) => response.set(headers));
      const kind = endpoint.isStream ? 'stream' : isRead(request) ? 'read' : 'write';
      const admission = parts.load.admit(seen?.teamId, kind);
      response.once('close', admission.leave);
      const identified: Identified = ({ teamId, key }) => {
        use.team = teamId;
        use.key = key.id;
        admission.settle(teamId);
      };
      response.locals.identified = identified;
    } catch (error) {
      await refusals.turn(use.team);
      throw error;
    }
  }

  const refusals = new Refusals();

  const pages = new Pages();

  const isUsual = () => parts.tracing === UNTRACED && parts.database.replicas.isEmpty;

  /** The next request for the same may be answered without all this. */
  function remember(route: Route, call: AnyCall, request: Request, response: Response): void {
    if (!isUsual() || route.deprecation) return;
    const vary = String(response.vary('Accept-Encoding').get('Vary'));
    // Of whom it was, nothing is remembered.
    const { caller: _caller, signal: _signal, keyEnded: _keyEnded, ...asked } = call;
    repeated.remember(request, questionOf({ route, asked, vary }));
  }

  const { signal: never } = new AbortController();

  function questionOf({ route, asked, vary }: PlainQuestion): Question {
    const { url, search } = asked;
    const callOf = (caller: Caller): AnyCall => ({
      ...asked,
      commit: committing(parts.database),
      signal: never,
      keyEnded: () => never,
      caller,
      requestId: caller.requestId,
    });
    return {
      route,
      vary,
      versionOf: (caller) => etagOfVersion({ caller, url, search }, parts.release()),
      make: (caller, version) => {
        const answered = () => route.endpoint.handle(callOf(caller));
        if (caller.key.providers.length === 0) return pages.make(route.endpoint, version, answered);
        return answered().then((answer) => new Page(render(answer)));
      },
    };
  }

  const plain = new PlainQuestions(routes);

  const repeated = new RepeatedReads({
    ...parts,
    headers,
    statementMs: READ_STATEMENT_MS,
    known: (version) => pages.known(version),
    requestIdOf,
    toProblem,
    read: (request) => {
      const question = isUsual() ? plain.read(request) : undefined;
      return question && questionOf(question);
    },
    report: (done) => {
      if (done.route.endpoint.mayLag) parts.reads.count(undefined);
      report(done, 'GET');
    },
  });

  const preconditions = new Preconditions(parts.lease);

  /** Handles a request that changes something, if the condition holds that it may have. */
  function conditional(route: Route, call: AnyCall, request: Request): Promise<Answer> {
    const ifMatch = takesIfMatch(route) ? request.get('if-match') : undefined;
    if (ifMatch === undefined) return route.endpoint.handle(call);
    const resource = resourceOf(route);
    const shows = routes.find(({ method, path }) => method === 'GET' && path === resource);
    return preconditions.guard(ifMatch, shows?.endpoint, call, () => route.endpoint.handle(call));
  }

  /** Of what a replica cannot answer the primary is asked. */
  async function handled(route: Route, call: AnyCall, use: RequestUse): Promise<Answer> {
    const { reads } = use;
    if (reads === undefined) return route.endpoint.handle(call);
    return route.endpoint.handle(call).catch((error: unknown) => {
      (reads as ReplicaReads).giveUp(error);
      return route.endpoint.handle(call);
    });
  }

  /** Whatever came of it, something may have been written. */
  async function written<Done>(response: Response, doing: Promise<Done>): Promise<Done> {
    try {
      return await doing;
    } finally {
      response.set(POSITION_HEADER, await parts.reads.afterWrite());
    }
  }

  /** A refusal of the handler is an answer too: it is kept and replayed. */
  function once(
    key: string,
    route: Route,
    call: AnyCall,
    request: Request,
    response: Response,
  ): Promise<Rendered> {
    const { caller, body } = call;
    return parts.idempotency.once(
      { caller, key, method: request.method, address: request.originalUrl, body },
      (attempt) => {
        const attempted = {
          ...call,
          commit: committing(parts.database, attempt),
          begunBefore: attempt.begunBefore,
          attemptOf: attempt.of,
        };
        return conditional(route, attempted, request)
          .then((answer) => ({ answer: render(answer), isOpen: false }))
          .catch((error: unknown) => {
            const problem = toProblem(error, response.locals as Locals);
            return {
              answer: renderProblem(problem, request.path, call.requestId),
              isOpen: leavesOutcomeOpen(problem, error),
            };
          });
      },
    );
  }

  function report(done: Done, method: string): void {
    const { route, requestId, status, durationMs, caller } = done;
    parts.metrics.observeRequest(route, status, durationMs);
    const isFailed = status >= 500;
    const failure = isFailed ? done.failure : undefined;
    if (route.scope === 'public' && failure === undefined) return;
    parts.logger[isFailed ? 'warn' : 'info']('request', {
      request_id: requestId,
      method,
      route: route.path,
      status,
      duration_ms: Math.round(durationMs * 10) / 10,
      ...(caller && { key_id: caller.key.id, team_id: caller.teamId }),
      ...failure,
    });
  }

  /**
   * A span from here to the end of the answer. Probes are not worth one, and like them the address
   * stays out: it may hold anything.
   */
  function trace(route: Route, request: Request, response: Response): void {
    const tracing = route.scope === 'public' ? UNTRACED : parts.tracing;
    const facts = { 'http.request.method': route.method, 'http.route': route.path };
    const span = tracing.start(
      'server',
      `${route.method} ${route.path}`,
      facts,
      request.get('traceparent'),
    );
    response.locals.span = span;
    response.once('close', () => {
      const caller = response.locals.caller as Caller | undefined;
      const facts = {
        'http.response.status_code': response.statusCode,
        'rollcall.request_id': response.locals.requestId as string,
        ...(caller && { 'rollcall.team_id': caller.teamId, 'rollcall.key_id': caller.key.id }),
      };
      span.end(facts, response.statusCode >= 500);
    });
  }

  /** @param told is told the cause of what fails for our part, for the log */
  function toProblem(error: unknown, told: Told): Problem {
    const problem = problemOf(error, told.requestId);
    if (problem.status >= 500) told.failure = { code: problem.code, ...causeOf(error) };
    return problem;
  }

  function problemOf(error: unknown, requestId: string): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof ProviderError) return problemOfProvider(error);
    parts.database.reachability.note(error);
    if (isWithoutTurn(error)) return waitedTooLong();
    if (isUnreachable(error)) return databaseAway();
    if (isTimedOut(error)) return tookTooLong();
    if (isDeadlocked(error)) return collided();
    if (isExhausted(error)) return exhausted();
    parts.logger.error('unexpected error', {
      request_id: requestId,
      error: error instanceof Error ? String(error.stack) : 'not an Error',
    });
    return new Problem(
      'internal_error',
      `An internal error occurred. Try again; if it persists, report the request id ${requestId}.`,
    );
  }

  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    const expressPath = path.replace(/\{(\w+)\}/g, ':$1');
    const at = app.route(expressPath);
    for (const route of here) at[verb(route.method)](serve(route));
    at.all((request, response) =>
      sendProblem(request, response, wrongMethod(request.method, here)),
    );
  }
  if (parts.otherwise) app.use(parts.otherwise);
  app.use((request, response) => {
    sendProblem(
      request,
      response,
      new Problem(
        'not_found',
        `There is no resource at ${request.path}. All paths are listed at /docs and /openapi.json.`,
      ),
    );
  });
  // Express knows an error handler by its four parameters.
  app.use(
    (error: { status?: number }, request: Request, response: Response, _next: NextFunction) => {
      const malformed = error.status !== undefined && error.status < 500;
      sendProblem(
        request,
        response,
        malformed
          ? new Problem('bad_request', 'The URL is malformed.')
          : toProblem(error, response.locals as Locals),
      );
    },
  );
  return (request, response) => {
    if (!repeated.take(request, response)) app(request, response);
  };
}

interface Locals extends Told {
  readonly caller: Caller | undefined;
}

function verb(method: Method): 'get' | 'post' | 'put' | 'patch' | 'delete' {
  return method.toLowerCase() as Lowercase<Method>;
}

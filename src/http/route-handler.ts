import type { Request, Response } from 'express';
import {
  type Database,
  type ReplicaReads,
  type RequestUse,
  requestUse,
} from '../database/index.js';
import type { ProcessLease } from '../database/process-lease.js';
import { type Answer, type Rendered, render, renderProblem } from './answer.js';
import { type AnswerCache, CachedAnswer } from './answer-cache.js';
import { authorizeAndValidate, type Identified, isRead } from './authorize-and-validate.js';
import type { Authenticator, Caller, KeyWatch } from './caller.js';
import { committing } from './commit.js';
import { etagOfVersion, knownAs, Preconditions } from './conditional.js';
import type { Failures } from './failures.js';
import type { Idempotency } from './idempotency.js';
import type { Load } from './load.js';
import { leavesOutcomeOpen } from './problem.js';
import type { RateLimiter } from './rate-limit.js';
import { POSITION_HEADER, type Reads } from './reads.js';
import { Refusals } from './refusals.js';
import type { LoggedRequest, RequestLog } from './request-log.js';
import {
  type AnyCall,
  deprecationHeaders,
  type Route,
  resourceOf,
  takesIdempotencyKey,
  takesIfMatch,
} from './route.js';
import { send, sendPage, sendProblem, sendRendered, sendUnchanged } from './send.js';
import { requireCoding } from './server-problems.js';
import { presentedBy } from './session-cookie.js';

/** The longest that one statement of a reading request may take. */
export const READ_STATEMENT_MS = 10_000;
const WRITE_STATEMENT_MS = 30_000;

/** What handlers and middleware leave in `response.locals`. */
export interface Locals extends LoggedRequest {
  readonly caller: Caller | undefined;
}

/** What handling a request needs. */
export interface RouteHandlerParts {
  readonly database: Database;
  readonly idempotency: Idempotency;
  readonly lease: ProcessLease;
  readonly load: Load;
  readonly reads: Reads;
  readonly rateLimiter: RateLimiter;
  readonly authenticator: Authenticator;
  readonly keyWatch: KeyWatch;
  /**
   * Changes when the gateway shows the same rows differently; cursors, which contain the hour, are
   * part of that.
   */
  readonly release: () => string;
  readonly failures: Failures;
  readonly log: RequestLog;
  readonly answers: AnswerCache;
  /** Called with each read that was answered from `answers`. */
  readonly remember: (request: Routed, call: AnyCall) => void;
}

/** A request and the route it is for. */
export interface Routed {
  readonly route: Route;
  readonly request: Request;
  readonly response: Response;
  readonly use: RequestUse;
}

/**
 * Handles requests from the route to the response: admission, authentication and validation, then the
 * endpoint with what its method takes: `If-None-Match`, `If-Match` or an `Idempotency-Key`.
 */
export class RouteHandler {
  private readonly refusals = new Refusals();
  private readonly preconditions: Preconditions;

  constructor(
    private readonly routes: readonly Route[],
    private readonly parts: RouteHandlerParts,
  ) {
    this.preconditions = new Preconditions(parts.lease);
  }

  /** The Express handler of a route. */
  serve(route: Route) {
    return async (request: Request, response: Response): Promise<void> => {
      const { log } = this.parts;
      const { method } = request;
      const started = performance.now();
      response.once('finish', () => {
        const { requestId, caller, failure } = response.locals as Locals;
        const durationMs = performance.now() - started;
        const status = response.statusCode;
        log.report({ route, method, requestId, caller, failure, status, durationMs });
      });
      log.trace(route, request, response);
      if (route.deprecation) response.set(deprecationHeaders(route.deprecation));
      const use: RequestUse = {
        team: '',
        key: '',
        statementMs: isRead(request) ? READ_STATEMENT_MS : WRITE_STATEMENT_MS,
        isBegun: false,
        reads: undefined,
        isOver: false,
      };
      response.once('close', () => {
        use.isOver = true;
      });
      await requestUse.run(use, () => this.answer({ route, request, response, use }));
    };
  }

  private async answer(routed: Routed): Promise<void> {
    const { route, request, response } = routed;
    try {
      if (route.scope !== 'public' || !isRead(request)) await this.admit(routed);
      const call: AnyCall = {
        ...(await authorizeAndValidate(route, this.parts, request, response)),
        commit: committing(this.parts.database),
        begunBefore: undefined,
        attemptOf: undefined,
      };
      if (route.endpoint.isProtocol) send(request, response, await route.endpoint.handle(call));
      else if (isRead(request)) await this.read(routed, await this.chooseReplica(routed, call));
      else await this.write(routed, call);
    } catch (error) {
      const problem = this.parts.failures.toProblem(error, response.locals as Locals);
      sendProblem(request, response, problem);
    }
  }

  /**
   * Refuses requests before anything expensive is done for them: neither is the key looked up nor
   * the body read.
   */
  private async admit({ route, request, response, use }: Routed): Promise<void> {
    const seen = this.parts.authenticator.lastSeen(presentedBy(request));
    use.team = seen?.teamId ?? '';
    use.key = seen?.keyId ?? '';
    try {
      if (seen !== undefined)
        this.parts.rateLimiter.refuse(seen, (headers) => response.set(headers));
      const kind = route.endpoint.isStream ? 'stream' : isRead(request) ? 'read' : 'write';
      const admission = this.parts.load.admit(seen?.teamId, kind);
      response.once('close', admission.leave);
      const identified: Identified = ({ teamId, key }) => {
        use.team = teamId;
        use.key = key.id;
        admission.settle(teamId);
      };
      response.locals.identified = identified;
    } catch (error) {
      await this.refusals.turn(use.team);
      throw error;
    }
  }

  /** Has a read that may come from a replica read from one that shows enough. */
  private async chooseReplica({ route, request, response, use }: Routed, call: AnyCall) {
    if (route.scope === 'public') return call;
    const { caller } = call;
    const reads = this.parts.reads.choose(route, caller, request.get(POSITION_HEADER));
    if (route.endpoint.mayLag) response.once('finish', () => this.parts.reads.count(reads));
    const teamVersion = await reads?.versionOf(caller.teamId);
    if (teamVersion === undefined) return call;
    use.reads = reads;
    return { ...call, caller: { ...caller, teamVersion } };
  }

  private async read(routed: Routed, call: AnyCall): Promise<void> {
    const { route, request, response } = routed;
    requireCoding(request.get('accept-encoding'));
    const { endpoint } = route;
    // The team's version also counts rows that a restricted key must not know of.
    const isOfAll = call.caller.key.providers.length === 0;
    if (!(endpoint.isVersioned || endpoint.isKept) || call.csv !== undefined || !isOfAll)
      return send(request, response, await this.handled(routed, call));
    const version = etagOfVersion(call, this.parts.release());
    const known = endpoint.isVersioned && knownAs(request.get('if-none-match'), version);
    const page =
      known ||
      (await this.parts.answers.make(endpoint, version, call, () => this.handled(routed, call)));
    this.parts.remember(routed, call);
    if (page instanceof CachedAnswer) await sendPage(request, response, page);
    else sendUnchanged(response, page);
  }

  /** A read that a replica cannot answer is repeated at the primary. */
  private async handled({ route, use }: Routed, call: AnyCall): Promise<Answer> {
    const { reads } = use;
    if (reads === undefined) return route.endpoint.handle(call);
    return route.endpoint.handle(call).catch((error: unknown) => {
      (reads as ReplicaReads).giveUp(error);
      return route.endpoint.handle(call);
    });
  }

  private async write(routed: Routed, call: AnyCall): Promise<void> {
    const { route, request, response } = routed;
    const key = takesIdempotencyKey(route) ? request.get('idempotency-key') : undefined;
    if (key === undefined)
      send(request, response, await this.written(response, this.conditional(routed, call)));
    else
      sendRendered(request, response, await this.written(response, this.once(key, routed, call)));
  }

  /** Sets the position of the write; a request that failed may have written something, too. */
  private async written<Written>(response: Response, writing: Promise<Written>): Promise<Written> {
    try {
      return await writing;
    } finally {
      response.set(POSITION_HEADER, await this.parts.reads.afterWrite());
    }
  }

  /** Handles the request if the condition of its `If-Match` holds. */
  private conditional({ route, request }: Routed, call: AnyCall): Promise<Answer> {
    const ifMatch = takesIfMatch(route) ? request.get('if-match') : undefined;
    const handle = () => route.endpoint.handle(call);
    if (ifMatch === undefined) return handle();
    const resource = resourceOf(route);
    const shows = this.routes.find(({ method, path }) => method === 'GET' && path === resource);
    return this.preconditions.guard(ifMatch, shows?.endpoint, call, handle);
  }

  /** A problem that the handler throws is an answer too: it is stored and replayed. */
  private once(key: string, routed: Routed, call: AnyCall): Promise<Rendered> {
    const { request, response } = routed;
    const { caller, body } = call;
    return this.parts.idempotency.once(
      { caller, key, method: request.method, address: request.originalUrl, body },
      async (attempt) => {
        const attempted = {
          ...call,
          commit: committing(this.parts.database, attempt),
          begunBefore: attempt.begunBefore,
          attemptOf: attempt.of,
        };
        try {
          return { answer: render(await this.conditional(routed, attempted)), isOpen: false };
        } catch (error) {
          const problem = this.parts.failures.toProblem(error, response.locals as Locals);
          return {
            answer: renderProblem(problem, request.path, call.requestId),
            isOpen: leavesOutcomeOpen(problem, error),
          };
        }
      },
    );
  }
}

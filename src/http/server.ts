import type { RequestListener } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import type { Logger } from '../lib/logger.js';
import type { Tracing } from '../lib/tracing.js';
import { AnswerCache } from './answer-cache.js';
import { Failures } from './failures.js';
import type { Metrics } from './metrics.js';
import { Problem } from './problem.js';
import { RepeatedReads } from './repeated-reads.js';
import { identify } from './request-id.js';
import { RequestLog } from './request-log.js';
import type { Method, Route } from './route.js';
import { type Locals, RouteHandler, type RouteHandlerParts } from './route-handler.js';
import { securityHeaders } from './security-headers.js';
import { sendProblem } from './send.js';
import { wrongMethod } from './server-problems.js';

/** What `createServer` makes for the handling of requests. */
type MadeHere = 'answers' | 'failures' | 'log' | 'remember';

/** What the web application is made of. */
interface ServerParts extends Omit<RouteHandlerParts, MadeHere> {
  /** Handlers beside the API: pages for people, hooks of providers; by their path. */
  readonly pages: Readonly<Record<string, express.Handler>>;
  /** Pages for all other addresses. */
  readonly otherwise?: express.Handler;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly trustProxy: boolean;
}

/**
 * The web application: reads that are asked for again and again by `RepeatedReads`, everything else
 * by Express and `RouteHandler`. It does not listen.
 */
export function createServer(routes: readonly Route[], parts: ServerParts): RequestListener {
  const headers = securityHeaders();
  const failures = new Failures(parts.database, parts.logger);
  const log = new RequestLog(parts);
  const answers = new AnswerCache();
  const shared = { ...parts, failures, log, answers };
  const repeated = new RepeatedReads(routes, { ...shared, headers });
  const handler = new RouteHandler(routes, {
    ...shared,
    remember: (routed, call) => repeated.remember(routed, call),
  });

  const app = express();
  app
    .disable('x-powered-by')
    .set('etag', false)
    .set('query parser', false)
    .set('case sensitive routing', true)
    .set('strict routing', true);
  // One proxy is trusted: it wrote the last of the addresses that a request came through.
  app.set('trust proxy', parts.trustProxy ? 1 : false);
  app.use((_request, response, next) => {
    response.set(headers);
    next();
  });
  app.use(identify);
  app.use(requireHost);
  for (const [path, page] of Object.entries(parts.pages)) app.use(path, page);
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    const at = app.route(path.replace(/\{(\w+)\}/g, ':$1'));
    for (const route of here) at[verb(route.method)](handler.serve(route));
    at.all((request, response) =>
      sendProblem(request, response, wrongMethod(request.method, here)),
    );
  }
  if (parts.otherwise) app.use(parts.otherwise);
  app.use((request, response) => {
    const what = `There is no resource at ${request.path}. All paths are listed at /docs and /openapi.json.`;
    sendProblem(request, response, new Problem('not_found', what));
  });
  // Express knows an error handler by its four parameters.
  app.use(
    (error: { status?: number }, request: Request, response: Response, _next: NextFunction) => {
      const isMalformed = error.status !== undefined && error.status < 500;
      const problem = isMalformed
        ? new Problem('bad_request', 'The URL is malformed.')
        : failures.toProblem(error, response.locals as Locals);
      sendProblem(request, response, problem);
    },
  );
  return (request, response) => {
    if (!repeated.take(request, response)) app(request, response);
  };
}

/** HTTP/1.1 has every request name its host (RFC 9112, 3.2); HTTP/1.0 does not. */
function requireHost(request: Request, response: Response, next: NextFunction): void {
  if (request.headers.host !== undefined || request.httpVersion === '1.0') next();
  else sendProblem(request, response, new Problem('bad_request', 'The Host header is missing.'));
}

function verb(method: Method): 'get' | 'post' | 'put' | 'patch' | 'delete' {
  return method.toLowerCase() as Lowercase<Method>;
}

import type { Request, Response } from 'express';
import type { LogFields, Logger } from '../lib/logger.js';
import { type Tracing, UNTRACED } from '../lib/tracing.js';
import type { Caller } from './caller.js';
import type { Metrics } from './metrics.js';
import type { Route } from './route.js';

/** A request whose failure is logged. */
export interface LoggedRequest {
  readonly requestId: string;
  failure?: LogFields | undefined;
}

/** An answered request, for metrics and the log. */
interface AnsweredRequest {
  readonly route: Route;
  readonly method: string;
  readonly requestId: string;
  readonly status: number;
  readonly durationMs: number;
  readonly caller: Caller | undefined;
  readonly failure: LogFields | undefined;
}

/** What is measured, logged and traced of each request. Its address is not: it may hold anything. */
export class RequestLog {
  constructor(
    private readonly parts: {
      readonly logger: Logger;
      readonly metrics: Metrics;
      readonly tracing: Tracing;
    },
  ) {}

  /** Public routes, which probes request every few seconds, are logged only when they fail. */
  report({ route, method, requestId, status, durationMs, caller, ...rest }: AnsweredRequest): void {
    this.parts.metrics.observeRequest(route, status, durationMs);
    const isFailed = status >= 500;
    const failure = isFailed ? rest.failure : undefined;
    if (route.scope === 'public' && failure === undefined) return;
    this.parts.logger[isFailed ? 'warn' : 'info']('request', {
      request_id: requestId,
      method,
      route: route.path,
      status,
      duration_ms: Math.round(durationMs * 10) / 10,
      ...(caller && { key_id: caller.key.id, team_id: caller.teamId }),
      ...failure,
    });
  }

  /** A span from here to the end of the answer; public routes have none. */
  trace(route: Route, request: Request, response: Response): void {
    const tracing = route.scope === 'public' ? UNTRACED : this.parts.tracing;
    const span = tracing.start(
      'server',
      `${route.method} ${route.path}`,
      { 'http.request.method': route.method, 'http.route': route.path },
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
}

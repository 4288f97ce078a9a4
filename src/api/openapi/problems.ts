import { PROBLEMS, type ProblemCode } from '../../http/problem.js';
import { type Route, takesIdempotencyKey, takesIfMatch } from '../../http/route.js';

/**
 * Every problem that a route can answer with, by status: what follows from its scope, method and
 * schemas, and what its endpoint declares.
 */
export function problemsOf(route: Route): ReadonlyMap<number, readonly ProblemCode[]> {
  const { scope, method, endpoint } = route;
  const codes = new Set<ProblemCode>(['internal_error', 'validation_error', 'bad_request']);
  const add = (...more: readonly ProblemCode[]) => {
    for (const code of more) codes.add(code);
  };
  if (scope !== 'public')
    add(
      'unauthorized',
      'forbidden',
      'not_found',
      'not_acceptable',
      'rate_limited',
      'service_unavailable',
    );
  if (scope !== 'public' && scope !== 'root') add('insufficient_scope');
  if (endpoint.query && 'shape' in endpoint.query && 'cursor' in (endpoint.query.shape as object))
    add('cursor_mismatch');
  if (takesIdempotencyKey(route)) add('idempotency_in_progress', 'idempotency_mismatch');
  if (takesIfMatch(route)) add('precondition_failed');
  if (scope === 'public' && method !== 'GET') add('forbidden', 'service_unavailable');
  if (method !== 'GET') add('payload_too_large', 'unsupported_media_type');
  add(...(endpoint.problems ?? []));
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of [...codes].sort()) {
    const status = PROBLEMS[code][0];
    // An endpoint that answers such a status in a form of its own (readiness: 503) has no problem
    // there.
    if (!(status in endpoint.answers))
      byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

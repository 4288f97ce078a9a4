import { Problem } from '../http/problem.js';

/** What is told of what was under way with a connection when it was deleted. */
export function connectionDeleted(id: string): Problem {
  return new Problem(
    'not_found',
    `Connection ${id} was deleted while the request was handled. What its provider was asked to change may be done there.`,
  );
}

/** What is refused, and ended, while a connection is paused. */
export function connectionPaused(id: string): Problem {
  const what = `Connection ${id} is paused, so its provider is not called.`;
  return new Problem(
    'conflict',
    `${what} Resume it with PATCH /v1/connections/${id} {"paused": false}.`,
  );
}

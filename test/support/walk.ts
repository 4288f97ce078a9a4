import type { Route } from '../../src/http/route.js';
import type { Reply } from './client.js';

/** `GET /v1/accounts/{id}`: how a route is named in tests. */
export const nameOf = (route: Route) => `${route.method} ${route.path}`;

/** The route's address with an id that nothing has in the place of each parameter. */
export const addressOfNothing = (route: Route) => route.path.replace(/\{\w+\}/g, 'nothing');

/**
 * Asks every route, and tells what each answered that is not as `isRight` has it: a test hopes for
 * an empty list.
 */
export async function walk(
  routes: readonly Route[],
  ask: (route: Route) => Promise<Reply>,
  isRight: (reply: Reply, route: Route) => boolean,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const route of routes) {
    const reply = await ask(route);
    if (!isRight(reply, route))
      wrong.push(`${nameOf(route)} → ${reply.status} ${reply.text.slice(0, 200)}`);
  }
  return wrong;
}

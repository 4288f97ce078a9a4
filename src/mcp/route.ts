import { z } from 'zod';
import { challenge } from '../http/challenge.js';
import { Problem } from '../http/problem.js';
import { endpoint, type Route } from '../http/route.js';
import type { EndpointParts } from './endpoint.js';

/**
 * The route `/mcp`: the Model Context Protocol over Streamable HTTP, both of its revisions, without
 * sessions. It keeps nothing between requests. What it is made of is loaded by the first one: it
 * takes 12 MB, which a gateway without assistants spares.
 */
export function mcpRoute(parts: EndpointParts): Route {
  const load = async () => (await import('./endpoint.js')).mcpEndpoint(parts);
  let serve: ReturnType<typeof load> | undefined;
  return {
    method: 'POST',
    path: '/mcp',
    scope: 'read',
    endpoint: endpoint({
      summary: 'Model Context Protocol over Streamable HTTP',
      body: z.unknown(),
      answers: { 200: z.unknown(), 202: null },
      isStream: true,
      isProtocol: true,
      handle: async (call) => {
        // The console's session is for its own pages.
        if (call.headers.authorization === undefined)
          throw new Problem(
            'unauthorized',
            'Send a key as `Authorization: Bearer rc_…`.',
            {},
            challenge(undefined, 'read'),
          );
        serve ??= load();
        return (await serve)(call);
      },
    }),
  };
}

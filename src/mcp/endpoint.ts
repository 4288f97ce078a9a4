import { createMcpHandler, type McpServerFactory } from '@modelcontextprotocol/server';
import { createRollcall } from '../client/index.js';
import { RawText } from '../http/answer.js';
import type { AnyCall } from '../http/route.js';
import { createMcpServer } from './server.js';

/** No such host: what is sent there goes to this process. */
const IN_PROCESS = 'http://in-process.invalid';
/** What the transport reads, besides the body. */
const PASSED_ON = /^(accept|content-type|mcp-.+)$/;

/** What the endpoint of the Model Context Protocol is made of. */
export interface EndpointParts {
  readonly version: string;
  readonly stateKey: string;
  /** Hands requests to the gateway's own application. */
  readonly fetch: (request: Request) => Promise<Response>;
  readonly onError: (error: Error) => void;
}

/**
 * Answers calls of `/mcp`. Each tool asks the public API with the caller's own key, so what holds for
 * the key there holds here.
 */
export function mcpEndpoint(parts: EndpointParts) {
  return mcpHandler((call: AnyCall, clientName) => {
    const { caller } = call;
    const apiFor = (agent?: string) =>
      createRollcall({
        baseUrl: IN_PROCESS,
        key: (call.headers.authorization ?? '').replace(/^bearer +/i, ''),
        retries: 0,
        fetch: (request) => {
          request.headers.set('x-request-id', call.requestId);
          if (call.traceparent !== undefined) request.headers.set('traceparent', call.traceparent);
          return parts.fetch(request);
        },
        ...(caller.key.isRoot && { team: caller.teamId }),
        ...(agent !== undefined && { agent }),
      });
    const { version, stateKey, onError } = parts;
    const principal = `${caller.key.id} ${caller.teamId}`;
    const { scopes } = caller.key;
    return createMcpServer({ apiFor, principal, scopes, version, stateKey, clientName, onError });
  }, parts.onError);
}

/** What the protocol needs of a call. */
export type ProtocolCall = Pick<AnyCall, 'body' | 'headers' | 'signal' | 'url'>;

/** Answers one request with a server that `create` makes for it. */
export function mcpHandler<Asked extends ProtocolCall>(
  create: (call: Asked, clientName: string) => ReturnType<McpServerFactory>,
  onError: (error: Error) => void,
) {
  const calls = new WeakMap<Request, Asked>();
  const handler = createMcpHandler(
    ({ requestInfo }) => {
      const call = requestInfo && calls.get(requestInfo);
      if (call === undefined) throw new Error('a request of the protocol without its call');
      return create(call, call.headers['user-agent'] ?? 'unnamed client');
    },
    // Nothing can be subscribed to.
    { maxSubscriptions: 0, keepAliveMs: 0, onerror: onError },
  );
  return async (call: Asked) => {
    const passedOn = Object.entries(call.headers).flatMap(([name, value]) =>
      PASSED_ON.test(name) && value !== undefined
        ? [[name, String(value)] satisfies [string, string]]
        : [],
    );
    const request = new Request(call.url, {
      method: 'POST',
      headers: passedOn,
      signal: call.signal,
    });
    calls.set(request, call);
    const response = await handler.fetch(request, { parsedBody: call.body });
    const type = response.headers.get('content-type');
    const text = await response.text();
    return {
      status: response.status,
      headers: { 'Cache-Control': 'no-store' },
      ...(type !== null && { body: new RawText(text, type) }),
    };
  };
}

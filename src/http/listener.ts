import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '../lib/ids.js';
import { renderProblem } from './answer.js';
import { Problem } from './problem.js';

/** Limits on what a caller may send, and how slowly; times in milliseconds. */
export interface ListenerLimits {
  /** Address and headers together. */
  readonly headBytes: number;
  /** Until the headers have come. */
  readonly headersMs: number;
  /** Until the whole request has come. */
  readonly requestMs: number;
  /**
   * Without a byte either way while a request is under way: a caller that does not read its answer.
   * Longer than any answer takes.
   */
  readonly silenceMs: number;
  /**
   * Between two requests; longer than load balancers keep a connection, so that it is they who
   * close it.
   */
  readonly keepAliveMs: number;
  readonly connections: number;
}

const DEFAULT_LIMITS: ListenerLimits = {
  headBytes: 16 * 1024,
  headersMs: 5_000,
  requestMs: 10_000,
  silenceMs: 120_000,
  keepAliveMs: 65_000,
  connections: 5_000,
};

/** How often the server checks for late requests within the shortest limit. */
const CHECKS_PER_LIMIT = 10;

/**
 * The HTTP server, with limits on what it reads before the application sees it. A request that it
 * cannot read is answered with a problem too.
 */
export function createListener(
  application: RequestListener,
  limits: Partial<ListenerLimits> = {},
): Server {
  const { headBytes, headersMs, requestMs, silenceMs, keepAliveMs, connections } = {
    ...DEFAULT_LIMITS,
    ...limits,
  };
  const server = createServer(
    {
      maxHeaderSize: headBytes,
      // Node.js would answer without a problem; the application refuses such requests.
      requireHostHeader: false,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: headersMs / CHECKS_PER_LIMIT,
    },
    application,
  );
  // Whatever else a caller expects is left unmet, as RFC 9110 allows: Node.js would answer nothing but 417.
  server.on('checkExpectation', application);
  server.timeout = silenceMs;
  server.maxConnections = connections;
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return;
    // Browsers open connections ahead of requests: an answer on one that has asked nothing would be
    // taken for that of its first request.
    if ((socket as Socket).bytesRead === 0) {
      socket.destroy();
      return;
    }
    const detail = `The request is malformed, arrived too slowly, or its URL and headers exceed ${headBytes / 1024} KiB.`;
    const requestId = newId('req');
    const { headers, text = '' } = renderProblem(
      new Problem('bad_request', detail),
      '/',
      requestId,
    );
    const all = {
      ...headers,
      'X-Request-ID': requestId,
      'Content-Length': String(Buffer.byteLength(text)),
      Connection: 'close',
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 400 Bad Request\r\n${lines.join('')}\r\n${text}`);
  });
  return server;
}

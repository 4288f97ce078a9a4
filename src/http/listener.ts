import { createServer, type RequestListener, type Server } from 'node:http';
import { newId } from '../lib/ids.js';
import { Problem } from './problem.js';
import { renderProblem } from './render.js';

/** Address and headers together. */
const LARGEST_HEAD_BYTES = 16 * 1024;
/** A caller that has not sent its headers, or its whole request, by then is let go. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;

/** The HTTP server: bounded in what it reads before the application sees it. What it cannot read it answers with a problem too. */
export function createListener(application: RequestListener): Server {
  const server = createServer(
    { maxHeaderSize: LARGEST_HEAD_BYTES, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1000 },
    application,
  );
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return;
    const detail = `The request is malformed, too slow, or its address and headers are over ${LARGEST_HEAD_BYTES / 1024} KiB.`;
    const requestId = newId('req');
    const { headers, text = '' } = renderProblem(new Problem('bad_request', detail), '/', requestId);
    const all = { ...headers, 'X-Request-ID': requestId, 'Content-Length': String(Buffer.byteLength(text)), Connection: 'close' };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 400 Bad Request\r\n${lines.join('')}\r\n${text}`);
  });
  return server;
}

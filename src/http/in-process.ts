import { createServer, request as httpRequest, type RequestListener } from 'node:http';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';

/** Headers that are about a connection, of which there is none. */
const OF_CONNECTIONS = ['connection', 'keep-alive', 'transfer-encoding'];

/**
 * A `fetch` that hands requests to an application of this process, over no network: HTTP as it is,
 * through two streams in memory. What the application holds for its callers holds for this one.
 * Answers are read to their end: not for streams.
 */
export function inProcessFetch(
  application: RequestListener,
): (request: Request) => Promise<Response> {
  const server = createServer(application);
  return async (request) => {
    const { pathname, search, host } = new URL(request.url);
    const body = await request.text();
    const [near, far] = duplexPair();
    server.emit('connection', far);
    const headers = { ...Object.fromEntries(request.headers), host, connection: 'close' };
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        { method: request.method, path: pathname + search, headers, createConnection: () => near },
        (response) => {
          const kept = Object.entries(response.headers).flatMap(([name, value]) =>
            OF_CONNECTIONS.includes(name) || value === undefined
              ? []
              : [value].flat().map((one): [string, string] => [name, one]),
          );
          const { statusCode: status = 500 } = response;
          text(response).then((whole) => {
            const isEmpty = whole === '' || status === 204 || status === 304;
            resolve(new Response(isEmpty ? null : whole, { status, headers: kept }));
            far.destroy();
          }, reject);
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
  };
}

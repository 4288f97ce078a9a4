import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How long callers may still send the rest of a request, or read the rest of a response. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 50;

/**
 * Watches the connections of a server from its start, to close it in good order: it takes no new
 * ones, answers every request that came whole, and is held up by no caller who is slow.
 * @returns closes the server and resolves when its last connection has ended
 */
export function gracefulShutdown(server: Server): () => Promise<void> {
  const connections = new Set<Socket>();
  const exchanges = new Set<{
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
  }>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request, response) => {
    const exchange = { request, response };
    exchanges.add(exchange);
    response.once('close', () => exchanges.delete(exchange));
  });

  const cutSlowOnes = () => {
    const atWork = [...exchanges].filter(
      ({ request, response }) => request.complete && !response.writableEnded,
    );
    const kept = new Set(atWork.map(({ request }) => request.socket));
    for (const socket of connections) if (!kept.has(socket)) socket.destroy();
  };
  return async () => {
    const closed = once(server, 'close');
    server.close();
    const endsAt = performance.now() + PATIENCE_MS;
    const sweeper = setInterval(() => {
      // Connections fall idle one by one as their answers go out.
      server.closeIdleConnections();
      if (performance.now() >= endsAt) cutSlowOnes();
    }, LOOK_MS);
    await closed;
    clearInterval(sweeper);
  };
}

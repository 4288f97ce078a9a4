import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** How long callers may still send the rest of a request, or read the rest of a response. */
const PATIENCE_MS = 3_000;
const LOOK_MS = 50;

/** Ends a server in good order. */
export interface GracefulShutdown {
  /**
   * From now on each answer says `Connection: close`, so that its caller's next request comes over
   * a new connection, which a load balancer takes to another replica.
   */
  drain(): void;
  /**
   * Takes no new connections, answers every request that came whole, and is held up by no caller
   * who is slow. Resolves when the last connection has ended.
   */
  close(): Promise<void>;
}

/** Watches the connections of a server from its start. */
export function gracefulShutdown(server: Server): GracefulShutdown {
  const connections = new Set<Socket>();
  const exchanges = new Set<{
    readonly request: IncomingMessage;
    readonly response: ServerResponse;
  }>();
  let isDraining = false;
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  // Before the application, which may answer at once.
  server.prependListener('request', (request, response) => {
    const exchange = { request, response };
    exchanges.add(exchange);
    response.once('close', () => exchanges.delete(exchange));
    if (isDraining) response.setHeader('Connection', 'close');
  });

  const cutSlowOnes = () => {
    const atWork = [...exchanges].filter(
      ({ request, response }) => request.complete && !response.writableEnded,
    );
    const kept = new Set(atWork.map(({ request }) => request.socket));
    for (const socket of connections) if (!kept.has(socket)) socket.destroy();
  };
  const drain = () => {
    isDraining = true;
    for (const { response } of exchanges)
      if (!response.headersSent) response.setHeader('Connection', 'close');
  };
  return {
    drain,
    close: async () => {
      drain();
      // Comes right after the event loop has accepted all who connected: the system resets those
      // who are not accepted when the listener closes.
      await setImmediate();
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
    },
  };
}

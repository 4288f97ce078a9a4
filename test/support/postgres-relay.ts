import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** Where in the transaction that stores an answer a session is stopped. */
export type Edge = 'before the commit' | 'during the commit' | 'after the commit';

/** Stands between a gateway and a PostgreSQL, and can stop sessions at chosen places. */
export interface PostgresRelay {
  readonly port: number;
  /** From now on each session that commits an answer is stopped at the edge. */
  stopAt(edge: Edge): void;
  /** How many are stopped. */
  stopped(): number;
  /** Breaks all sessions, and stops no more. */
  cut(): void;
  close(): Promise<void>;
}

const STORES_ANSWER = 'UPDATE idempotency_keys SET answer';
const BEGINS = 'BEGIN';
const COMMITS = 'COMMIT';

/** @param to the server's port on this machine */
export async function startPostgresRelay(to: number): Promise<PostgresRelay> {
  const sockets = new Set<Socket>();
  let edge: Edge | undefined;
  let stopped = 0;
  const server = createServer((caller) => {
    const database = createConnection(to, '127.0.0.1');
    let stores = false;
    let lets: 'all' | 'requests' | 'nothing' = 'all';
    const end = () => {
      caller.destroy();
      database.destroy();
    };
    for (const socket of [caller, database]) {
      sockets.add(socket);
      socket.on('error', end).on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    caller.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      // An answer may also be stored outside a transaction: the session's next one is another's.
      if (text.includes(BEGINS)) stores = false;
      if (text.includes(STORES_ANSWER)) stores = true;
      if (edge !== undefined && stores && text.includes(COMMITS)) {
        if (edge === 'before the commit') stopped += 1;
        lets = edge === 'before the commit' ? 'nothing' : 'requests';
      }
      if (text.includes(COMMITS) && edge === undefined) stores = false;
      if (lets !== 'nothing') database.write(chunk);
    });
    database.on('data', (chunk) => {
      if (lets === 'all') caller.write(chunk);
      else if (lets === 'requests') {
        stopped += 1;
        lets = 'nothing';
        // Others get the session next: they go on until all are stopped.
        if (edge === 'after the commit') {
          lets = 'all';
          stores = false;
          caller.write(chunk);
        }
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    edge = undefined;
    stopped = 0;
  };
  return {
    port: (server.address() as AddressInfo).port,
    stopAt: (place) => {
      edge = place;
    },
    stopped: () => stopped,
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

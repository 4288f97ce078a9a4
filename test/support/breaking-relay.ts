import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

/** What is done to a session, in place of what was asked over it. */
export type Break =
  /** Its caller's socket is reset, or closed in good order. */
  | 'reset'
  | 'end'
  /** Its caller is answered what no server says. */
  | 'noise'
  /** It is told of an error; after `FATAL` it is closed. */
  | { readonly severity: 'ERROR' | 'FATAL'; readonly code: string };

/** Stands between a gateway and a PostgreSQL, and breaks sessions at chosen statements. */
export interface BreakingRelay {
  readonly port: number;
  /** From now on, at each statement whose message matches; at none when left out. */
  breakAt(point?: RegExp, how?: Break): void;
  close(): Promise<void>;
}

/** @param to the server's socket, or its port on this machine */
export async function startBreakingRelay(to: string | number): Promise<BreakingRelay> {
  const sockets = new Set<Socket>();
  let armed: { readonly point: RegExp; readonly how: Break } | undefined;
  const server = createServer((caller) => {
    const database = typeof to === 'string' ? createConnection(to) : createConnection(to);
    /** The server's answers go to the caller. */
    let isRelaying = true;
    /** As the server last said with its `ReadyForQuery`. */
    let state = 'I';
    for (const socket of [caller, database]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          caller.destroy();
          database.destroy();
        });
    }
    const breakOff = (text: string, how: Break) => {
      if (how === 'reset') caller.resetAndDestroy();
      else if (how === 'end') caller.end();
      else if (how === 'noise') caller.write(message('\x7f', ''), 'latin1');
      else if (how.severity === 'FATAL') caller.end(errorOf(how), 'latin1');
      else if (/COMMIT/.test(text)) {
        // A transaction whose COMMIT fails is at an end.
        isRelaying = false;
        database.write(message('Q', 'ROLLBACK\0'));
        database.once('data', () => {
          isRelaying = true;
          caller.write(errorOf(how) + message('Z', 'I'), 'latin1');
        });
      } else caller.write(errorOf(how) + message('Z', state === 'I' ? 'I' : 'E'), 'latin1');
    };
    caller.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (armed?.point.test(text)) breakOff(text, armed.how);
      else database.write(chunk);
    });
    database.on('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (text.at(-6) === 'Z') state = text.at(-1) ?? state;
      if (isRelaying) caller.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    breakAt: (point, how) => {
      armed = point && how && { point, how };
    },
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** One of the protocol: its type, its length, and the rest. */
function message(type: string, rest: string): string {
  const length = Buffer.alloc(4);
  length.writeInt32BE(rest.length + 4);
  return type + length.toString('latin1') + rest;
}

const errorOf = ({ severity, code }: { readonly severity: string; readonly code: string }) =>
  message('E', `S${severity}\0V${severity}\0C${code}\0Msaid by the relay\0\0`);

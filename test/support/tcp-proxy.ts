import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A proxy before a server on this machine. */
export interface TcpProxy {
  readonly port: number;
  /** Forwards nothing any more, on any connection, and closes none; new ones are accepted. */
  stopForwarding(): void;
  /** Forwards what is new from now on; what was stopped stays silent. */
  forwardNew(): void;
  /** How many connections it has accepted. */
  accepted(): number;
  close(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isForwarding = true;
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket.on('error', () => undefined));
    if (!isForwarding) return;
    const other = connect(target, '127.0.0.1').on('error', () => socket.destroy());
    sockets.add(other);
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const)
      from.pipe(to).on('close', () => from.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stopForwarding: () => {
      isForwarding = false;
      for (const socket of sockets) socket.unpipe().pause();
    },
    forwardNew: () => {
      isForwarding = true;
    },
    accepted: () => accepted,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');

/** One connection of HTTP/1.1 that is kept, on which one request follows the other. */
interface RawClient {
  /** @returns the status; the body is read and dropped */
  get(path: string): Promise<number>;
  close(): void;
}

/**
 * A caller that costs next to nothing, so that who is measured has the machine: it looks for the
 * status, the length and the end of an answer, and for no more.
 * @param headers of every request
 */
export async function rawClient(
  port: number,
  headers: Readonly<Record<string, string>>,
): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers });
  const rest = `${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  const answers = readAnswers(socket);
  return {
    get: (path) => {
      const answered = answers.next();
      socket.write(`GET ${path} HTTP/1.1\r\n${rest}`);
      return answered;
    },
    close: () => socket.destroy(),
  };
}

function readAnswers(socket: Socket) {
  let resolve: (status: number) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  let head = Buffer.alloc(0);
  /** Bytes of the body that are still to come; `undefined`: the head is not whole yet. */
  let missing: number | undefined;
  let status = 0;
  socket.on('data', (chunk) => {
    let body = chunk.length;
    if (missing === undefined) {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const end = head.indexOf(HEAD_END);
      if (end < 0) return;
      const text = head.toString('latin1', 0, end);
      status = Number(text.slice(9, 12));
      missing = status === 304 ? 0 : Number(/content-length: *(\d+)/i.exec(text)?.[1]);
      if (Number.isNaN(missing)) reject(new Error('an answer without a length'));
      body = head.length - end - HEAD_END.length;
    }
    missing -= body;
    if (missing > 0) return;
    head = Buffer.alloc(0);
    missing = undefined;
    resolve(status);
  });
  socket.on('error', (error) => reject(error));
  socket.on('close', () => reject(new Error('the connection was closed')));
  return {
    next: () =>
      new Promise<number>((...settle) => {
        [resolve, reject] = settle;
      }),
  };
}

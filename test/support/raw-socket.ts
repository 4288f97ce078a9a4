import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A caller that speaks HTTP as badly as a test wants. */
interface RawSocket {
  readonly socket: Socket;
  /** Resolves with all that came, once the other side has closed. */
  readonly ended: Promise<string>;
}

export async function openSocket(url: string): Promise<RawSocket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    answer += chunk;
  });
  // The other side may cut it off.
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(answer)));
  await once(socket, 'connect');
  return { socket, ended };
}

/** The status and the parsed body of the first answer. */
export function readAnswer(answer: string) {
  const [head = '', text = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: JSON.parse(text) };
}

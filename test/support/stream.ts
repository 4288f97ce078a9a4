import type { Gateway } from './gateway.js';
import { waitFor } from './wait.js';

/** A server-sent event, its data parsed. */
interface StreamedEvent {
  readonly id: string;
  readonly data: ReturnType<typeof JSON.parse>;
}

/** Listens to a stream of the gateway with the root key; resolves once it is listening. */
export async function readStream(
  gateway: Pick<Gateway, 'url' | 'root'>,
  path: string,
  headers: Record<string, string> = {},
) {
  const leaving = new AbortController();
  const response = await fetch(gateway.url + path, {
    headers: {
      Authorization: `Bearer ${gateway.root.key}`,
      Accept: 'text/event-stream',
      ...headers,
    },
    signal: leaving.signal,
  });
  if (response.status !== 200 || !response.body)
    throw new Error(`${response.status}: ${await response.text()}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = (await reader.read()).value ?? '';
  const events: StreamedEvent[] = [];
  let comments = 0;
  const retries: number[] = [];
  const read = async () => {
    for (;;) {
      const blocks = buffer.split('\n\n');
      buffer = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.startsWith(':')) comments++;
        const retry = /^retry: (.*)$/m.exec(block)?.[1];
        if (retry !== undefined) retries.push(Number(retry));
        const id = /^id: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (id !== undefined && data !== undefined) events.push({ id, data: JSON.parse(data) });
      }
      const { value, done } = await reader.read();
      if (done) return;
      buffer += value;
    }
  };
  const ended = read().catch(() => undefined);
  return {
    ended,
    close: () => leaving.abort(),
    /** How many pieces without an event have come so far. */
    comments: () => comments,
    /** The milliseconds that it was told to wait before it connects again, oldest first. */
    retries: () => retries,
    /** The events that have come and that nobody took. */
    drain: (): StreamedEvent[] => events.splice(0),
    /** The next `count` events, once they have come. */
    take: async (count: number): Promise<StreamedEvent[]> => {
      await waitFor(`${count} events of ${path}`, () => events.length, {
        until: (length) => length >= count,
      });
      return events.splice(0, count);
    },
  };
}

import type { Rollcall } from '../client/index.js';
import type { Context } from './context.js';

/** One event of a stream, and where to go on after it. */
interface StreamedEvent {
  readonly id: string;
  readonly event: Readonly<Record<string, unknown>>;
}

const RECONNECT_MS = 2_000;

/**
 * Events as they happen, without an end: a stream that ends is resumed after the last event.
 * @param query of `GET /v1/events/stream`
 * @param onOpen is called each time the gateway listens; false ends it
 */
export async function* streamEvents(
  context: Context,
  client: Rollcall,
  query: Readonly<Record<string, unknown>>,
  onOpen: () => Promise<boolean>,
): AsyncGenerator<StreamedEvent, void, undefined> {
  const left = new AbortController();
  try {
    yield* reopened(context, client, query, onOpen, left.signal);
  } finally {
    // Who has had enough of them leaves the stream, which would stay open.
    left.abort();
  }
}

async function* reopened(
  context: Context,
  client: Rollcall,
  query: Readonly<Record<string, unknown>>,
  onOpen: () => Promise<boolean>,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent, void, undefined> {
  let last: string | undefined;
  for (;;) {
    const response = await client.ask('/v1/events/stream', {
      query: last === undefined ? query : { ...query, after: undefined },
      headers: last === undefined ? {} : { 'Last-Event-ID': last },
      signal,
    });
    if (!(await onOpen())) return;
    try {
      for await (const item of itemsOf(response)) {
        last = item.id;
        yield item;
      }
    } catch (error) {
      // Connections break; what the gateway refuses is told by the next request.
      if ((error as Error).name !== 'TypeError') throw error;
    }
    await context.progress.during(
      'The stream has ended; resuming it',
      new Promise((resolve) => setTimeout(resolve, RECONNECT_MS)),
    );
  }
}

async function* itemsOf(response: Response): AsyncGenerator<StreamedEvent, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const id = /^id: ?(.*)$/m.exec(block)?.[1];
      const data = /^data: ?(.*)$/m.exec(block)?.[1];
      if (id !== undefined && data !== undefined) yield { id, event: JSON.parse(data) };
    }
  }
}

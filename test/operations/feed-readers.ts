import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type NewEvent, recordEvents } from '../../src/events/index.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { readStream } from '../support/stream.js';

/** A fact that is told by nothing but its number. */
export const eventOf = (number: number): NewEvent => ({
  type: 'account.updated',
  accountId: null,
  data: { number },
});

/** Writes and reads until it is ended. */
interface Loop {
  end(): Promise<void>;
}

function repeat(round: () => Promise<void>): Loop {
  let isOver = false;
  const run = async () => {
    // What breaks with a process or the database is tried again.
    while (!isOver) await round().catch(() => sleep(20));
  };
  const running = run();
  return {
    end: async () => {
      isOver = true;
      await running;
    },
  };
}

/**
 * Writes events in transactions that overlap: of several statements with pauses between them, some
 * of them long, some undone. A few lose their connection.
 */
export function startWriter(url: string, teamId: string, random: () => number): Loop {
  return repeat(async () => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      for (;;) {
        await client.query('BEGIN');
        for (let statement = 0; statement < 1 + 3 * random(); statement++) {
          const events = Array.from({ length: 1 + 2 * random() }, () => eventOf(random()));
          await recordEvents(client, teamId, events, new Date());
          await sleep(random() < 0.1 ? 500 * random() : 60 * random());
        }
        const end = random();
        if (end < 0.05) return;
        await client.query(end < 0.15 ? 'ROLLBACK' : 'COMMIT');
        if (end > 0.9) return;
      }
    } finally {
      await client.end();
    }
  });
}

/** Reads a feed page by page, each page from another replica. */
export function startPager(
  replicas: readonly Pick<GatewayProcess, 'root'>[],
  after: string,
  random: () => number,
) {
  const seen: string[] = [];
  let cursor = after;
  const loop = repeat(async () => {
    const replica = replicas[Math.floor(random() * replicas.length)] as GatewayProcess;
    const page = await replica.root.get(`/v1/events?limit=7&after=${encodeURIComponent(cursor)}`);
    if (page.status !== 200) throw new Error(page.text);
    seen.push(...page.body.data.map(({ id }: { id: string }) => id));
    cursor = page.body.pagination.next_cursor;
    if (!page.body.pagination.has_next) await sleep(20 * random());
  });
  return { ...loop, seen };
}

/** Reads a stream, and goes on at another replica when it ends. */
export function startStreamReader(
  replicas: readonly GatewayProcess[],
  after: string,
  random: () => number,
) {
  const seen: string[] = [];
  let last = after;
  let isOver = false;
  const loop = repeat(async () => {
    const replica = replicas[Math.floor(random() * replicas.length)] as GatewayProcess;
    const stream = await readStream(replica, '/v1/events/stream', { 'Last-Event-ID': last });
    let hasEnded = false;
    void stream.ended.then(() => {
      hasEnded = true;
    });
    for (let rest = false; !rest; ) {
      rest = hasEnded || isOver;
      for (const { id, data } of stream.drain()) {
        last = id;
        seen.push(data.id);
      }
      await sleep(10);
    }
    stream.close();
  });
  const end = () => {
    isOver = true;
    return loop.end();
  };
  return { end, seen };
}

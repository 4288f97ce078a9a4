import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request as it came. */
interface Asked {
  readonly key: string;
  readonly cursor: string | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * A server that lists accounts as Outfame does: `pages` of one account each, every page under a
 * cursor of its own and after `latencyMs`; it knows none of them by itself, and takes `lookMs` longer to
 * say so.
 */
export async function startEndlessProvider({ latencyMs = 100, pages = Number.MAX_SAFE_INTEGER }) {
  const settings = { latencyMs, pages, lookMs: 0 };
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    const cursor = url.searchParams.get('cursor');
    const key = (request.headers.authorization ?? '').replace('Bearer ', '');
    asked.push({ key, cursor, at: Date.now() });
    const isOne = /\/accounts\/./.test(url.pathname);
    const waitMs = settings.latencyMs + (isOne ? settings.lookMs : 0);
    await sleep(waitMs, undefined, { ref: false });
    const page = Number(cursor ?? 0);
    const item = {
      id: `acc_page${page}`,
      instagram_username: `page${page}`,
      platform: 'instagram',
      status: 'active',
    };
    const more = page + 1 < settings.pages;
    const body = { data: [item], has_more: more, ...(more && { next_cursor: String(page + 1) }) };
    response.writeHead(isOne ? 404 : 200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(isOne ? { error: { code: 'account_not_found', message: 'no' } } : body),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    settings,
    /** What was asked with a key. */
    askedWith: (key: string) => asked.filter((one) => one.key === key),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export type EndlessProvider = Awaited<ReturnType<typeof startEndlessProvider>>;

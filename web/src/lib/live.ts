import type { InfiniteData } from '@tanstack/react-query';
import { useEffect, useRef, useSyncExternalStore } from 'react';
import { type Account, actingTeam, type Page, type RollcallEvent } from './api';
import { queries } from './queries';

export type LiveState = 'connecting' | 'connected' | 'reconnecting' | 'stale';
/** What tabs tell each other. */
type Message =
  | { readonly kind: 'state'; readonly state: LiveState; readonly since: number }
  | { readonly kind: 'event'; readonly event: RollcallEvent }
  | { readonly kind: 'gap' }
  | { readonly kind: 'hello' };

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 15_000;
/** Without a stream for this long, what is on the page is called stale. */
const STALE_MS = 20_000;

let shown: { readonly state: LiveState; readonly since: number } = {
  state: 'connecting',
  since: Date.now(),
};
const watchers = new Set<() => void>();
const listeners = new Set<(event: RollcallEvent | 'gap') => void>();

function receive(message: Message): void {
  if (message.kind === 'state') {
    shown = { state: message.state, since: message.since };
    for (const changed of watchers) changed();
  } else if (message.kind === 'event') {
    patch(message.event);
    for (const listener of listeners) listener(message.event);
  } else if (message.kind === 'gap') {
    void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'list' });
    for (const listener of listeners) listener('gap');
  }
}

/** Whether the page hears of changes, and since when. */
export const useLiveState = () =>
  useSyncExternalStore(
    (changed) => {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    () => shown,
  );

/** Hears each event; `gap`: some may have been missed. */
export function useEvents(listener: (event: RollcallEvent | 'gap') => void): void {
  const latest = useRef(listener);
  latest.current = listener;
  useEffect(() => {
    const hear = (event: RollcallEvent | 'gap') => latest.current(event);
    listeners.add(hear);
    return () => {
      listeners.delete(hear);
    };
  }, []);
}

/**
 * Follows the gateway's events with one stream for all tabs of this browser that are signed in
 * alike: the tab that has the lock reads it and tells the others. Where the browser gives no locks
 * (plain http on another host), each tab reads its own.
 * @param session whose events: tabs of another session do not listen
 */
export function followEvents(session: string): () => void {
  const ended = new AbortController();
  const name = `rollcall-live:${session}:${actingTeam() ?? ''}`;
  const channel = new BroadcastChannel(name);
  let isLeader = false;
  const tell = (message: Message) => {
    receive(message);
    channel.postMessage(message);
  };
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind !== 'hello') receive(data);
    else if (isLeader) channel.postMessage({ kind: 'state', ...shown } satisfies Message);
  };
  channel.postMessage({ kind: 'hello' } satisfies Message);
  const lead = () => {
    isLeader = true;
    return readStream(tell, ended.signal);
  };
  if (navigator.locks === undefined) void lead();
  else
    navigator.locks.request(name, { signal: ended.signal }, lead).catch(() => {
      // The page gave up waiting for the lock.
    });
  return () => {
    ended.abort();
    channel.close();
  };
}

async function readStream(tell: (message: Message) => void, signal: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  let since = Date.now();
  let wasConnected = false;
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const response = await fetch('/v1/events/stream', {
        signal,
        headers: {
          ...(lastId !== undefined && { 'Last-Event-ID': lastId }),
          ...(actingTeam() !== undefined && { 'Rollcall-Team': actingTeam() ?? '' }),
        },
      });
      if (response.status === 401) {
        queries.setQueryData(['session'], null);
        return;
      }
      // A position that the gateway knows no more: go on from now.
      if (response.status === 422) lastId = undefined;
      if (response.ok && response.body !== null) {
        if (wasConnected && lastId === undefined) tell({ kind: 'gap' });
        failures = 0;
        wasConnected = true;
        since = Date.now();
        tell({ kind: 'state', state: 'connected', since });
        for await (const { id, data } of frames(response.body)) {
          lastId = id ?? lastId;
          since = Date.now();
          if (data !== undefined) tell({ kind: 'event', event: JSON.parse(data) as RollcallEvent });
        }
        since = Date.now();
      }
    } catch {
      // Tried again below, for as long as the page is there.
    }
    if (signal.aborted) return;
    const isStale = Date.now() - since > STALE_MS;
    tell({ kind: 'state', state: isStale ? 'stale' : 'reconnecting', since });
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures)),
    );
  }
}

interface Frame {
  readonly id?: string | undefined;
  readonly data?: string | undefined;
}

/** The frames of server-sent events. */
async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as never)
    .getReader() as ReadableStreamDefaultReader<string>;
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const field = (name: string) =>
        part
          .split('\n')
          .filter((line) => line.startsWith(`${name}: `))
          .map((line) => line.slice(name.length + 2))
          .join('\n') || undefined;
      yield { id: field('id'), data: field('data') };
    }
  }
}

type Told = {
  readonly status: Account['status'];
  readonly health: Pick<Account['health'], 'status' | 'reason' | 'fault'>;
};

/** Writes what an event tells about an account into the rows that show it, where they stand. */
function patch({ type, account_id: id, data, timestamp }: RollcallEvent): void {
  const told = (data as { account?: Told }).account;
  if (id === null || told === undefined || !type.startsWith('account.')) return;
  const change = (account: Account): Account => {
    if (account.id !== id) return account;
    const isNew = account.health.status !== told.health.status;
    const since = isNew ? timestamp : account.health.since;
    return {
      ...account,
      status: told.status,
      health: { ...account.health, ...told.health, since },
    };
  };
  queries.setQueriesData<InfiniteData<Page<Account>>>(
    { queryKey: ['list', '/v1/accounts'] },
    (list) => {
      const pages = list?.pages.map((page) =>
        page.data.some((account) => account.id === id)
          ? { ...page, data: page.data.map(change) }
          : page,
      );
      return list && pages && { ...list, pages };
    },
  );
  void queries.invalidateQueries({ queryKey: ['account', id] });
}

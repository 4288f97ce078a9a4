import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { systemClock } from '../../src/lib/clock.js';
import {
  type AnyAdapter,
  defineAdapter,
  NO_METRICS,
  type ObservedAccount,
  path,
} from '../../src/model/index.js';
import {
  createProviders,
  type PolicySettings,
  type ProviderConnection,
  type Providers,
  type ProvidersSettings,
} from '../../src/providers/index.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on loopback that answers as the test says, and counts. */
export interface SmallProvider {
  readonly baseUrl: string;
  readonly requests: {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[];
  /** Answers every request from now on. */
  answer(handler: Handler): void;
  close(): Promise<void>;
}

export async function startSmallProvider(): Promise<SmallProvider> {
  let handler: Handler = json(200, { items: [] });
  const requests: SmallProvider['requests'] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      requests.push({
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body,
      });
      handler(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    answer: (next) => {
      handler = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with `body` as JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
  };
}

/** Answers the first requests with the first handlers, and all others with the last. */
export function inTurn(...handlers: Handler[]): Handler {
  let turn = 0;
  return (request, response) =>
    handlers[Math.min(turn++, handlers.length - 1)]?.(request, response);
}

const account = z.object({
  id: z.string(),
  platform: z.string(),
  username: z.string(),
  health: z.string().nullish(),
});
const accountPage = z.object({ items: z.array(z.unknown()), next: z.string().nullish() });

function toAccount(wire: z.infer<typeof account>): ObservedAccount {
  if (wire.username === 'unmappable') throw new RangeError(`cannot map ${wire.username}`);
  const isHealthy = wire.health === 'healthy';
  return {
    providerAccountId: wire.id,
    platform: wire.platform,
    platformUserId: null,
    username: wire.username,
    displayName: null,
    avatarUrl: null,
    profileUrl: null,
    isVerified: null,
    status: 'active',
    providerStatus: wire.health ?? null,
    verdict: { status: isHealthy ? 'healthy' : 'unknown', reason: null, fault: null },
    tokenValid: null,
    permissions: null,
    tokenExpiresAt: null,
    advice: [],
    metrics: NO_METRICS,
    settings: null,
    connectedAt: null,
    lastUsedAt: null,
    providerUpdatedAt: null,
  };
}

const common = {
  docs: 'https://docs.small.example',
  baseUrl: 'https://api.small.example/v1',
  auth: { scheme: 'bearer' },
  platforms: ['instagram'],
  limits: {
    requests: 60_000,
    perSeconds: 60,
    concurrency: 4,
    pageSize: 100,
    maxAnswerBytes: 64 * 1024,
  },
  disconnectEffect: {
    destroysData: false,
    revokesToken: true,
    reversible: false,
    howToReconnect: 'Connect it again.',
  },
  errorBody: {
    schema: z.object({ code: z.string(), message: z.string() }),
    read: (fault: { code: string; message: string }) => fault,
    codes: {
      already_paused: 'already_so',
      plan_full: 'quota_exceeded',
      no_such_account: 'not_found',
      broken: 'server_error',
    },
  },
} as const;

const list = {
  request: (page: { cursor: string | undefined; limit: number }) => ({
    method: 'GET' as const,
    path: path`/accounts`,
    query: { cursor: page.cursor, limit: page.limit },
  }),
  response: accountPage,
  map: (page: z.infer<typeof accountPage>) => ({ items: page.items, next: page.next ?? undefined }),
};

const disconnect = {
  request: ({ id }: { id: string }) => ({ method: 'DELETE' as const, path: path`/accounts/${id}` }),
  response: z.unknown(),
  map: () => true as const,
};

/** Pages, reads single accounts, creates and pauses. */
export const fullAdapter: AnyAdapter = defineAdapter({
  ...common,
  id: 'full',
  name: 'Full',
  account: { schema: account, map: toAccount, id: (item) => item.id, deciding: ['health'] },
  operations: {
    list,
    disconnect,
    get: {
      request: ({ id }) => ({ method: 'GET', path: path`/accounts/${id}` }),
      response: z.unknown(),
      map: (wire) => wire,
    },
    verify: {
      request: () => ({ method: 'GET', path: path`/me` }),
      response: z.unknown(),
      map: () => true,
    },
    create: {
      request: ({ platform, username }) => ({
        method: 'POST',
        path: path`/accounts`,
        body: { platform, username },
      }),
      response: z.unknown(),
      map: (wire) => wire,
    },
    pause: {
      request: ({ id }) => ({ method: 'POST', path: path`/accounts/${id}/pause` }),
      response: z.object({ account: z.string() }).nullable(),
      map: () => true,
      subject: (answer) => answer?.account,
    },
  },
});

/** Cannot read a single account and tells health apart. */
export const plainAdapter: AnyAdapter = defineAdapter({
  ...common,
  id: 'plain',
  name: 'Plain',
  headers: { 'Content-Type': 'application/json' },
  account: {
    schema: account,
    map: toAccount,
    id: (item) => item.id,
    deciding: ['health'],
    joinKey: (item) => {
      const parsed = z.object({ id: z.string(), platform: z.string() }).safeParse(item);
      return parsed.success ? `${parsed.data.platform}/${parsed.data.id}` : undefined;
    },
  },
  operations: {
    list,
    disconnect,
    health: {
      request: () => ({ method: 'GET', path: path`/health` }),
      response: accountPage,
      map: ({ items }) => ({ items }),
    },
  },
});

/** Its own word for an account that it does not hold. */
export const NO_SUCH_ACCOUNT = { code: 'no_such_account', message: 'No such account.' };

export const API_KEY = 'sk_live_0123456789abcdefghij';

/** The engine with delays a test can wait for, and a connection to `provider`. */
export function engineFor(
  provider: SmallProvider,
  policies: Partial<PolicySettings> = {},
  settings: Partial<ProvidersSettings> = {},
): { providers: Providers; full: ProviderConnection; plain: ProviderConnection } {
  const connection = { baseUrl: provider.baseUrl, credentials: { api_key: API_KEY } };
  return {
    providers: createProviders({
      clock: systemClock,
      adapters: [fullAdapter, plainAdapter],
      ...settings,
      policies: { retryBaseMs: 1, ...policies },
    }),
    full: { id: 'conn_full', provider: 'full', ...connection },
    plain: { id: 'conn_plain', provider: 'plain', ...connection },
  };
}

/** The error a call ends with. */
export async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => {
      throw new Error('the call was expected to fail');
    },
    (error: unknown) => error,
  );
}

export const item = (id: string, username = `user-${id}`) => ({
  id,
  platform: 'instagram',
  username,
});

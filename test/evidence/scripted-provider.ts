import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  accountTexts,
  type Held,
  PROVIDER_FORMATS,
  type ProviderName,
  textsWith,
} from './provider-formats.js';

/** A request as a provider got it. */
export interface Received {
  readonly method: string;
  /** Below the base URL, without the query, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** An answer as it goes over the wire. */
export interface Answer {
  /** 200 when left out. */
  readonly status?: number;
  /** Line by line, repeated ones too. JSON is the content type unless one is among them. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it stands, in place of `body`. */
  readonly raw?: string | Uint8Array;
  /** So many bytes of the body are sent and the connection is cut, though all were announced. */
  readonly cutAfter?: number;
  /** Nothing is ever answered. */
  readonly hangs?: true;
}

/** What is answered to a call: always the same, or by what was asked and how often it was. */
export type Reaction =
  | Answer
  | ((request: Received, usual: () => Answer, turn: number) => Answer | Promise<Answer>);

/**
 * A real server on loopback that plays one of the providers: faithfully over the accounts that it
 * holds, but for the calls that a test scripts.
 */
export interface ScriptedProvider {
  readonly name: ProviderName;
  readonly baseUrl: string;
  /** All that it was asked, in order. */
  readonly requests: Received[];
  /** The accounts it truly holds, by its id (`platform/accountId` where that is the key). */
  readonly held: Map<string, Held>;
  /**
   * Holds an account that is as documented but for `part`, and for `rawPart`: members as JSON
   * text, such as `"metadata":{"n":17841400123456789}`.
   */
  put(id: string, part?: Readonly<Record<string, unknown>>, rawPart?: string): void;
  /**
   * Answers a call this way from now on: `GET /accounts`, `GET /accounts?platform=x` (before the
   * same without a query), or `any` for what has no script of its own.
   */
  when(call: string, reaction: Reaction): void;
  /** Forgets all scripts, or the one of a call. */
  asUsual(call?: string): void;
  /** The requests that change something. */
  writes(): readonly string[];
  close(): Promise<void>;
}

/** @param pageSize the most that a page holds, where there are pages */
export async function startScriptedProvider(
  name: ProviderName,
  pageSize = 200,
): Promise<ScriptedProvider> {
  const requests: Received[] = [];
  const held = new Map<string, Held>();
  const scripts = new Map<string, { readonly reaction: Reaction; turns: number }>();

  const answerTo = (request: Received): Answer | Promise<Answer> => {
    const { method, path, query } = request;
    const script = [`${method} ${path}?${query}`, `${method} ${path}`, 'any']
      .map((call) => scripts.get(call))
      .find((found) => found !== undefined);
    const usual = () => PROVIDER_FORMATS[name](request, held, pageSize);
    if (!script) return usual();
    script.turns++;
    const { reaction, turns } = script;
    return typeof reaction === 'function' ? reaction(request, usual, turns) : reaction;
  };

  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const request = received(message, Buffer.concat(chunks).toString('utf8'));
      requests.push(request);
      void Promise.resolve(answerTo(request)).then((answer) => send(response, answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    name,
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PREFIX}`,
    requests,
    held,
    put: (id, part = {}, rawPart = '') =>
      held.set(id, textsWith(name, held.get(id) ?? accountTexts(name, id), part, rawPart)),
    when: (call, reaction) => scripts.set(call, { reaction, turns: 0 }),
    asUsual: (call) => (call === undefined ? scripts.clear() : scripts.delete(call)),
    writes: () =>
      requests
        .filter(({ method }) => method !== 'GET')
        .map(({ method, path }) => `${method} ${path}`),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const PREFIX = '/v1';

function received(message: IncomingMessage, body: string): Received {
  const [path = '', query = ''] = (message.url ?? '').slice(PREFIX.length).split('?');
  const { method = '', headers } = message;
  return { method, path, query: new URLSearchParams(query), body, headers };
}

function send(response: ServerResponse, answer: Answer): void {
  if (answer.hangs) return;
  const { status = 200, headers = [], body, raw } = answer;
  const bytes = Buffer.from(raw ?? (body === undefined ? '' : JSON.stringify(body)));
  const isTyped = headers.some(([name]) => name.toLowerCase() === 'content-type');
  const lines = [...(isTyped || bytes.length === 0 ? [] : [JSON_TYPE]), ...headers];
  const isAllowedBody = status !== 204;
  response.sendDate = false;
  response.writeHead(status, [
    ...lines.flat(),
    ...(isAllowedBody ? ['content-length', String(bytes.length)] : []),
  ]);
  if (answer.cutAfter === undefined) {
    response.end(isAllowedBody ? bytes : undefined);
    return;
  }
  response.flushHeaders();
  const cut = () => response.destroy();
  if (answer.cutAfter === 0) setImmediate(cut);
  else response.write(bytes.subarray(0, answer.cutAfter), cut);
}

const JSON_TYPE = ['content-type', 'application/json'] as const;

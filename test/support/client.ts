import type { ApiDocument } from '../../src/api/openapi/document.js';
import { checkAnswer } from './answers.js';
import { waitFor } from './wait.js';

/**
 * An answer, its body parsed where it is JSON. Tests look into bodies freely, so they are not
 * typed.
 */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReturnType<typeof JSON.parse>;
  readonly text: string;
}

/** Talks to a gateway over HTTP with one key. */
export interface Client {
  readonly key: string | undefined;
  get(path: string, headers?: Record<string, string>): Promise<Reply>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  patch(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>;
  delete(path: string, headers?: Record<string, string>): Promise<Reply>;
  /** Sends `body` as it stands. */
  send(
    method: string,
    path: string,
    body: string | undefined,
    headers?: Record<string, string>,
  ): Promise<Reply>;
}

/** How the gateway answers what it has no time for, or the key no quota, and has not looked at. */
const isRefused = ({ status, headers, body }: Reply) =>
  (status === 503 && headers.get('retry-after') === '2') ||
  (status === 429 && body?.code === 'rate_limited');

/**
 * The same client, for tests that are not about load: what a busy process sheds, and what a test
 * that looks again and again has no quota for, is asked again.
 */
export function patient(client: Client): Client {
  const ask = (what: string, send: () => Promise<Reply>) =>
    waitFor(`the gateway to have time for ${what}`, send, {
      everyMs: 50,
      until: (reply) => !isRefused(reply),
    });
  return {
    key: client.key,
    get: (path, ...rest) => ask(path, () => client.get(path, ...rest)),
    post: (path, ...rest) => ask(path, () => client.post(path, ...rest)),
    patch: (path, ...rest) => ask(path, () => client.patch(path, ...rest)),
    delete: (path, ...rest) => ask(path, () => client.delete(path, ...rest)),
    send: (method, path, ...rest) => ask(path, () => client.send(method, path, ...rest)),
  };
}

/**
 * @param document describes what the gateway serves: every answer must then be one that it
 * describes
 */
export function clientOf(url: string, key: string | undefined, document?: ApiDocument): Client {
  const send: Client['send'] = async (method, path, body, headers = {}) => {
    const authorization: Record<string, string> =
      key === undefined ? {} : { Authorization: `Bearer ${key}` };
    const response = await fetch(url + path, {
      method,
      headers: { ...authorization, ...headers },
      redirect: 'manual',
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
    const reply = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
    if (document) checkAnswer(document, method, path, reply);
    return reply;
  };
  const sendJson = (
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ) =>
    body === undefined
      ? send(method, path, undefined, headers)
      : send(method, path, JSON.stringify(body), {
          'Content-Type': 'application/json',
          ...headers,
        });
  return {
    key,
    get: (path, headers) => send('GET', path, undefined, headers),
    post: (path, body, headers) => sendJson('POST', path, body, headers),
    patch: (path, body, headers) => sendJson('PATCH', path, body, headers),
    delete: (path, headers) => send('DELETE', path, undefined, headers),
    send,
  };
}

import { adapters } from '../../adapters/index.gen.js';
import type { ProviderName, Sandbox } from '../../sandbox/index.js';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined where it is none. */
  readonly json: Record<string, unknown>;
}

interface Wish {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export type Caller = (method: string, path: string, wish?: Wish) => Promise<Reply>;

/**
 * Calls one provider over HTTP with its good key and a JSON content type, unless the wish says
 * otherwise.
 */
export function callerOf(sandbox: Sandbox, provider: ProviderName): Caller {
  return async (method, path, { body, headers, signal } = {}) => {
    const response = await fetch(`${sandbox.baseUrl(provider)}${path}`, {
      method,
      headers: {
        Authorization: sandbox.provider(provider).authorization,
        'Content-Type': 'application/json',
        ...headers,
      },
      redirect: 'manual',
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    });
    return replyOf(response);
  };
}

/** Calls a control route: `/outfame/faults`. */
export async function control(
  sandbox: Sandbox,
  method: string,
  path: string,
  body?: unknown,
): Promise<Reply> {
  return replyOf(
    await fetch(`${sandbox.url}/control${path}`, {
      method,
      body: body === undefined ? null : JSON.stringify(body),
    }),
  );
}

async function replyOf(response: Response): Promise<Reply> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : {},
  };
}

export type Item = Record<string, unknown>;

/** Where a provider lists its accounts, below its base URL, by its adapter. */
export function listPath(provider: ProviderName): string {
  const adapter = adapters.find(({ id }) => id === provider);
  const request = adapter?.operations.list.request({ cursor: undefined, limit: 1 }, () => '');
  return request?.path ?? '';
}

/** The list in the body under that name. */
export function items(reply: Reply, name: string): Item[] {
  return reply.json[name] as Item[];
}

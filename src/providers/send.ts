import { Agent } from 'undici';
import { stringifyJson } from '../lib/json-text.js';
import { type AnyAdapter, ProviderError, type ProviderRequest } from '../model/index.js';
import type { Base } from './connection.js';
import { decodeContent } from './content-encoding.js';
import type { ProviderResponse } from './response.js';
import type { PolicySettings } from './settings.js';
import { brokenBody, transportError } from './translate-error.js';

const DEFAULT_ANSWER_BYTES = 5 * 1024 * 1024;

/** What the engine adds to an adapter's request. */
export interface Envelope {
  readonly base: Base;
  readonly apiKey: string;
  readonly traceparent: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * The sockets to one provider. Follows no redirect: a key must not travel to where an answer
 * points.
 */
export class Sender {
  private readonly agent: Agent;
  private readonly maxBytes: number;

  constructor(
    private readonly adapter: AnyAdapter,
    settings: PolicySettings,
  ) {
    this.maxBytes = adapter.limits.maxAnswerBytes ?? DEFAULT_ANSWER_BYTES;
    this.agent = new Agent({
      connections: settings.connections,
      connect: { timeout: settings.connectTimeoutMs },
      headersTimeout: settings.headersTimeoutMs,
      bodyTimeout: settings.bodyTimeoutMs,
      maxResponseSize: this.maxBytes,
    });
  }

  /**
   * Sends once; every status is an answer.
   * @throws ProviderError `network`, `timeout` or `invalid_answer`
   * @throws the signal's reason when it aborts
   */
  async send(request: ProviderRequest, envelope: Envelope): Promise<ProviderResponse> {
    const { statusCode: status, headers, body } = await this.dispatch(request, envelope);
    try {
      const bytes = Buffer.from(await body.arrayBuffer());
      const decoded = await decodeContent(bytes, headers['content-encoding'], this.maxBytes);
      return { status, headers, body: new TextDecoder().decode(decoded) };
    } catch (error) {
      envelope.signal.throwIfAborted();
      // A failure is one by its status, whatever became of its text.
      if (status >= 500 || status === 429) return { status, headers, body: '' };
      throw brokenBody(this.adapter, error, status);
    }
  }

  private async dispatch(request: ProviderRequest, envelope: Envelope) {
    const { base, signal } = envelope;
    try {
      // Path and query go out as they are: `new URL` would take an id `%2E%2E` for a step up.
      return await this.agent.request({
        origin: base.origin,
        path: `${base.pathPrefix}${request.path}${queryString(request.query)}`,
        method: request.method,
        headers: this.headers(request, envelope),
        body: request.body === undefined ? null : stringifyJson(request.body),
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof ProviderError ? error : transportError(this.adapter, error);
    }
  }

  private headers(
    request: ProviderRequest,
    { apiKey, traceparent }: Envelope,
  ): Record<string, string> {
    const { auth } = this.adapter;
    return {
      accept: 'application/json',
      // Some compress all the same: see `decodeContent`.
      'accept-encoding': 'identity',
      'user-agent': 'rollcall',
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(traceparent === undefined ? {} : { traceparent }),
      ...lowerCaseNames(this.adapter.headers),
      ...(auth.scheme === 'bearer'
        ? { authorization: `Bearer ${apiKey}` }
        : { [auth.header.toLowerCase()]: apiKey }),
    };
  }

  /** Lets requests on their way finish. */
  close(): Promise<void> {
    return this.agent.close();
  }
}

/** One name, one header: `Content-Type` and `content-type` would both be sent. */
function lowerCaseNames(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

function queryString(query: ProviderRequest['query'] = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, String(value));
  }
  return given.size === 0 ? '' : `?${given}`;
}

import { Agent } from 'undici';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import { decodeContent } from './content-encoding.js';
import type { Outgoing } from './outgoing.js';
import type { ProviderResponse } from './response.js';
import type { PolicySettings } from './settings.js';
import { brokenBody, transportError } from './translate-error.js';

const DEFAULT_ANSWER_BYTES = 5 * 1024 * 1024;
/** Of providers whose list comes whole. */
const WHOLE_LIST_BYTES = 64 * 1024 * 1024;

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
    const { pageSize, maxAnswerBytes } = adapter.limits;
    const usual = pageSize === undefined ? WHOLE_LIST_BYTES : DEFAULT_ANSWER_BYTES;
    this.maxBytes = maxAnswerBytes ?? usual;
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
  async send(request: Outgoing, origin: string, signal: AbortSignal): Promise<ProviderResponse> {
    const { statusCode: status, headers, body } = await this.dispatch(request, origin, signal);
    try {
      const bytes = Buffer.from(await body.arrayBuffer());
      const decoded = await decodeContent(bytes, headers['content-encoding'], this.maxBytes);
      return { status, headers, body: new TextDecoder().decode(decoded) };
    } catch (error) {
      signal.throwIfAborted();
      // A failure is one by its status, whatever became of its text.
      if (status >= 500 || status === 429) return { status, headers, body: '' };
      throw brokenBody(this.adapter, error, status);
    }
  }

  private async dispatch(
    { path, method, headers, body }: Outgoing,
    origin: string,
    signal: AbortSignal,
  ) {
    try {
      // Path and query go out as they are: `new URL` would take an id `%2E%2E` for a step up.
      return await this.agent.request({ origin, path, method, headers, body, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof ProviderError ? error : transportError(this.adapter, error);
    }
  }

  /** Lets requests on their way finish. */
  close(): Promise<void> {
    return this.agent.close();
  }
}

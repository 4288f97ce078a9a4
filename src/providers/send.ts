import { Agent } from '../lib/undici-agent.js';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import { decodeContent } from './content-encoding.js';
import type { Progress } from './deadline.js';
import { LARGE_BYTES, type LargeAnswers } from './large-answers.js';
import type { Outgoing } from './outgoing.js';
import type { HeldResponse } from './response.js';
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
    private readonly large: LargeAnswers,
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
   * Sends once; every status is an answer, told to `answered` when its bytes are here.
   * @throws ProviderError `network`, `timeout` or `invalid_answer`
   * @throws the signal's reason when it aborts
   */
  async send(
    request: Outgoing,
    origin: string,
    { signal, answered }: Pick<Progress, 'signal' | 'answered'>,
  ): Promise<HeldResponse> {
    const { statusCode: status, headers, body } = await this.dispatch(request, origin, signal);
    let release = NOTHING_HELD;
    const hold = async () => {
      if (release === NOTHING_HELD) release = await this.large.turn(this.adapter.id, signal);
    };
    try {
      const bytes = await readBytes(body, hold);
      answered();
      const decoded = await this.decode(bytes, headers['content-encoding'], hold);
      return { status, headers, body: new TextDecoder().decode(decoded), release };
    } catch (error) {
      release();
      signal.throwIfAborted();
      // The status alone makes it a failure, even if its body could not be read.
      if (status >= 500 || status === 429)
        return { status, headers, body: '', release: NOTHING_HELD };
      throw brokenBody(this.adapter, error, status);
    }
  }

  /** How long a compressed body is shows when it is decoded. */
  private async decode(
    bytes: Buffer,
    encodings: string | string[] | undefined,
    hold: () => Promise<void>,
  ): Promise<Buffer> {
    try {
      return await decodeContent(bytes, encodings, Math.min(LARGE_BYTES, this.maxBytes));
    } catch (error) {
      if (!isTooLarge(error)) throw error;
      await hold();
      return decodeContent(bytes, encodings, this.maxBytes);
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

const NOTHING_HELD = (): void => undefined;

/** @param hold is waited for before more than a small body is taken from the socket */
async function readBytes(body: AsyncIterable<Buffer>, hold: () => Promise<void>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > LARGE_BYTES) await hold();
  }
  return Buffer.concat(chunks);
}

function isTooLarge(error: unknown): boolean {
  return Object(error).code === 'ERR_BUFFER_TOO_LARGE';
}

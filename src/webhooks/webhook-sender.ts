import type { Dispatcher } from 'undici';
import type { Clock } from '../lib/clock.js';
import { retryAfterSeconds } from '../lib/http-headers.js';
import { storable } from '../lib/text.js';
import { Agent } from '../lib/undici-agent.js';
import { ForbiddenAddress, type WebhookAddresses } from './webhook-address.js';

const DEADLINE_MS = 15_000;
const CONNECT_MS = 5_000;
const ANSWER_KEPT_BYTES = 1024;

/** The result of one attempt. */
export interface DeliveryAttempt {
  readonly at: Date;
  /** `null`: no answer came. */
  readonly status: number | null;
  readonly latencyMs: number;
  /** The first 1 KB of the answer's body, in whole characters. */
  readonly answer: string | null;
  /** Why there was no answer, or why it was no success. */
  readonly error: string | null;
  readonly retryAfterSeconds: number | null;
}

/** Posts to webhooks. Follows no redirect: it would lead past the check of the address. */
export class WebhookSender {
  private readonly agent: Agent;

  constructor(
    private readonly addresses: WebhookAddresses,
    private readonly clock: Clock,
  ) {
    this.agent = new Agent({
      connect: { lookup: addresses.lookup, timeout: CONNECT_MS },
      headersTimeout: DEADLINE_MS,
      bodyTimeout: DEADLINE_MS,
    });
  }

  /** Never rejects: every failure is a result. @param signal ends the request */
  async post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal?: AbortSignal,
  ): Promise<DeliveryAttempt> {
    const at = this.clock.now();
    const started = performance.now();
    // Signals made of others cost more than the request.
    const ends = new AbortController();
    const stop = () => ends.abort(signal?.reason);
    const deadline = setTimeout(() => ends.abort(new Late()), DEADLINE_MS);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
    const result = await this.exchange(url, headers, { body, at }, ends.signal)
      .catch((error: unknown) => ({ ...NO_ANSWER, error: reasonOf(error) }))
      .finally(() => {
        clearTimeout(deadline);
        signal?.removeEventListener('abort', stop);
      });
    return { at, latencyMs: Math.round(performance.now() - started), ...result };
  }

  private async exchange(
    address: string,
    headers: Readonly<Record<string, string>>,
    { body, at }: { readonly body: string; readonly at: Date },
    signal: AbortSignal,
  ) {
    const url = this.addresses.check(address);
    const response = await this.agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Rollcall-Webhooks/1.0',
        ...headers,
      },
      body,
      signal,
    });
    const status = response.statusCode;
    const answer = await beginningOf(response).catch(() => null);
    return {
      status,
      answer,
      error: status >= 200 && status < 300 ? null : failureOf(status),
      retryAfterSeconds: retryAfterSeconds(response.headers, at),
    };
  }

  /** Waits for what is on its way. */
  close(): Promise<void> {
    return this.agent.close();
  }
}

class Late extends Error {
  override readonly name = 'TimeoutError';
}

const NO_ANSWER = { status: null, answer: null, retryAfterSeconds: null };

async function beginningOf({ body }: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= ANSWER_KEPT_BYTES) break;
  }
  if (size === 0) return '';
  // As if more were to come: a character that the cut goes through is left out.
  return storable(
    new TextDecoder().decode(Buffer.concat(chunks).subarray(0, ANSWER_KEPT_BYTES), {
      stream: true,
    }),
  );
}

function failureOf(status: number): string {
  if (status >= 300 && status < 400)
    return 'The receiver answered with a redirect, and redirects are not followed.';
  return `The receiver answered ${status}.`;
}

/** Shown to the team: it must reveal nothing of our network. */
function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenAddress) return `The URL ${error.message}.`;
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  if (name === 'TimeoutError' || code?.endsWith('TIMEOUT'))
    return `The receiver did not answer within ${DEADLINE_MS / 1000} s.`;
  return `The connection failed${code === undefined ? '' : ` (${code})`}.`;
}

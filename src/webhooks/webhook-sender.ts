import type { IncomingHttpHeaders } from 'node:http';
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

  /**
   * Never rejects: every failure is a result. The dispatcher is called by itself, as the stream and
   * the abort signal that its `request` makes cost more than the exchange.
   * @param signal ends the request
   */
  async post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal?: AbortSignal,
  ): Promise<DeliveryAttempt> {
    const at = this.clock.now();
    const started = performance.now();
    const exchange = new Exchange();
    const stop = () => exchange.abort(new Error('stopped'));
    const deadline = setTimeout(() => exchange.abort(new Late()), DEADLINE_MS);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const { origin, pathname, search } = this.addresses.check(url);
      const path = pathname + search;
      const sent = { ...OWN_HEADERS, ...headers };
      this.agent.dispatch({ origin, path, method: 'POST', headers: sent, body }, exchange);
      if (signal?.aborted) stop();
      const answer = await exchange.answered;
      return { at, latencyMs: since(started), ...resultOf(answer, at) };
    } catch (error) {
      return { at, latencyMs: since(started), ...NO_ANSWER, error: reasonOf(error) };
    } finally {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Waits for what is on its way. */
  close(): Promise<void> {
    return this.agent.close();
  }
}

class Late extends Error {
  override readonly name = 'TimeoutError';
}

const OWN_HEADERS = {
  'content-type': 'application/json',
  'user-agent': 'Rollcall-Webhooks/1.0',
};
const NO_ANSWER = { status: null, answer: null, retryAfterSeconds: null };

const since = (started: number) => Math.round(performance.now() - started);

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The beginning of the body; `null`: it broke off before so much of it had come. */
  readonly body: string | null;
}

/** One request and its answer, of whose body no more is taken than is kept. */
class Exchange implements Dispatcher.DispatchHandler {
  /** Rejects where no answer comes. */
  readonly answered: Promise<Answer>;
  private resolve!: (answer: Answer) => void;
  private reject!: (error: Error) => void;
  private controller: Dispatcher.DispatchController | undefined;
  /** Why it is to end, or has. */
  private ending: Error | undefined;
  private head: Omit<Answer, 'body'> | undefined;
  private readonly chunks: Buffer[] = [];
  private size = 0;

  constructor() {
    this.answered = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  abort(reason: Error): void {
    this.ending ??= reason;
    this.controller?.abort(this.ending);
    this.breakOff(this.ending);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.ending !== undefined) controller.abort(this.ending);
  }

  onResponseStart(_: unknown, status: number, headers: IncomingHttpHeaders): void {
    // Lesser ones only announce the answer.
    if (status >= 200) this.head = { status, headers };
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < ANSWER_KEPT_BYTES) return;
    this.onResponseEnd();
    controller.abort(new Error('enough is read'));
  }

  onResponseEnd(): void {
    if (this.head) this.resolve({ ...this.head, body: beginningOf(this.chunks) });
  }

  onResponseError(_: unknown, error: Error): void {
    this.breakOff(error);
  }

  /** What was answered counts, whatever became of its text. */
  private breakOff(error: Error): void {
    if (this.head) this.resolve({ ...this.head, body: null });
    else this.reject(error);
  }
}

function beginningOf(chunks: readonly Buffer[]): string {
  if (chunks.length === 0) return '';
  // As if more were to come: a character that the cut goes through is left out.
  return storable(
    new TextDecoder().decode(Buffer.concat(chunks).subarray(0, ANSWER_KEPT_BYTES), {
      stream: true,
    }),
  );
}

function resultOf({ status, headers, body }: Answer, at: Date) {
  return {
    status,
    answer: body,
    error: status >= 200 && status < 300 ? null : failureOf(status),
    retryAfterSeconds: retryAfterSeconds(headers, at),
  };
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

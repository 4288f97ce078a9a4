import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Clock } from '../lib/clock.js';
import { retryAfterSeconds } from '../lib/http-headers.js';
import { storable } from '../lib/text.js';
import type { WorkEnd } from '../work/index.js';
import { ForbiddenAddress, type WebhookAddresses } from './webhook-address.js';
import { WebhookConnections } from './webhook-connections.js';

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

/** Where a URL that is allowed leads. */
interface Target {
  readonly origin: string;
  readonly path: string;
}

/** Targets that are remembered. */
const MAX_TARGETS = 1_000;

/** Posts to webhooks. Follows no redirect: it would lead past the check of the address. */
export class WebhookSender {
  private readonly connections: WebhookConnections;
  /** By URL. What its text leads to does not change; the addresses of its host are checked anew. */
  private readonly targets = new Map<string, Target>();

  constructor(
    private readonly addresses: WebhookAddresses,
    private readonly clock: Clock,
  ) {
    const { lookup } = addresses;
    this.connections = new WebhookConnections({
      lookup,
      connectMs: CONNECT_MS,
      answerMs: DEADLINE_MS,
    });
  }

  /**
   * Never rejects: every failure is a result. The dispatcher is called by itself, as the stream and
   * the abort signal that its `request` makes cost more than the exchange.
   * @param end of the work that it is part of: ends the request
   */
  post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    end?: WorkEnd,
  ): Promise<DeliveryAttempt> {
    const at = this.clock.now();
    const started = performance.now();
    return new Promise((resolve) => {
      const exchange = new Exchange();
      const deadline = setTimeout(() => exchange.abort(new Late()), DEADLINE_MS);
      let free: ((mayServeAgain: boolean) => void) | undefined;
      exchange.onEnd = (ending) => {
        clearTimeout(deadline);
        end?.listen(undefined);
        free?.('answer' in ending && ending.isWhole);
        const result =
          'answer' in ending
            ? resultOf(ending.answer, at)
            : { ...NO_ANSWER, error: reasonOf(ending.error) };
        resolve({ at, latencyMs: since(started), ...result });
      };
      try {
        const { origin, path } = this.target(url);
        const sent = { ...OWN_HEADERS, ...headers };
        const request = { origin, path, method: 'POST' as const, headers: sent, body };
        free = this.connections.dispatch(request, exchange);
        // A request that is refused before it is sent is over by now.
        if (exchange.isOver) free(false);
        end?.listen(() => exchange.abort(new Error('stopped')));
      } catch (error) {
        exchange.abort(error as Error);
      }
    });
  }

  /** Waits for what is on its way. */
  close(): Promise<void> {
    return this.connections.close();
  }

  /** @throws ForbiddenAddress */
  private target(url: string): Target {
    const known = this.targets.get(url);
    if (known !== undefined) return known;
    const { origin, pathname, search } = this.addresses.check(url);
    const target = { origin, path: pathname + search };
    const [oldest] = this.targets.keys();
    if (this.targets.size === MAX_TARGETS && oldest !== undefined) this.targets.delete(oldest);
    this.targets.set(url, target);
    return target;
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

/** What came of a request. `isWhole`: the connection may serve another one. */
type Ending = { readonly answer: Answer; readonly isWhole: boolean } | { readonly error: unknown };

/** One request and its answer, of whose body no more is taken than is kept. */
class Exchange implements Dispatcher.DispatchHandler {
  /** Is called once. */
  onEnd: (ending: Ending) => void = () => undefined;
  isOver = false;
  private controller: Dispatcher.DispatchController | undefined;
  /** Why it is to end, or has. */
  private ending: Error | undefined;
  private head: Omit<Answer, 'body'> | undefined;
  private readonly chunks: Buffer[] = [];
  private size = 0;

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
    if (this.head)
      this.end({ answer: { ...this.head, body: beginningOf(this.chunks) }, isWhole: false });
    controller.abort(new Error('enough is read'));
  }

  onResponseEnd(): void {
    if (this.head)
      this.end({ answer: { ...this.head, body: beginningOf(this.chunks) }, isWhole: true });
  }

  onResponseError(_: unknown, error: Error): void {
    this.breakOff(error);
  }

  /** What was answered counts, whatever became of its text. */
  private breakOff(error: Error): void {
    if (this.head) this.end({ answer: { ...this.head, body: null }, isWhole: false });
    else this.end({ error });
  }

  private end(ending: Ending): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onEnd(ending);
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

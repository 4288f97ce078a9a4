import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './faults.js';
import type { Answer, Question } from './message.js';
import { findRoute } from './routes.js';
import type { RunningProvider } from './running-provider.js';
import {
  htmlPage,
  ofWrongShape,
  withBadItem,
  withoutRepeatedCursor,
  withRepeatedCursor,
} from './spoil.js';
import type { SeenRequest } from './traffic.js';

/** What becomes of a request on the wire. */
export type Outcome =
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** Half the answer, then the end of the connection: a reset, or an orderly close too early. */
  | { readonly kind: 'cut'; readonly answer: Answer; readonly how: 'reset' | 'truncated' }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'silence' };

/** One request to one provider, with the faults in force. */
export async function exchange(provider: RunningProvider, question: Question): Promise<Outcome> {
  const match = findRoute(provider.definition.routes, question.method, question.segments);
  const operation =
    typeof match === 'string' ? 'other' : `${match.route.method} ${match.route.path}`;
  const request = provider.traffic.seen(question, operation, new Date());
  const deletedId =
    typeof match === 'object' && question.method === 'DELETE'
      ? Object.values(match.params).join('/')
      : undefined;
  if (deletedId !== undefined) provider.traffic.countDelete(deletedId, { calls: 1, effective: 0 });

  const fault = provider.faults.strike(question);
  if (fault?.kind === 'down') return { kind: 'disconnected' };
  if (fault?.kind === 'hang') return { kind: 'silence' };
  const wait =
    provider.settings.latency_ms + (fault?.kind === 'slow' ? (fault.delay_ms ?? 2_000) : 0);
  if (wait > 0) await delay(wait);

  const refusal = fault && refusalFor(fault, provider, question);
  if (refusal) return { kind: 'answered', answer: refusal };
  const answer = work(
    provider,
    fault?.kind === 'repeat_cursor' ? withoutRepeatedCursor(question) : question,
    request,
  );
  if (deletedId !== undefined && request.effective)
    provider.traffic.countDelete(deletedId, { calls: 0, effective: 1 });
  return fault ? spoiled(answer, fault) : { kind: 'answered', answer };
}

/** An error of the sandbox itself must not look like one of the provider's. */
function work(provider: RunningProvider, question: Question, request: SeenRequest): Answer {
  try {
    return provider.answer(question, request);
  } catch (error) {
    return {
      status: 500,
      headers: { 'Content-Type': 'text/plain' },
      body: `The sandbox failed: ${String(error)}`,
    };
  }
}

/** The answer of a fault that keeps the work from being done. */
function refusalFor(
  fault: Fault,
  provider: RunningProvider,
  question: Question,
): Answer | undefined {
  const retryAfter = fault.retry_after ?? 1;
  switch (fault.kind) {
    case 'rate_limited':
      return provider.refusal('rate_limited', question, retryAfter);
    case 'key_revoked':
      return provider.refusal('revoked_key', question, retryAfter);
    case 'forbidden':
      return provider.refusal('forbidden', question, retryAfter);
    case 'not_found':
      return provider.refusal('not_found', question, retryAfter);
    case 'server_error':
      return provider.refusal(
        fault.status === 503 ? 'unavailable' : 'server_error',
        question,
        retryAfter,
      );
    case 'html':
      return htmlPage(fault.status ?? 502);
    default:
      return undefined;
  }
}

/** What is left of a good answer. Refusals are passed on whole, unless the connection fails. */
function spoiled(answer: Answer, fault: Fault): Outcome {
  const isGood = answer.status < 300;
  switch (fault.kind) {
    case 'reset':
    case 'truncated':
      return { kind: 'cut', answer, how: fault.kind };
    case 'lost_answer':
      return { kind: 'disconnected' };
    case 'wrong_shape':
      return { kind: 'answered', answer: isGood ? ofWrongShape(answer) : answer };
    case 'bad_item':
    case 'bad_id':
      return {
        kind: 'answered',
        answer: isGood ? withBadItem(answer, fault.kind === 'bad_id') : answer,
      };
    case 'repeat_cursor':
      return { kind: 'answered', answer: isGood ? withRepeatedCursor(answer) : answer };
    default:
      return { kind: 'answered', answer };
  }
}

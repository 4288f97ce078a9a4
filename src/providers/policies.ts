import type { Clock } from '../lib/clock.js';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import type { Breaker } from './breaker.js';
import { Progress, withDeadline } from './deadline.js';
import { isWorthRetrying, type RetryBudget, retryDelayMs } from './retry.js';
import type { PolicySettings } from './settings.js';
import type { SharedRateLimiter } from './shared-rate-limiter.js';
import { deadlinePassed } from './translate-error.js';
import { TooManyWaiting, type Turns } from './turns.js';

/**
 * What stands between a call and its provider. The first two belong to the provider, the others to
 * one key of one connection.
 */
export interface CallPolicies {
  readonly providerBreaker: Breaker;
  readonly retryBudget: RetryBudget;
  readonly turns: Turns;
  readonly keyBreaker: Breaker;
  readonly rateLimiter: SharedRateLimiter;
}

interface GuardedCall {
  readonly adapter: AnyAdapter;
  readonly policies: CallPolicies;
  /** The id of the account that the call is about, if it is about one. */
  readonly subject: string | undefined;
  readonly clock: Clock;
  readonly settings: PolicySettings;
  readonly deadlineMs: number;
  /** 1 for writes: only a durable workflow may repeat them. */
  readonly attempts: number;
  /** The caller's own wish to stop. */
  readonly signal: AbortSignal | undefined;
}

/**
 * One call with everything that policies it, outermost first. A pause between attempts holds no slot;
 * a key that waits for its rate limit holds up no other key: the provider's breaker, which lets a
 * single trial through when it recovers, comes after.
 */
export function guarded<Value>(
  call: GuardedCall,
  attempt: (progress: Progress) => Promise<Value>,
): Promise<Value> {
  const { adapter, policies } = call;
  return inTime(call, (progress) =>
    withRetries(call, progress, () =>
      policies.turns.execute(() =>
        policies.keyBreaker.execute(
          () =>
            withRateLimit(call, progress, () =>
              policies.providerBreaker.execute(
                () => {
                  progress.sent();
                  return attempt(progress);
                },
                call.subject,
                (seconds) => circuitOpen(adapter, seconds),
              ),
            ),
          undefined,
          (seconds) => keyStillRejected(adapter, seconds),
        ),
      ),
    ),
  );
}

async function inTime<Value>(
  call: GuardedCall,
  run: (progress: Progress) => Promise<Value>,
): Promise<Value> {
  const { adapter, deadlineMs } = call;
  call.signal?.throwIfAborted();
  const progress = new Progress(timeOf(call.clock) + deadlineMs);
  try {
    return await withDeadline(progress, deadlineMs, call.signal, () => run(progress));
  } catch (error) {
    call.signal?.throwIfAborted();
    if (error instanceof TooManyWaiting) throw tooManyWaiting(adapter);
    if (error instanceof ProviderError || !progress.signal.aborted) throw error;
    throw progress.isSent
      ? deadlinePassed(adapter, deadlineMs)
      : notSentInTime(adapter, deadlineMs / 1000);
  }
}

async function withRetries<Value>(
  call: GuardedCall,
  progress: Progress,
  run: () => Promise<Value>,
): Promise<Value> {
  const { retryBudget } = call.policies;
  retryBudget.noteCall();
  let failure: ProviderError | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      // The failure that opened the circuit is the answer, not that the retry was refused.
      if (failure && error instanceof ProviderError && error.code === 'circuit_open') throw failure;
      if (!(error instanceof ProviderError) || !isWorthRetrying(error) || attempt >= call.attempts)
        throw error;
      const delayMs = retryDelayMs(attempt, error.retryAfterSeconds, Math.random(), call.settings);
      if (timeOf(call.clock) + delayMs >= progress.endsAt || !retryBudget.take()) throw error;
      failure = error;
      await call.clock.sleep(delayMs, progress.signal);
    }
  }
}

async function withRateLimit<Value>(
  call: GuardedCall,
  progress: Progress,
  run: () => Promise<Value>,
): Promise<Value> {
  for (
    let waitMs = await call.policies.rateLimiter.take();
    waitMs > 0;
    waitMs = await call.policies.rateLimiter.take()
  ) {
    if (timeOf(call.clock) + waitMs >= progress.endsAt)
      throw notSentInTime(call.adapter, waitMs / 1000);
    await call.clock.sleep(waitMs, progress.signal);
  }
  progress.signal.throwIfAborted();
  return run();
}

const timeOf = (clock: Clock) => clock.now().getTime();

function circuitOpen(adapter: AnyAdapter, retryAfterSeconds: number): ProviderError {
  return new ProviderError(
    adapter.id,
    'circuit_open',
    `${adapter.name} failed several times in a row; calls are paused to let it recover.`,
    {
      retryAfterSeconds,
    },
  );
}

function keyStillRejected(adapter: AnyAdapter, retryAfterSeconds: number): ProviderError {
  const message = `${adapter.name} rejected the key of this connection several times in a row, so it was not called again.`;
  return new ProviderError(adapter.id, 'credential_rejected', message, { retryAfterSeconds });
}

function notSentInTime(adapter: AnyAdapter, seconds: number): ProviderError {
  const message = `${adapter.name} was not called: the connection has used up its requests for now.`;
  return new ProviderError(adapter.id, 'rate_limited', message, {
    retryAfterSeconds: Math.max(1, Math.ceil(seconds)),
  });
}

function tooManyWaiting(adapter: AnyAdapter): ProviderError {
  const message = `${adapter.name} was not called: too many requests of this connection are waiting already.`;
  return new ProviderError(adapter.id, 'rate_limited', message, { retryAfterSeconds: 1 });
}

import { isHopeless, nextAttemptAt } from './retry-schedule.js';
import type { DeliveryAttempt } from './webhook-sender.js';
import type { WebhookToSend } from './webhooks.repository.js';

const GONE = 410;

/** What an attempt leads to. */
interface DeliveryOutcome {
  readonly state: 'pending' | 'succeeded' | 'failed';
  readonly nextAttemptAt: Date | null;
  /** Why the webhook is disabled; `null`: it is not. */
  readonly disable: 'gone' | 'failing' | null;
}

/** An attempt at a delivery, and what it leads to. */
export interface DeliveryResult {
  readonly webhook: WebhookToSend;
  readonly id: string;
  /** This one included. */
  readonly attempts: number;
  readonly attempt: DeliveryAttempt;
  readonly outcome: DeliveryOutcome;
}

/**
 * Pure but for the jitter. A webhook that says it is gone, or has done nothing but fail for five
 * days, is disabled.
 */
export function outcomeOf(
  webhook: Pick<WebhookToSend, 'failingSince'>,
  attempts: number,
  attempt: DeliveryAttempt,
): DeliveryOutcome {
  if (attempt.error === null) return { state: 'succeeded', nextAttemptAt: null, disable: null };
  if (attempt.status === GONE) return { state: 'failed', nextAttemptAt: null, disable: 'gone' };
  const next = nextAttemptAt(attempts, attempt.at, attempt.retryAfterSeconds);
  const disable =
    webhook.failingSince && isHopeless(webhook.failingSince, attempt.at) ? 'failing' : null;
  return { state: next ? 'pending' : 'failed', nextAttemptAt: next ?? null, disable };
}

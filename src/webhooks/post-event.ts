import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import type { WorkEnd } from '../work/index.js';
import { signedHeaders } from './signature.js';
import type { DeliveryAttempt, WebhookSender } from './webhook-sender.js';
import type { WebhookToSend } from './webhooks.repository.js';

interface PostEventParts {
  readonly sender: WebhookSender;
  readonly sealer: Sealer;
  readonly clock: Clock;
}

/** Secrets in clear by their sealed bytes, for as long as someone holds the webhook's row. */
const opened = new WeakMap<Uint8Array, string>();

function open(sealer: Sealer, sealed: Uint8Array, webhookId: string): string {
  const secret = opened.get(sealed) ?? sealer.open(sealed, webhookId);
  opened.set(sealed, secret);
  return secret;
}

/**
 * Sends one event to a webhook now. The former secret signs too, for as long as it is valid.
 * @param webhook with its URL in clear
 * @param end of the work that it is part of: ends the request
 */
export function postEvent(
  { sender, sealer, clock }: PostEventParts,
  webhook: WebhookToSend,
  { id, body }: { readonly id: string; readonly body: string },
  end?: WorkEnd,
): Promise<DeliveryAttempt> {
  const now = clock.now();
  const { secret, formerSecret, formerUntil } = webhook;
  const sealed =
    formerSecret && formerUntil && formerUntil > now ? [secret, formerSecret] : [secret];
  const secrets = sealed.map((one) => open(sealer, one, webhook.id));
  return sender.post(webhook.url, signedHeaders(id, now, body, secrets), body, end);
}

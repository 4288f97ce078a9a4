import { bulkhead } from 'cockatiel';
import type { Clock } from '../lib/clock.js';
import type { AnyAdapter, ProviderError, ProviderErrorCode } from '../model/index.js';
import { Breaker, type Circuit, type Meaning } from './breaker.js';
import { type Base, baseOf, credentialId, type ProviderConnection } from './connection.js';
import { LastOutcomes } from './last-outcomes.js';
import type { CallPolicies } from './policies.js';
import { OutboundRateLimiter } from './rate-limit.js';
import { RetryBudget } from './retry.js';
import { Sender } from './send.js';
import type { PolicySettings } from './settings.js';

/** Where changes of a circuit are logged; winston's logger fits. */
export interface ProviderLogger {
  warn(
    message: string,
    facts: { readonly provider: string; readonly origin: string; readonly circuit: Circuit },
  ): unknown;
}

export interface RuntimeSettings {
  readonly clock: Clock;
  readonly logger: ProviderLogger | undefined;
  readonly policies: PolicySettings;
}

/** How a provider does at the moment, as far as this process saw. */
export interface ProviderState
  extends Pick<LastOutcomes, 'lastSuccessAt' | 'lastFailureAt' | 'lastError'> {
  /** The worst, where connections use several base URLs. */
  readonly circuit: Circuit;
  /** Since when the circuit is so; `null`: since the start. */
  readonly since: Date | null;
}

/**
 * Beyond it the keys longest known are forgotten: a forgotten key only starts with a clean slate.
 */
const MAX_KEYS = 10_000;

/**
 * All that is kept between calls: sockets and last outcomes per provider, breakers per provider and
 * origin, limits per key.
 */
export class ProviderRuntime {
  private readonly providers = new Map<
    string,
    { readonly sender: Sender; readonly last: LastOutcomes }
  >();
  private readonly origins = new Map<
    string,
    {
      readonly provider: string;
      readonly providerBreaker: Breaker;
      readonly retryBudget: RetryBudget;
    }
  >();
  private readonly keys = new Map<
    string,
    Pick<CallPolicies, 'bulkhead' | 'keyBreaker' | 'rateLimiter'>
  >();

  constructor(private readonly settings: RuntimeSettings) {}

  provider(adapter: AnyAdapter) {
    return getOrMake(this.providers, adapter.id, () => ({
      sender: new Sender(adapter, this.settings.policies),
      last: new LastOutcomes(this.settings.clock),
    }));
  }

  policies(adapter: AnyAdapter, connection: ProviderConnection, base: Base): CallPolicies {
    const origin = getOrMake(this.origins, `${adapter.id} ${base.origin}`, () =>
      this.newOrigin(adapter.id, base.origin),
    );
    const key = getOrMake(this.keys, credentialId(connection, base), () => this.newKey(adapter));
    if (this.keys.size > MAX_KEYS) this.keys.delete(this.keys.keys().next().value ?? '');
    return { ...origin, ...key };
  }

  /** Lets the next call with this key through even though it was rejected before. */
  forgiveKey(adapter: AnyAdapter, connection: ProviderConnection): void {
    const id = credentialId(connection, baseOf(adapter, connection));
    const key = this.keys.get(id);
    if (key !== undefined) this.keys.set(id, { ...key, keyBreaker: this.newKeyBreaker() });
  }

  state(provider: string): ProviderState {
    const {
      lastSuccessAt = null,
      lastFailureAt = null,
      lastError = null,
    } = this.providers.get(provider)?.last ?? {};
    const breakers = [...this.origins.values()]
      .filter((origin) => origin.provider === provider)
      .map((origin) => origin.providerBreaker);
    const worst = (['open', 'half_open', 'closed'] as const)
      .map((circuit) => breakers.find((breaker) => breaker.circuit === circuit))
      .find((breaker) => breaker !== undefined);
    return {
      lastSuccessAt,
      lastFailureAt,
      lastError,
      circuit: worst?.circuit ?? 'closed',
      since: worst?.since ?? null,
    };
  }

  /** Waits for requests on their way. */
  async close(): Promise<void> {
    await Promise.all([...this.providers.values()].map(({ sender }) => sender.close()));
  }

  private newOrigin(provider: string, origin: string) {
    const { clock, logger, policies } = this.settings;
    const onChange = (circuit: Circuit) =>
      logger?.warn('provider circuit changed', { provider, origin, circuit });
    return {
      provider,
      providerBreaker: new Breaker(policies, meaningForProvider, onChange),
      retryBudget: new RetryBudget(policies, clock),
    };
  }

  private newKey(adapter: AnyAdapter) {
    const { concurrency, requestsPerMinute } = adapter.limits;
    return {
      bulkhead: bulkhead(concurrency, this.settings.policies.queueLength),
      keyBreaker: this.newKeyBreaker(),
      rateLimiter: new OutboundRateLimiter(requestsPerMinute, this.settings.clock),
    };
  }

  private newKeyBreaker(): Breaker {
    return new Breaker(this.settings.policies, meaningForKey);
  }
}

const PROVIDER_FAILURES: ReadonlySet<ProviderErrorCode> = new Set([
  'server_error',
  'unavailable',
  'network',
  'timeout',
  'invalid_answer',
]);

/** Whether the outcome shows a provider that does not work, rather than one that says no. */
export function isFailure(outcome: 'ok' | ProviderErrorCode): outcome is ProviderErrorCode {
  return outcome !== 'ok' && PROVIDER_FAILURES.has(outcome);
}

function meaningForProvider(error: ProviderError): Meaning {
  return isFailure(error.code) ? 'failure' : 'success';
}

/**
 * 403 and 429 come to keys that are good: the one is about a permission, the other is the rate
 * limiter's.
 */
function meaningForKey(error: ProviderError): Meaning {
  if (error.code === 'credential_rejected') return 'failure';
  return error.status === null || isFailure(error.code) ? 'nothing' : 'success';
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

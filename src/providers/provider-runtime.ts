import { LRUCache } from 'lru-cache';
import type { ProviderFigures } from '../http/metrics.js';
import type { Clock } from '../lib/clock.js';
import type {
  AnyAdapter,
  OperationName,
  ProviderError,
  ProviderErrorCode,
} from '../model/index.js';
import { Breaker, type Circuit, type Meaning } from './breaker.js';
import { type Base, baseOf, credentialId, type ProviderConnection } from './connection.js';
import { LargeAnswers } from './large-answers.js';
import { LastOutcomes } from './last-outcomes.js';
import {
  GROUP_OF,
  OPERATION_GROUPS,
  type OperationGroup,
  SWEPT_GROUPS,
} from './operation-group.js';
import type { CallPolicies } from './policies.js';
import { declaredRate, OutboundRateLimiter } from './rate-limit.js';
import { RetryBudget } from './retry.js';
import { Sender } from './send.js';
import type { PolicySettings } from './settings.js';
import type { KeyQuota, SharedLimits } from './shared-limits.js';
import { SharedRateLimiter } from './shared-rate-limiter.js';
import { providerOf, siteOf } from './site.js';
import { Turns } from './turns.js';

/** Where changes of a circuit are logged. */
export interface ProviderLogger {
  warn(
    message: string,
    facts: {
      readonly provider: string;
      readonly origin: string;
      readonly group: OperationGroup;
      readonly circuit: Circuit;
    },
  ): unknown;
}

interface RuntimeSettings {
  readonly clock: Clock;
  readonly logger: ProviderLogger | undefined;
  readonly policies: PolicySettings;
  /** Absent: no other replica asks these providers. */
  readonly sharedLimits?: SharedLimits | undefined;
}

/** How a provider does at the moment, as far as this process saw. */
export interface ProviderState
  extends Pick<LastOutcomes, 'lastSuccessAt' | 'lastFailureAt' | 'lastError'> {
  /**
   * The worst of what every sweep asks: list and health report, at all sites. The other groups
   * are asked at callers' wish alone, so that a circuit of theirs may stay half open for as long as
   * nobody tries it again.
   */
  readonly circuit: Circuit;
  /** By group of operations, the worst of all sites; one that was never asked is left out. */
  readonly circuits: Readonly<Partial<Record<OperationGroup, Circuit>>>;
  /** Since when the circuit is so; `null`: since the start. */
  readonly since: Date | null;
}

/**
 * Beyond it the keys longest known are forgotten: a forgotten key only starts with a clean slate.
 */
const MAX_KEYS = 10_000;

/**
 * All that is kept between calls: sockets per provider, last outcomes per site, breakers per site
 * and group of operations, limits per key.
 */
export class ProviderRuntime {
  private readonly senders = new Map<string, Sender>();
  private readonly outcomes = new Map<string, LastOutcomes>();
  private readonly routes = new Map<
    string,
    {
      readonly site: string;
      readonly group: OperationGroup;
      readonly providerBreaker: Breaker;
      readonly retryBudget: RetryBudget;
    }
  >();
  private readonly keys = new Map<
    string,
    Pick<CallPolicies, 'turns' | 'keyBreaker' | 'rateLimiter'> & { readonly provider: string }
  >();

  private readonly largeAnswers = new LargeAnswers();

  /** How many items needed a detail in the last walk, by the connection's id. */
  readonly detailsNeeded = new LRUCache<string, number>({ max: MAX_KEYS });

  constructor(private readonly settings: RuntimeSettings) {}

  sender(adapter: AnyAdapter): Sender {
    return getOrMake(
      this.senders,
      adapter.id,
      () => new Sender(adapter, this.settings.policies, this.largeAnswers),
    );
  }

  last(site: string): LastOutcomes {
    return getOrMake(this.outcomes, site, () => new LastOutcomes(this.settings.clock));
  }

  policies(
    adapter: AnyAdapter,
    connection: ProviderConnection,
    base: Base,
    operation: OperationName,
  ): CallPolicies {
    const group = GROUP_OF[operation];
    const site = siteOf(adapter, connection.baseUrl);
    const routes = getOrMake(this.routes, `${site} ${group}`, () =>
      this.newRoutes(adapter.id, site, base.origin, group),
    );
    const id = credentialId(connection, base);
    const key = getOrMake(this.keys, id, () => this.newKey(adapter, id));
    if (this.keys.size > MAX_KEYS) this.keys.delete(this.keys.keys().next().value ?? '');
    return { ...routes, ...key };
  }

  /** Lets the next call with this key through even though it was rejected before. */
  forgiveKey(adapter: AnyAdapter, connection: ProviderConnection): void {
    const id = credentialId(connection, baseOf(adapter, connection));
    const key = this.keys.get(id);
    if (key !== undefined) this.keys.set(id, { ...key, keyBreaker: this.newKeyBreaker() });
  }

  /** The sites that this process has asked. */
  sites(): readonly string[] {
    return [...new Set([...this.routes.values()].map(({ site }) => site))];
  }

  /** Forgets how the others did: nobody asks them any more, so they would stay as they were. */
  keepSites(used: ReadonlySet<string>): void {
    for (const [key, { site }] of this.routes) if (!used.has(site)) this.routes.delete(key);
    for (const site of this.outcomes.keys()) if (!used.has(site)) this.outcomes.delete(site);
  }

  /** How some sites of one provider do, taken together. */
  state(sites: readonly string[]): ProviderState {
    const outcomes = sites.flatMap((site) => this.outcomes.get(site) ?? []);
    const { lastSuccessAt = null } = latest(outcomes, 'lastSuccessAt') ?? {};
    const { lastFailureAt = null, lastError = null } = latest(outcomes, 'lastFailureAt') ?? {};
    const routes = [...this.routes.values()].filter(({ site }) => sites.includes(site));
    const swept = routes.filter(({ group }) => SWEPT_GROUPS.includes(group));
    const worst = worstOf(swept.map(({ providerBreaker }) => providerBreaker));
    const circuits = Object.fromEntries(
      OPERATION_GROUPS.flatMap((group) => {
        const ofGroup = routes.filter((known) => known.group === group);
        const breaker = worstOf(ofGroup.map(({ providerBreaker }) => providerBreaker));
        return breaker === undefined ? [] : [[group, breaker.circuit]];
      }),
    );
    return {
      lastSuccessAt,
      lastFailureAt,
      lastError,
      circuit: worst?.circuit ?? 'closed',
      circuits,
      since: worst?.since ?? null,
    };
  }

  /** How much this process has under way at each provider that it has asked. */
  traffic(): Map<string, ProviderFigures> {
    const traffic = new Map<string, ProviderFigures>();
    const add = (provider: string, more: Partial<ProviderFigures>) => {
      const known = traffic.get(provider) ?? { running: 0, waiting: 0, openCircuits: 0 };
      traffic.set(provider, {
        running: known.running + (more.running ?? 0),
        waiting: known.waiting + (more.waiting ?? 0),
        openCircuits: known.openCircuits + (more.openCircuits ?? 0),
      });
    };
    for (const { provider, turns } of this.keys.values()) add(provider, turns.figures);
    for (const { site, providerBreaker } of this.routes.values())
      add(providerOf(site), { openCircuits: providerBreaker.circuit === 'closed' ? 0 : 1 });
    return traffic;
  }

  /** Waits for requests on their way. */
  async close(): Promise<void> {
    await Promise.all([...this.senders.values()].map((sender) => sender.close()));
  }

  private newRoutes(provider: string, site: string, origin: string, group: OperationGroup) {
    const { clock, logger, policies } = this.settings;
    const onChange = (circuit: Circuit) =>
      logger?.warn('provider circuit changed', { provider, origin, group, circuit });
    return {
      site,
      group,
      providerBreaker: new Breaker(policies, meaningForProvider, onChange),
      retryBudget: new RetryBudget(policies, clock),
    };
  }

  private newKey({ id: provider, limits }: AnyAdapter, id: string) {
    const { sharedLimits, policies, clock } = this.settings;
    const quota: KeyQuota | undefined = sharedLimits?.quotaOf(id, limits, () => turns.letThrough());
    const turns = new Turns(() => quota?.concurrency ?? limits.concurrency, policies.queueLength);
    const own = new OutboundRateLimiter(declaredRate(limits), clock);
    return {
      provider,
      turns,
      keyBreaker: this.newKeyBreaker(),
      rateLimiter: new SharedRateLimiter(own, quota),
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

/** A 404 about one account shows neither that the provider works nor that it does not. */
function meaningForProvider(error: ProviderError): Meaning {
  if (error.code === 'not_found') return 'nothing';
  return isFailure(error.code) ? 'failure' : 'success';
}

/** The one in which it is latest; `undefined`: it is in none. */
function latest(
  outcomes: readonly LastOutcomes[],
  at: 'lastSuccessAt' | 'lastFailureAt',
): LastOutcomes | undefined {
  return outcomes
    .filter((one) => one[at] !== null)
    .sort((one, other) => Number(other[at]) - Number(one[at]))[0];
}

function worstOf(breakers: readonly Breaker[]): Breaker | undefined {
  return (['open', 'half_open', 'closed'] as const)
    .map((circuit) => breakers.find((breaker) => breaker.circuit === circuit))
    .find((breaker) => breaker !== undefined);
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

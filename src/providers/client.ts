import type { ProviderFigures } from '../http/metrics.js';
import type { Clock } from '../lib/clock.js';
import { type Tracing, UNTRACED } from '../lib/tracing.js';
import {
  type AccountKey,
  type AnyAdapter,
  type Input,
  type OperationName,
  type Output,
  ProviderError,
} from '../model/index.js';
import { CallsInFlight } from './calls-in-flight.js';
import type { ProviderConnection } from './connection.js';
import type { CredentialKeeper } from './credential-keeper.js';
import { type AttemptOutcome, type CallContext, type Executor, execute } from './execute.js';
import { FreshCredentials } from './fresh-credentials.js';
import {
  type AccountToFind,
  type Looker,
  lookUp,
  lookUpUnlisted,
  observationOf,
} from './look-up.js';
import { type ListPage, type ListRequest, list, type ObservedPage, walk } from './observe.js';
import { type ProviderLogger, ProviderRuntime, type ProviderState } from './provider-runtime.js';
import type { Observation } from './read-account.js';
import { createRegistry, type Registry } from './registry.js';
import { DEFAULT_POLICIES, type PolicySettings } from './settings.js';
import type { SharedLimits } from './shared-limits.js';
import { SharedWalks } from './shared-walks.js';
import { absenceUnproven } from './translate-error.js';

/** Whether there was anything to change, where the provider says so. */
type ChangeAnswer = 'done' | 'already_so';

/**
 * The way out: everything the gateway asks of providers goes through here. Every call rejects with
 * a `ProviderError` when it fails at the provider, with the reason of `context.signal` when the
 * caller stops it, and with a plain `Error` when the provider has no such operation (ask `supports`
 * first).
 */
export interface Providers {
  readonly adapters: Registry;
  /** `false` for an unknown provider, too. */
  supports(provider: string, operation: OperationName): boolean;

  /**
   * One page of the list as the provider gives it, without the health that some providers report
   * apart.
   */
  list(connection: ProviderConnection, page: ListRequest, context: CallContext): Promise<ListPage>;
  /**
   * The whole list page by page, health joined; one page is fetched ahead. Ends only when the list
   * is complete.
   * @param from where to begin, as `next` of a page was; at the list's beginning when left out
   */
  walk(
    connection: ProviderConnection,
    context: CallContext,
    from?: string | null,
  ): AsyncIterable<ObservedPage>;
  /**
   * `null`: it is proven that the provider does not hold the account. A look that proves neither
   * rejects.
   */
  lookUp(
    connection: ProviderConnection,
    account: AccountToFind,
    context: CallContext,
  ): Promise<Observation | null>;
  /**
   * Asks for an account that a complete list, read just now, lacks. `unproven`: the provider does
   * not know it either, and its answer alone does not prove that it holds none.
   */
  lookUpUnlisted(
    connection: ProviderConnection,
    account: AccountKey,
    context: CallContext,
  ): Promise<Observation | 'gone' | 'unproven'>;
  /**
   * Resolves when the provider accepts the key. Always asks, even for a key that was rejected a
   * moment ago.
   */
  verify(connection: ProviderConnection, context: CallContext): Promise<void>;

  create(
    connection: ProviderConnection,
    account: Input<'create'>,
    context: CallContext,
  ): Promise<Observation>;
  update(
    connection: ProviderConnection,
    change: Input<'update'>,
    context: CallContext,
  ): Promise<Observation>;
  /** An account that is paused already counts as success. */
  pause(
    connection: ProviderConnection,
    account: Input<'pause'>,
    context: CallContext,
  ): Promise<ChangeAnswer>;
  /** An account that is active already counts as success. */
  resume(
    connection: ProviderConnection,
    account: Input<'resume'>,
    context: CallContext,
  ): Promise<ChangeAnswer>;
  activity(
    connection: ProviderConnection,
    page: Input<'activity'>,
    context: CallContext,
  ): Promise<Output<'activity'>>;
  stats(
    connection: ProviderConnection,
    account: Input<'stats'>,
    context: CallContext,
  ): Promise<Output<'stats'>>;
  connectStart(
    connection: ProviderConnection,
    flow: Input<'connectStart'>,
    context: CallContext,
  ): Promise<Output<'connectStart'>>;
  connectComplete(
    connection: ProviderConnection,
    flow: Input<'connectComplete'>,
    context: CallContext,
  ): Promise<Output<'connectComplete'>>;
  /** `already_gone`: the provider answered its own 404, which a look is to confirm. */
  disconnect(
    connection: ProviderConnection,
    account: Input<'disconnect'>,
    context: CallContext,
  ): Promise<'done' | 'already_gone'>;

  /** The connections with calls under way in this process. */
  connectionsInUse(): readonly string[];
  /** Ends the calls of a connection that are under way, which reject with `reason`. */
  abort(connectionId: string, reason: Error): void;
  /** Ends those of them that change nothing at the provider. */
  abortReads(connectionId: string, reason: Error): void;
  /** The sites that this process has asked of late, of all providers. */
  sites(): readonly string[];
  /** Forgets how all others did: no connection leads there any more. */
  keepSites(used: ReadonlySet<string>): void;
  /** How these sites of one provider do at the moment, as far as this process saw. */
  state(sites: readonly string[]): ProviderState;
  /** How much this process has under way, by provider that it has asked. */
  traffic(): ReadonlyMap<string, ProviderFigures>;
  /** Calls `listener` after each attempt; the answer takes it off again. */
  onOutcome(listener: (outcome: AttemptOutcome) => void): () => void;
  /** Lets requests on their way finish and closes all sockets. */
  close(): Promise<void>;
}

/** What the way out to providers is made with. */
export interface ProvidersSettings {
  readonly clock: Clock;
  readonly logger?: ProviderLogger;
  readonly tracing?: Tracing;
  /** Over the defaults. */
  readonly policies?: Partial<PolicySettings>;
  /** Those in `adapters/` when left out. */
  readonly adapters?: readonly AnyAdapter[];
  /** Of credentials that expire; without one they are not refreshed. */
  readonly keeper?: CredentialKeeper;
  /** Absent: no other replica asks these providers. */
  readonly sharedLimits?: SharedLimits;
}

/** The way out to all providers: adapters, policies and connections. */
export function createProviders(settings: ProvidersSettings): Providers {
  const { clock, logger, tracing = UNTRACED } = settings;
  const policies = { ...DEFAULT_POLICIES, ...settings.policies };
  const listeners = new Set<(outcome: AttemptOutcome) => void>();
  const runtime = new ProviderRuntime({
    clock,
    logger,
    policies,
    sharedLimits: settings.sharedLimits,
  });
  const registry = createRegistry(settings.adapters);
  const inFlight = new CallsInFlight();
  const executor: Executor = {
    registry,
    inFlight,
    runtime,
    clock,
    tracing,
    policies,
    ...(settings.keeper && { fresh: new FreshCredentials(settings.keeper, clock) }),
    onOutcome: (outcome) => {
      for (const listener of listeners) listener(outcome);
    },
  };

  const looker: Looker = { ...executor, walks: new SharedWalks() };

  const ask = async <Name extends OperationName>(
    connection: ProviderConnection,
    name: Name,
    input: Input<Name>,
    context: CallContext,
  ) => (await execute(executor, connection, name, input, context)).value;

  const askForAccount = async <Name extends 'create' | 'update'>(
    connection: ProviderConnection,
    name: Name,
    input: Input<Name>,
    context: CallContext,
  ) => {
    const answered = await execute(executor, connection, name, input, context);
    const { value, askedAt, secrets } = answered;
    return observationOf(registry.require(connection.provider), value, askedAt, secrets);
  };

  return {
    adapters: registry,
    supports: (provider, operation) => registry.get(provider)?.operations[operation] !== undefined,

    list: (connection, page, context) => list(executor, connection, page, context),
    walk: (connection, context, from) =>
      walk(executor, connection, context, 'rationed', from ?? null),
    lookUp: async (connection, account, context) => {
      const found = await lookUp(looker, connection, account, context);
      if (found === null && connection.isUnproven)
        throw absenceUnproven(registry.require(connection.provider));
      return found;
    },
    lookUpUnlisted: (connection, account, context) =>
      lookUpUnlisted(executor, connection, account, context),
    verify: async (connection, context) => {
      const adapter = registry.require(connection.provider);
      runtime.forgiveKey(adapter, connection);
      if (adapter.operations.verify === undefined)
        await list(executor, connection, { cursor: null, limit: 1 }, context);
      else await ask(connection, 'verify', {}, context);
    },

    create: (connection, account, context) => askForAccount(connection, 'create', account, context),
    update: (connection, change, context) => askForAccount(connection, 'update', change, context),
    pause: (connection, account, context) =>
      orAlreadySo(ask(connection, 'pause', account, context)),
    resume: (connection, account, context) =>
      orAlreadySo(ask(connection, 'resume', account, context)),
    activity: (connection, page, context) => ask(connection, 'activity', page, context),
    stats: (connection, account, context) => ask(connection, 'stats', account, context),
    connectStart: (connection, flow, context) => ask(connection, 'connectStart', flow, context),
    connectComplete: (connection, flow, context) =>
      ask(connection, 'connectComplete', flow, context),
    disconnect: async (connection, account, context) => {
      try {
        await ask(connection, 'disconnect', account, context);
        return 'done';
      } catch (error) {
        if (!(error instanceof ProviderError) || error.code !== 'not_found') throw error;
        if (connection.isUnproven) throw absenceUnproven(registry.require(connection.provider));
        return 'already_gone';
      }
    },

    connectionsInUse: () => inFlight.connections,
    abort: (connectionId, reason) => inFlight.abort(connectionId, ['read', 'change'], reason),
    abortReads: (connectionId, reason) => inFlight.abort(connectionId, ['read'], reason),
    sites: () => runtime.sites(),
    keepSites: (used) => runtime.keepSites(used),
    state: (sites) => runtime.state(sites),
    traffic: () => runtime.traffic(),
    onOutcome: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => runtime.close(),
  };
}

async function orAlreadySo(change: Promise<true>): Promise<ChangeAnswer> {
  try {
    await change;
    return 'done';
  } catch (error) {
    if (!(error instanceof ProviderError && error.code === 'already_so')) throw error;
    return 'already_so';
  }
}

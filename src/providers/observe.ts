import type { Clock } from '../lib/clock.js';
import { isObject } from '../lib/is-object.js';
import { type AnyAdapter, type Platform, ProviderError } from '../model/index.js';
import type { ProviderConnection } from './connection.js';
import { adapterOf, type CallContext, type Executor, execute } from './execute.js';
import { pages } from './paginate.js';
import {
  isObservation,
  type Observation,
  type QuarantinedItem,
  readAccount,
} from './read-account.js';
import { settingsTextOf } from './settings-text.js';
import { invalidAnswer } from './translate-error.js';

/** Limits count per minute, so that a longer wait is no mere pacing. */
const PATIENCE_SECONDS = 120;

/** A page of a provider's list as it was seen. */
export interface ObservedPage {
  /**
   * The instant before the provider was asked (for its health first, where that is asked
   * separately).
   */
  readonly observedAt: Date;
  readonly accounts: readonly Observation[];
  readonly quarantined: readonly QuarantinedItem[];
}

/** One page, and where the next one begins; `null` on the last. */
export interface ListPage extends ObservedPage {
  readonly next: string | null;
}

export interface ListRequest {
  readonly cursor: string | null;
  /** The adapter's page size when left out, and at most that. */
  readonly limit?: number;
  readonly platform?: Platform;
}

/** The health of all accounts of a provider, by the adapter's join key. */
interface HealthReport {
  readonly askedAt: Date;
  readonly items: ReadonlyMap<string, Record<string, unknown>>;
}

/** One page of the provider's list, without health that is read by a separate operation. */
export async function list(
  executor: Executor,
  connection: ProviderConnection,
  page: ListRequest,
  context: CallContext,
): Promise<ListPage> {
  const { next, ...observed } = await observePage(executor, connection, page, null, context);
  return { ...observed, next: next ?? null };
}

/**
 * The whole list, page by page, health joined. Waits where the provider's rate limit is used up for
 * now. Ends when the list is complete, throws when it cannot be completed.
 */
export async function* walk(
  executor: Executor,
  connection: ProviderConnection,
  context: CallContext,
  platform?: Platform,
): AsyncGenerator<ObservedPage, void, void> {
  const adapter = adapterOf(executor.registry, connection.provider);
  const tellsHealthApart = adapter.operations.health !== undefined;
  const health = tellsHealthApart
    ? await patiently(executor.clock, context.signal, () =>
        fetchHealth(executor, adapter, connection, context),
      )
    : null;
  yield* pages(
    (cursor, stopped) => {
      const signal =
        context.signal === undefined ? stopped : AbortSignal.any([context.signal, stopped]);
      const page = { cursor: cursor ?? null, ...(platform === undefined ? {} : { platform }) };
      return patiently(executor.clock, signal, () =>
        observePage(executor, connection, page, health, { ...context, signal }),
      );
    },
    () =>
      new ProviderError(
        adapter.id,
        'invalid_answer',
        `${adapter.name} answered with a list that never ends: its cursors repeat.`,
      ),
  );
}

/**
 * A fresh look at one account; `null` when the provider says that there is none: a 404, or a
 * complete list without it.
 * @throws ProviderError `invalid_answer` when what may be the account cannot be read
 */
export async function lookUp(
  executor: Executor,
  connection: ProviderConnection,
  account: { readonly id: string; readonly platform: Platform },
  context: CallContext,
): Promise<Observation | null> {
  const adapter = adapterOf(executor.registry, connection.provider);
  if (adapter.operations.get === undefined)
    return findInList(executor, adapter, connection, account, context);
  try {
    const { value, body, askedAt } = await execute(
      executor,
      connection,
      'get',
      { id: account.id },
      context,
    );
    return {
      ...observationOf(adapter, value, askedAt, connection.apiKey),
      settingsText: settingsTextOf(adapter, body),
    };
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'not_found') return null;
    throw error;
  }
}

/** Reads an answer that is one account. @throws ProviderError `invalid_answer` */
export function observationOf(
  adapter: AnyAdapter,
  raw: unknown,
  askedAt: Date,
  apiKey: string,
): Observation {
  const reading = readAccount(adapter, raw, askedAt, apiKey);
  if (!isObservation(reading))
    throw invalidAnswer(
      adapter,
      `an account that does not match its documentation: ${reading.reason}`,
      null,
    );
  return reading;
}

async function findInList(
  executor: Executor,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  account: { readonly id: string; readonly platform: Platform },
  context: CallContext,
): Promise<Observation | null> {
  let unreadable: QuarantinedItem | undefined;
  for await (const page of walk(executor, connection, context, account.platform)) {
    const found = page.accounts.find(
      (observation) => observation.account.providerAccountId === account.id,
    );
    if (found !== undefined) return found;
    unreadable ??= page.quarantined.find((item) => item.id === null || item.id === account.id);
  }
  // An item that cannot be read may be the account, which then cannot be called gone.
  if (unreadable !== undefined)
    throw invalidAnswer(
      adapter,
      `an account that does not match its documentation: ${unreadable.reason}`,
      null,
    );
  return null;
}

/**
 * A long list may need more requests than a minute allows: what was held back here, and not refused
 * there, is asked again.
 */
async function patiently<Value>(
  clock: Clock,
  signal: AbortSignal | undefined,
  fetch: () => Promise<Value>,
): Promise<Value> {
  for (;;) {
    try {
      return await fetch();
    } catch (error) {
      const waitSeconds =
        error instanceof ProviderError && error.code === 'rate_limited' && error.status === null
          ? error.retryAfterSeconds
          : null;
      if (waitSeconds === null || waitSeconds > PATIENCE_SECONDS) throw error;
      await clock.sleep(waitSeconds * 1000, signal);
    }
  }
}

async function fetchHealth(
  executor: Executor,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  context: CallContext,
): Promise<HealthReport> {
  const { value, askedAt } = await execute(executor, connection, 'health', {}, context);
  const items = new Map<string, Record<string, unknown>>();
  for (const item of value.items) {
    const key = adapter.account.joinKey?.(item);
    if (key !== undefined && isObject(item)) items.set(key, item);
  }
  return { askedAt, items };
}

async function observePage(
  executor: Executor,
  connection: ProviderConnection,
  page: ListRequest,
  health: HealthReport | null,
  context: CallContext,
): Promise<ObservedPage & { readonly next: string | undefined }> {
  const adapter = adapterOf(executor.registry, connection.provider);
  const limit = Math.min(page.limit ?? adapter.limits.pageSize, adapter.limits.pageSize);
  const input = { cursor: page.cursor ?? undefined, limit, platform: page.platform };
  const { value, askedAt } = await execute(executor, connection, 'list', input, context);
  // What is joined is as old as its older half.
  const observedAt = health?.askedAt ?? askedAt;
  const accounts: Observation[] = [];
  const quarantined: QuarantinedItem[] = [];
  for (const item of value.items) {
    const reading = readAccount(
      adapter,
      health === null ? item : joined(adapter, item, health),
      observedAt,
      connection.apiKey,
    );
    if (isObservation(reading)) accounts.push(reading);
    else quarantined.push(reading);
  }
  return { observedAt, accounts, quarantined, next: value.next };
}

function joined(adapter: AnyAdapter, item: unknown, health: HealthReport): unknown {
  const key = adapter.account.joinKey?.(item);
  const itemHealth = key === undefined ? undefined : health.items.get(key);
  return isObject(item) && itemHealth !== undefined ? { ...itemHealth, ...item } : item;
}

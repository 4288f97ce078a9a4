import type { Clock } from '../lib/clock.js';
import { mapInTurns } from '../lib/long-task.js';
import { type AnyAdapter, type Limits, ProviderError } from '../model/index.js';
import { statedTotal } from './answer-body.js';
import type { ProviderConnection } from './connection.js';
import { asPart, type DetailChoice, Details } from './details.js';
import { type CallContext, type Executor, execute } from './execute.js';
import {
  fetchHealthReport,
  type HealthReport,
  joinedWithHealth,
  readUnlisted,
  readWithHealth,
} from './health-report.js';
import { pages } from './paginate.js';
import {
  isObservation,
  type Observation,
  type QuarantinedItem,
  readAccount,
} from './read-account.js';

/** A longer wait than this, and than for the next two requests, is no mere pacing. */
const PATIENCE_SECONDS = 120;

/** A page of a provider's list as it was seen. */
export interface ObservedPage {
  /** The instant before the provider was asked; of list and health report the earlier one. */
  readonly observedAt: Date;
  /** `health`: what the list lacks and the health report shows all the same. */
  readonly source: 'list' | 'health';
  readonly accounts: readonly Observation[];
  readonly quarantined: readonly QuarantinedItem[];
  /** Why the report of their health is not there; `null` when it is, or when there is none. */
  readonly healthFailure: ProviderError | null;
  /** Where the next page of the list begins; `null` on the last. */
  readonly next: string | null;
}

/** One page, and where the next one begins; `null` on the last. */
export interface ListPage {
  readonly observedAt: Date;
  readonly accounts: readonly Observation[];
  readonly quarantined: readonly QuarantinedItem[];
  readonly next: string | null;
}

export interface ListRequest {
  readonly cursor: string | null;
  /** The adapter's page size when left out, and at most that. */
  readonly limit?: number;
}

/** One page of the provider's list, without health that is read by a separate operation. */
export async function list(
  executor: Executor,
  connection: ProviderConnection,
  page: ListRequest,
  context: CallContext,
): Promise<ListPage> {
  const adapter = executor.registry.require(connection.provider);
  const fetched = await fetchPage(executor, adapter, connection, page, context);
  const { items, next, askedAt, secrets } = fetched;
  const readings = await mapInTurns(items, (item) => readAccount(adapter, item, askedAt, secrets));
  return { observedAt: askedAt, ...sorted(readings), next: next ?? null };
}

/**
 * The whole list, page by page, health joined, and then what only the health report shows. Waits
 * where the provider's rate limit is used up for now. Ends when the list is complete, throws when
 * it cannot be completed; that the health report fails is told on each page.
 * @param choice which items are asked about by themselves, where the adapter has `detail`
 * @param from where to begin, as `next` of a page was; `null`: at the list's beginning
 */
export async function* walk(
  executor: Executor,
  connection: ProviderConnection,
  context: CallContext,
  choice: DetailChoice,
  from: string | null,
): AsyncGenerator<ObservedPage, void, void> {
  const adapter = executor.registry.require(connection.provider);
  const left = new AbortController();
  const signals = context.signal === undefined ? [] : [context.signal];
  const details = new Details(
    executor,
    adapter,
    connection,
    { ...context, signal: AbortSignal.any([...signals, left.signal]) },
    choice,
  );
  const health = startHealthReport(executor, adapter, connection, {
    ...context,
    signal: AbortSignal.any([...signals, left.signal]),
  });
  const listed = new Set<string>();
  const observePage = async (cursor: string | undefined, stopped: AbortSignal) => {
    const signal = AbortSignal.any([...signals, stopped]);
    const fetched = await patiently(executor.clock, adapter.limits, signal, () =>
      fetchPage(executor, adapter, connection, { cursor: cursor ?? null }, { ...context, signal }),
    );
    return { ...fetched, report: await health };
  };
  try {
    let report: HealthReport | null = null;
    let items = 0;
    let total = 0;
    let secrets: readonly string[] = [];
    for await (const page of pages(observePage, () => endless(adapter), from ?? undefined)) {
      report = page.report;
      secrets = page.secrets;
      items += page.items.length;
      total = Math.max(total, page.total);
      const observedAt = earlier(page.askedAt, report?.askedAt);
      const joined = (item: unknown) => joinedWithHealth(adapter, item, page.report);
      const detailed = await details.of(page.items, joined);
      const readings = await mapInTurns(detailed, ({ item, isPart }) => {
        const key = adapter.account.joinKey?.(item);
        if (key !== undefined) listed.add(key);
        const reading =
          page.report === null
            ? readAccount(adapter, item, observedAt, page.secrets)
            : readWithHealth(adapter, item, page.report, observedAt, page.secrets);
        return isPart && isObservation(reading) && reading.coverage === 'whole'
          ? asPart(reading)
          : reading;
      });
      const healthFailure = report?.failure ?? null;
      const next = page.next ?? null;
      if (next === null && from === null && items < total) readings.push(lacking(items, total));
      yield { observedAt, source: 'list', ...sorted(readings), healthFailure, next };
    }
    // Of a list that was not read from its beginning the report shows more than the rest.
    if (from !== null) return;
    const unlisted = report && (await readUnlisted(adapter, report, listed, secrets));
    if (report && unlisted && unlisted.accounts.length + unlisted.quarantined.length > 0)
      yield {
        observedAt: report.askedAt,
        source: 'health',
        ...unlisted,
        healthFailure: null,
        next: null,
      };
    details.end();
  } finally {
    left.abort();
  }
}

/** Asked for beside the list's first page, so that a slow one holds up a short list no longer. */
function startHealthReport(
  executor: Executor,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  context: CallContext,
): Promise<HealthReport | null> {
  if (adapter.operations.health === undefined) return Promise.resolve(null);
  const report = patiently(executor.clock, adapter.limits, context.signal, async () => {
    const fetched = await fetchHealthReport(executor, adapter, connection, context);
    if (fetched.failure !== null && isPacing(fetched.failure, adapter.limits))
      throw fetched.failure;
    return fetched;
  });
  // Awaited with the first page; until then its failure is nobody's.
  report.catch(() => {});
  return report;
}

/** Stands for the size of the page that a list without pages is. */
const WHOLE = 200;

async function fetchPage(
  executor: Executor,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  page: ListRequest,
  context: CallContext,
) {
  const { pageSize = WHOLE } = adapter.limits;
  const limit = Math.min(page.limit ?? pageSize, pageSize);
  const input = { cursor: page.cursor ?? undefined, limit };
  const answered = await execute(executor, connection, 'list', input, context);
  const { value, body, askedAt, secrets } = answered;
  return { ...value, next: value.next, total: statedTotal(body), askedAt, secrets };
}

function sorted(readings: readonly (Observation | QuarantinedItem)[]) {
  const accounts: Observation[] = [];
  const quarantined: QuarantinedItem[] = [];
  for (const reading of readings) {
    if (isObservation(reading)) accounts.push(reading);
    else quarantined.push(reading);
  }
  return { accounts, quarantined };
}

/** In place of what a list lacks by its own count: it may be any account. */
function lacking(items: number, total: number): QuarantinedItem {
  return { id: null, reason: `list: it has ${items} items but states that there are ${total}` };
}

function earlier(one: Date, other: Date | undefined): Date {
  return other !== undefined && other < one ? other : one;
}

function endless(adapter: AnyAdapter): ProviderError {
  const message = `${adapter.name} answered with a list that never ends: its cursors repeat.`;
  return new ProviderError(adapter.id, 'invalid_answer', message);
}

/**
 * A long list may need more requests than the limit allows at once: what was held back here, and not refused
 * there, is asked again.
 */
async function patiently<Value>(
  clock: Clock,
  limits: Limits,
  signal: AbortSignal | undefined,
  fetch: () => Promise<Value>,
): Promise<Value> {
  for (;;) {
    try {
      return await fetch();
    } catch (error) {
      if (!(error instanceof ProviderError) || !isPacing(error, limits)) throw error;
      await clock.sleep((error.retryAfterSeconds ?? 0) * 1000, signal);
    }
  }
}

function isPacing({ code, status, retryAfterSeconds }: ProviderError, limits: Limits): boolean {
  const patience = Math.max(PATIENCE_SECONDS, (2 * limits.perSeconds) / limits.requests);
  return (
    code === 'rate_limited' &&
    status === null &&
    retryAfterSeconds !== null &&
    retryAfterSeconds <= patience
  );
}

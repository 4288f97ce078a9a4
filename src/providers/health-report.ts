import { isObject } from '../lib/is-object.js';
import { mapInTurns } from '../lib/long-task.js';
import { type AnyAdapter, ProviderError, type Verdict } from '../model/index.js';
import type { ProviderConnection } from './connection.js';
import { betterCopy } from './copies.js';
import { type CallContext, type Executor, execute } from './execute.js';
import {
  isObservation,
  type Observation,
  type QuarantinedItem,
  readAccount,
} from './read-account.js';

type Item = Record<string, unknown>;

/** The bulk health of a provider's accounts, which it tells apart from its list. */
export interface HealthReport {
  readonly askedAt: Date;
  /** By the adapter's join key; one that names an account twice has both. */
  readonly items: ReadonlyMap<string, readonly Item[]>;
  /** Items that cannot be told apart from any account. */
  readonly unnamed: number;
  /** Why there is none. Its failure is its own: the list is read all the same. */
  readonly failure: ProviderError | null;
}

/** Of one account; further ones are no better. */
const MAX_COPIES = 20;

/** Asks for the report. */
export async function fetchHealthReport(
  executor: Executor,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  context: CallContext,
): Promise<HealthReport> {
  const items = new Map<string, Item[]>();
  try {
    const { value, askedAt } = await execute(executor, connection, 'health', {}, context);
    let unnamed = 0;
    await mapInTurns(value.items, (item) => {
      const key = adapter.account.joinKey?.(item);
      if (key === undefined || !isObject(item)) {
        unnamed += 1;
        return;
      }
      const copies = items.get(key);
      if (copies === undefined) items.set(key, [item]);
      else if (copies.length < MAX_COPIES) copies.push(item);
    });
    return { askedAt, items, unnamed, failure: null };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { askedAt: executor.clock.now(), items, unnamed: 0, failure: error };
  }
}

/** What stands in place of a verdict while the report fails; a verdict that is stored stays. */
const NOT_REPORTED: Verdict = {
  status: 'unknown',
  reason: 'provider_unreachable',
  fault: 'provider',
};

/** A list item with its health item laid under it, the first of several. */
export function joinedWithHealth(
  adapter: AnyAdapter,
  item: unknown,
  report: HealthReport | null,
): unknown {
  const key = report === null ? undefined : adapter.account.joinKey?.(item);
  const [health] = (key !== undefined && report?.items.get(key)) || [];
  return isObject(item) ? { ...health, ...item } : item;
}

/** Reads a list item with its health item laid under it. */
export function readWithHealth(
  adapter: AnyAdapter,
  item: unknown,
  report: HealthReport,
  observedAt: Date,
  secrets: readonly string[],
): Observation | QuarantinedItem {
  const key = adapter.account.joinKey?.(item);
  const health = key === undefined ? [] : (report.items.get(key) ?? []);
  const reading = readCopies(
    adapter,
    health.map((part) => (isObject(item) ? { ...part, ...item } : item)),
    observedAt,
    secrets,
  );
  const alone = reading ?? readAccount(adapter, item, observedAt, secrets);
  return report.failure !== null && isObservation(alone) ? withoutHealth(alone) : alone;
}

/**
 * What only the report still shows: accounts that the list lacks. An item that is no whole account
 * is named all the same, so that its account is not taken as gone.
 * @param listed the join keys of the list
 */
export async function readUnlisted(
  adapter: AnyAdapter,
  report: HealthReport,
  listed: ReadonlySet<string>,
  secrets: readonly string[],
): Promise<{
  readonly accounts: readonly Observation[];
  readonly quarantined: readonly QuarantinedItem[];
}> {
  const accounts: Observation[] = [];
  const quarantined: QuarantinedItem[] = Array.from({ length: report.unnamed }, () => ({
    id: null,
    reason: 'health report: an item that names no account',
  }));
  await mapInTurns(report.items, ([key, items]) => {
    if (listed.has(key)) return;
    const reading = readCopies(adapter, items, report.askedAt, secrets);
    if (reading === undefined) return;
    if (isObservation(reading)) accounts.push({ ...reading, coverage: 'health' });
    else quarantined.push({ ...reading, reason: `health report: ${reading.reason}` });
  });
  return { accounts, quarantined };
}

/** Of several readings of one account, the one that counts; `undefined` when there is none. */
function readCopies(
  adapter: AnyAdapter,
  items: readonly unknown[],
  observedAt: Date,
  secrets: readonly string[],
): Observation | QuarantinedItem | undefined {
  return items
    .map((item) => readAccount(adapter, item, observedAt, secrets))
    .reduce<Observation | QuarantinedItem | undefined>((best, reading) => {
      if (best === undefined || !isObservation(best)) return reading;
      return isObservation(reading) ? betterCopy(best, reading) : best;
    }, undefined);
}

function withoutHealth(observation: Observation): Observation {
  const account = { ...observation.account, status: null, verdict: NOT_REPORTED };
  return { ...observation, account, coverage: 'list' };
}

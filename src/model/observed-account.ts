import type { Platform, ProviderGivenStatus, Verdict } from './account.js';
import {
  ACCOUNT_COLUMNS,
  DERIVED,
  type ObservedFacts,
  type ObservedMetrics,
} from './account-columns.js';
import { profileUrl } from './profile-url.js';

/** Counts at `asOf`; rates in percent (4.17 is 4.17 %). `null`: the provider does not say. */
export interface Metrics extends ObservedMetrics {}

/** The values from providers that may be `null`, such as `metrics.followers`. */
const NULLABLE = ACCOUNT_COLUMNS.flatMap(({ observed, schema }) =>
  observed !== null && observed !== DERIVED && schema.safeParse(null).success ? [observed] : [],
);
const nulls = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]));

const METRIC = 'metrics.';
/** Metrics of which the provider reports none. */
export const NO_METRICS = nulls(
  NULLABLE.flatMap((name) => (name.startsWith(METRIC) ? [name.slice(METRIC.length)] : [])),
) as unknown as Metrics;

/** The values that an adapter need not give, all unknown. */
export const NO_FACTS = nulls(
  NULLABLE.filter((name) => !name.includes('.')),
) as unknown as Readonly<Required<ObservedFacts>>;

/**
 * One account as one look at its provider shows it: the canonical model without what only Rollcall
 * knows (ids, labels, history). `null` means that the provider does not say; a fact that an adapter
 * leaves out is `null` too. A summary in a list may lack `settings` and single metrics: the values
 * of an earlier, fuller look are kept.
 */
export interface ObservedAccount extends ObservedFacts {
  /**
   * The provider's id, byte for byte; `platform/id` where the provider keys accounts by that pair.
   */
  readonly providerAccountId: string;
  /** `null`: it cannot be read. What is stored stays; a new account's is `UNKNOWN_PLATFORM`. */
  readonly platform: Platform | null;
  /** `null`: nothing is said of it. What is stored stays; a new account's is `active`. */
  readonly status: ProviderGivenStatus | null;
  readonly verdict: Verdict;
  /** What the provider itself advises, in its words. */
  readonly advice: readonly string[];
  readonly metrics: Metrics;
}

/**
 * An account as an adapter's `map` gives it: what it leaves out is `null`, or empty. Its
 * `profileUrl`, left out, is that of its handle, where the network's addresses follow from handles.
 */
export interface MappedAccount extends Omit<ObservedAccount, 'advice' | 'metrics'> {
  readonly advice?: ObservedAccount['advice'];
  readonly metrics?: Partial<Metrics>;
}

/** Spreading two objects takes V8 ten times as long. */
export function completed(account: MappedAccount): Required<ObservedAccount> {
  const { metrics, platform, username = null } = account;
  const usual = { profileUrl: profileUrl(platform, username) };
  return Object.assign({}, NO_FACTS, usual, account, {
    advice: account.advice ?? [],
    metrics: metrics === undefined ? NO_METRICS : Object.assign({}, NO_METRICS, metrics),
  });
}

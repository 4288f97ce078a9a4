import { type AccountKey, type AnyAdapter, ProviderError } from '../model/index.js';
import type { ProviderConnection } from './connection.js';
import { betterCopy } from './copies.js';
import { asPart, Details } from './details.js';
import { type CallContext, type Executor, execute } from './execute.js';
import { list, type ObservedPage, walk } from './observe.js';
import {
  isObservation,
  type Observation,
  type QuarantinedItem,
  readAccount,
} from './read-account.js';
import { settingsTextOf } from './settings-text.js';
import type { SharedWalks } from './shared-walks.js';
import { invalidAnswer } from './translate-error.js';

/** What looks are made with: those at one connection that need its whole list share walks over it. */
export interface Looker extends Executor {
  readonly walks: SharedWalks;
}

/** The account that is looked for. */
export interface AccountToFind extends AccountKey {
  /**
   * What the provider itself answered to a delete before: that it was done, or that there was none.
   * Either way a list without the account proves its absence though the health report fails; and
   * after a delete that was done a 404 needs no list beside it.
   */
  readonly deleteAnswer?: 'done' | 'not_found';
  /** Whether what is told of the account alone is asked for too, where the adapter has `detail`. */
  readonly withDetail?: true;
}

/**
 * A fresh look at one account; `null` when it is proven that the provider holds none: by its own
 * 404 for the account while it lists others, or by a complete list without it that no health report
 * contradicts.
 * @throws ProviderError `invalid_answer` when what may be the account cannot be read
 */
export async function lookUp(
  looker: Looker,
  connection: ProviderConnection,
  account: AccountToFind,
  context: CallContext,
): Promise<Observation | null> {
  const adapter = looker.registry.require(connection.provider);
  if (adapter.operations.get === undefined)
    return findInList(looker, adapter, connection, account, context);
  try {
    return await getAccount(looker, adapter, connection, account, context);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (!isDocumented(adapter, error))
      return findInList(looker, adapter, connection, account, context);
    if (account.deleteAnswer === 'done') return null;
    return findOnFirstPage(looker, adapter, connection, account, context);
  }
}

/**
 * A look at an account that a complete list, read just now, lacks. `gone`: the provider answers
 * its documented 404; `unproven`: its 404 is of its own shape and not one that it documents for
 * accounts, or it cannot be asked for one account.
 * @throws ProviderError when the look says nothing of the account
 */
export async function lookUpUnlisted(
  executor: Executor,
  connection: ProviderConnection,
  account: AccountKey,
  context: CallContext,
): Promise<Observation | 'gone' | 'unproven'> {
  const adapter = executor.registry.require(connection.provider);
  if (adapter.operations.get === undefined) return 'unproven';
  try {
    return await getAccount(executor, adapter, connection, account, context);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return isDocumented(adapter, error) ? 'gone' : 'unproven';
  }
}

/** Reads an answer that is one account. @throws ProviderError `invalid_answer` */
export function observationOf(
  adapter: AnyAdapter,
  raw: unknown,
  askedAt: Date,
  secrets: readonly string[],
): Observation {
  const reading = readAccount(adapter, raw, askedAt, secrets);
  if (!isObservation(reading)) throw unreadable(adapter, reading);
  return reading;
}

async function getAccount(
  executor: Executor,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  { id, withDetail }: AccountToFind,
  context: CallContext,
): Promise<Observation> {
  const answered = await execute(executor, connection, 'get', { id }, context);
  const { value, body, askedAt, secrets } = answered;
  const choice = withDetail ? { id } : 'none';
  const details = new Details(executor, adapter, connection, context, choice);
  const [detailed] = await details.of([value], (item) => item);
  const { item, isPart } = detailed ?? { item: value, isPart: false };
  const observation = observationOf(adapter, item, askedAt, secrets);
  return {
    ...(isPart ? asPart(observation) : observation),
    settingsText: () => settingsTextOf(adapter, body),
  };
}

function isNotFound(error: unknown): error is ProviderError {
  return error instanceof ProviderError && error.code === 'not_found';
}

/** Whether a 404 has a code that the provider documents for an account that it does not hold. */
function isDocumented({ errorBody }: AnyAdapter, { providerCode }: ProviderError): boolean {
  return providerCode !== null && errorBody.codes[providerCode] === 'not_found';
}

/**
 * After a 404: an answer of the list shows that the API is there at all. Where the list has no
 * pages it is whole, and the account may be in it, which contradicts.
 */
async function findOnFirstPage(
  executor: Executor,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  { id }: AccountKey,
  context: CallContext,
): Promise<Observation | null> {
  const page = { cursor: null, limit: 1 };
  const { accounts, quarantined } = await list(executor, connection, page, context);
  const unclear = quarantined.find((item) => item.id === id);
  if (unclear !== undefined) throw unreadable(adapter, unclear);
  return accounts.filter(({ account }) => account.providerAccountId === id).reduce(better, null);
}

/**
 * The account in the whole list. Rows may move while a list of several pages is read, so that one
 * is missed: only a second reading that agrees proves that it is not there.
 */
async function findInList(
  looker: Looker,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  account: AccountToFind,
  context: CallContext,
): Promise<Observation | null> {
  const { id, deleteAnswer } = account;
  for (let reading = 1; ; reading += 1) {
    const sight = await sightIn(looker, adapter, connection, account, context);
    if (sight.found !== null) return withId(sight.found, id);
    // An item that cannot be told apart from the account may be it: no ground to call it gone.
    if (sight.unclear !== undefined) throw unreadable(adapter, sight.unclear);
    // Accounts whose token is lost may be in the report alone.
    if (sight.failure !== null && deleteAnswer === undefined) throw sight.failure;
    if (sight.pageCount <= 1 || reading === 2) return null;
  }
}

/** What one walk over the list shows of an account. */
interface Sight {
  found: Observation | null;
  unclear: QuarantinedItem | undefined;
  /** Why the health report is not there. */
  failure: ProviderError | null;
  pageCount: number;
}

async function sightIn(
  looker: Looker,
  adapter: AnyAdapter,
  connection: ProviderConnection,
  { id, withDetail }: AccountToFind,
  context: CallContext,
): Promise<Sight> {
  const sight: Sight = { found: null, unclear: undefined, failure: null, pageCount: 0 };
  const take = ({ source, accounts, quarantined, healthFailure }: ObservedPage) => {
    sight.failure ??= healthFailure;
    // The report may spell otherwise what the list does not spell at all.
    const isMeant = (other: string) =>
      other === id || (source === 'health' && other.toLowerCase() === id.toLowerCase());
    const copies = accounts.filter(({ account }) => isMeant(account.providerAccountId));
    sight.found = copies.reduce(better, sight.found);
    sight.unclear ??= quarantined.find((item) => item.id === null || isMeant(item.id));
    if (source === 'list') sight.pageCount += 1;
  };
  const hasDetail = withDetail && adapter.operations.detail !== undefined;
  if (!hasDetail && context.signal === undefined) {
    await looker.walks.read(looker, connection, context, take);
  } else {
    const choice = hasDetail ? { id } : 'none';
    for await (const page of walk(looker, connection, context, choice, null)) take(page);
  }
  return sight;
}

function better(best: Observation | null, copy: Observation): Observation {
  return best === null ? copy : betterCopy(best, copy);
}

function withId(observation: Observation, id: string): Observation {
  return { ...observation, account: { ...observation.account, providerAccountId: id } };
}

function unreadable(adapter: AnyAdapter, { reason }: QuarantinedItem): ProviderError {
  const what = `an account that does not match its documentation: ${reason}`;
  return invalidAnswer(adapter, what, null);
}

import type pg from 'pg';
import { type AccountRow, ambiguousReference } from '../accounts/index.js';
import type { Caller } from '../http/caller.js';
import { firstErrors, invalidField, invalidFields, MAX_REFS, Problem } from '../http/problem.js';
import { isStorable } from '../lib/text.js';
import type { MatchedAccount, ReadWholeProfile } from '../profiles/index.js';
import type { DisconnectRequest } from './disconnects.requests.js';
import { MAX_ACCOUNTS } from './disconnects.schema.js';
import { type Excluded, type PlanDifference, refOf, type Selection } from './plan.js';
import type { PlansRepository } from './plans.repository.js';

/** How accounts are found that a request means. */
interface Sources {
  readonly plans: PlansRepository;
  readonly readWholeProfile: ReadWholeProfile;
}

/**
 * The accounts a request means, locked until the transaction ends.
 * @throws Problem 422 naming what is wrong with the choice, 409 for accounts that are disconnected
 * or about to be, and for a ref that names several
 */
export async function selectAccounts(
  client: pg.ClientBase,
  { plans, readWholeProfile }: Sources,
  caller: Caller,
  request: DisconnectRequest,
): Promise<Selection> {
  if (request.account_ids)
    return { accounts: await chosen(client, plans, caller, request.account_ids), excluded: [] };
  if (request.profile_id !== undefined) {
    const { profile_id: id, include_weak: includesWeak } = request;
    const members = await readWholeProfile(client, caller, id);
    if (members === undefined)
      throw invalidField('profile_id', `${id} does not exist, or belongs to another team`);
    return ofProfile(client, plans, caller, members, includesWeak);
  }
  const filter = request.filter ?? {};
  const accounts = await plans.lockMatching(client, caller, filter, MAX_ACCOUNTS + 1);
  if (accounts.length === 0)
    throw invalidField('filter', 'matches no account that can be disconnected');
  if (accounts.length > MAX_ACCOUNTS)
    throw invalidField(
      'filter',
      `matches more than ${MAX_ACCOUNTS} accounts; narrow it and split the work into several disconnects`,
    );
  return { accounts, excluded: [] };
}

/**
 * Of the accounts of a profile those that more than a handle ties to it: a handle may be somebody
 * else's by now.
 * @throws Problem 409 where they are disconnecting already, 422 where a handle alone ties them
 */
export async function ofProfile(
  client: pg.ClientBase,
  plans: PlansRepository,
  caller: Caller,
  members: readonly MatchedAccount[],
  includesWeak: boolean,
): Promise<Selection> {
  const weak = new Set(members.flatMap(({ id, match }) => (match === 'weak' ? [id] : [])));
  const ids = members.map(({ id }) => id);
  const accounts: AccountRow[] = [];
  const excluded: Excluded[] = [];
  for (const account of await plans.lockNamed(client, caller, ids)) {
    if (isEnding(account)) excluded.push({ account, reason: 'disconnecting' });
    else if (weak.has(account.id) && !includesWeak)
      excluded.push({ account, reason: 'weak_match' });
    else accounts.push(account);
  }
  if (accounts.length > 0) return { accounts, excluded };
  const late = excluded.filter(({ reason }) => reason === 'disconnecting');
  if (late.length > 0) throw ending(late.map(({ account }) => account));
  throw invalidField(
    'profile_id',
    'only a handle ties these accounts together, and they may belong to several people. Request the plan with dry_run and include_weak, review it, and send its plan_hash with include_weak',
  );
}

async function chosen(
  client: pg.ClientBase,
  plans: PlansRepository,
  caller: Caller,
  references: readonly string[],
) {
  const accounts = await plans.lockNamed(client, caller, references.filter(isStorable));
  const byReference = new Map<string, AccountRow[]>();
  for (const account of accounts)
    for (const name of [account.id, refOf(account)])
      byReference.set(name, [...(byReference.get(name) ?? []), account]);
  const unknown: number[] = [];
  const twice: number[] = [];
  const seen = new Set<string>();
  references.forEach((reference, place) => {
    const named = byReference.get(reference) ?? [];
    if (named.length > 1) throw ambiguousReference(reference, named);
    const [account] = named;
    if (!account) unknown.push(place);
    else if (seen.has(account.id)) twice.push(place);
    else seen.add(account.id);
  });
  if (unknown.length > 0)
    throw invalid('is no id or ref of an account of the team', unknown, references);
  if (twice.length > 0) throw invalid('is given more than once', twice, references);
  const late = accounts.filter(isEnding);
  if (late.length > 0) throw ending(late);
  return accounts;
}

/** Whether an account is disconnected, or is being disconnected. */
export const isEnding = ({ status }: AccountRow) =>
  status === 'disconnecting' || status === 'disconnected';

function ending(accounts: readonly AccountRow[]): Problem {
  const named = accounts
    .slice(0, MAX_REFS)
    .map((account) => `${account.id} (${account.status}${by(account)})`);
  return new Problem(
    'conflict',
    `Leave out accounts that are already disconnecting or disconnected: ${named.join(', ')}.`,
    { refs: accounts.slice(0, MAX_REFS).map(refOf) },
  );
}

const by = ({ disconnect_id }: AccountRow) =>
  disconnect_id === null ? '' : ` by ${disconnect_id}`;

/** @param places of those that are wrong among the references */
function invalid(
  message: string,
  places: readonly number[],
  references: readonly string[],
): Problem {
  return invalidFields(
    places.map((place) => ({
      field: `account_ids.${place}`,
      message: `${references[place]} ${message}`,
    })),
  );
}

/**
 * The set is not the plan's.
 * @param difference `undefined`: the plan is not known any more
 * @param field that named the set
 */
export function planMismatch(difference: PlanDifference | undefined, field: string): Problem {
  if (!difference) {
    return new Problem(
      'plan_mismatch',
      'plan_hash: is unknown or older than a day. Request the plan again with dry_run and review it.',
      {
        errors: [{ field: 'plan_hash', message: 'is unknown or older than a day' }],
      },
    );
  }
  const { added, removed, changed } = difference;
  const messages = [
    ...changed.map(({ ref, facts }) => `${ref} has changed since the plan: ${facts.join(', ')}`),
    ...added.map((ref) => `${ref} was added since the plan`),
    ...removed.map((ref) => `${ref} was removed since the plan`),
  ];
  const unnamed = {
    field: 'plan_hash',
    message:
      'is for other accounts, or the effects of a disconnect at a provider have changed since the plan',
  };
  const counts = `${added.length} added, ${removed.length} removed, ${changed.length} changed`;
  return new Problem(
    'plan_mismatch',
    `The set of accounts has changed since the plan: ${counts}. Request the plan again with dry_run and review it.`,
    firstErrors(
      messages.length === 0 ? [unnamed] : messages.map((message) => ({ field, message })),
    ),
  );
}

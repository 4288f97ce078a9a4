import type pg from 'pg';
import type { AccountRow } from '../accounts/index.js';
import type { Caller } from '../http/caller.js';
import { firstErrors, invalidField, MAX_REFS, Problem } from '../http/problem.js';
import { isStorable } from '../lib/text.js';
import type { DisconnectRequest } from './disconnects.requests.js';
import { MAX_ACCOUNTS } from './disconnects.schema.js';
import { type PlanDifference, refOf } from './plan.js';
import type { PlansRepository } from './plans.repository.js';

/**
 * The accounts a request means, locked until the transaction ends.
 * @throws Problem 422 naming what is wrong with the choice, 409 for accounts that are disconnected
 * or about to be
 */
export async function selectAccounts(
  client: pg.ClientBase,
  plans: PlansRepository,
  caller: Caller,
  request: DisconnectRequest,
): Promise<AccountRow[]> {
  if (request.account_ids) return chosen(client, plans, caller, request.account_ids);
  if (!request.filter)
    throw new Problem(
      'operation_not_supported',
      'profile_id: there are no profiles yet. Use account_ids or filter.',
    );
  const accounts = await plans.lockMatching(client, caller, request.filter, MAX_ACCOUNTS + 1);
  if (accounts.length === 0)
    throw invalidField('filter', 'matches no account that can be disconnected');
  if (accounts.length > MAX_ACCOUNTS)
    throw invalidField(
      'filter',
      `matches more than ${MAX_ACCOUNTS} accounts; narrow it and split the work into several disconnects`,
    );
  return accounts;
}

async function chosen(
  client: pg.ClientBase,
  plans: PlansRepository,
  caller: Caller,
  references: readonly string[],
) {
  const accounts = await plans.lockNamed(client, caller, references.filter(isStorable));
  const byReference = new Map(
    accounts.flatMap((account) =>
      [account.id, refOf(account)].map((name) => [name, account] as const),
    ),
  );
  const unknown: string[] = [];
  const twice: string[] = [];
  const seen = new Set<string>();
  references.forEach((reference) => {
    const account = byReference.get(reference);
    if (!account) unknown.push(reference);
    else if (seen.has(account.id)) twice.push(reference);
    else seen.add(account.id);
  });
  if (unknown.length > 0)
    throw invalid('does not exist, or belongs to another team', unknown, references);
  if (twice.length > 0) throw invalid('is given more than once', twice, references);
  const ending = accounts.filter(
    ({ status }) => status === 'disconnecting' || status === 'disconnected',
  );
  if (ending.length > 0) {
    const named = ending
      .slice(0, MAX_REFS)
      .map((account) => `${account.id} (${account.status}${by(account)})`);
    throw new Problem(
      'conflict',
      `Leave out accounts that are already disconnecting or disconnected: ${named.join(', ')}.`,
      {
        refs: ending.slice(0, MAX_REFS).map(refOf),
      },
    );
  }
  return accounts;
}

const by = ({ disconnect_id }: AccountRow) =>
  disconnect_id === null ? '' : ` by ${disconnect_id}`;

function invalid(
  message: string,
  wrong: readonly string[],
  references: readonly string[],
): Problem {
  const places = new Map(references.map((reference, index) => [reference, index]));
  const mistakes = wrong.map((reference) => ({
    field: `account_ids.${places.get(reference)}`,
    message: `${reference} ${message}`,
  }));
  return new Problem(
    'validation_error',
    `account_ids: ${wrong.slice(0, 10).join(', ')}${wrong.length > 10 ? ` and ${wrong.length - 10} more` : ''} ${message}`,
    firstErrors(mistakes),
  );
}

/** The set is not the plan's. @param difference `undefined`: the plan is not known any more */
export function planMismatch(difference: PlanDifference | undefined): Problem {
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
      messages.length === 0 ? [unnamed] : messages.map((message) => ({ field: 'filter', message })),
    ),
  );
}

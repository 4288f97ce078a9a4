import type pg from 'pg';
import { type Caller, maySeeProvider } from '../http/caller.js';
import { invalidField, notFound } from '../http/problem.js';
import { isStorable } from '../lib/text.js';
import { merged } from './choice-runner.js';
import { accountIdsOf, findProfile } from './choices.repository.js';
import type { LinkRule, Match } from './partition.js';
import type { ProfileKeeper } from './profile-keeper.js';

/** An account of a profile and what ties it to it. */
export interface MatchedAccount {
  readonly id: string;
  readonly match: Match;
  /** Whether another live account with its id, or a person, ties it. */
  readonly isTied: boolean;
}

/**
 * The accounts of a profile that the caller sees, oldest first. Until the transaction ends nothing
 * moves accounts in or out.
 * @returns `undefined`: there is no such profile, or none of its accounts may be seen
 * @throws Problem 409 naming the profile that it was merged into
 */
export type ReadWholeProfile = (
  client: pg.ClientBase,
  caller: Caller,
  profileId: string,
) => Promise<readonly MatchedAccount[] | undefined>;

const TYING: ReadonlySet<LinkRule> = new Set(['same_id', 'manual']);

/** @param limit of accounts, beyond which it is refused */
export const readWholeProfile =
  (keeper: ProfileKeeper, limit: number): ReadWholeProfile =>
  async (client, caller, profileId) => {
    const { teamId } = caller;
    if (!isStorable(profileId)) throw notFound(`Profile ${profileId}`);
    const found = await findProfile(client, caller, profileId);
    if (!found.isVisible) return undefined;
    if (found.platform === null) throw merged(profileId, found.mergedInto);
    const ids = await accountIdsOf(client, teamId, [profileId], limit + 1);
    if (ids.length > limit)
      throw invalidField('profile_id', `has more than ${limit} accounts; name them by account_ids`);
    const { groups, accounts } = await keeper.around(client, teamId, ids);
    // Those that joined or left while the locks were waited for count as they are now.
    const inIt = new Set(await accountIdsOf(client, teamId, [profileId], limit));
    return groups.flatMap(({ members }) =>
      members.flatMap(({ accountId, match, rule }) => {
        const account = accounts.get(accountId);
        const isMeant =
          account !== undefined && inIt.has(accountId) && maySeeProvider(caller, account.provider);
        return isMeant ? [{ id: accountId, match, isTied: TYING.has(rule) }] : [];
      }),
    );
  };

import type pg from 'pg';
import { type Caller, maySeeProvider } from '../http/caller.js';
import { invalidField, notFound } from '../http/problem.js';
import { isStorable } from '../lib/text.js';
import { nameOf, pairOf } from './choice.js';
import { merged } from './choice-runner.js';
import { accountIdsOf, findProfile } from './choices.repository.js';
import type { HeldAccount } from './neighbours.repository.js';
import { type Match, matchableId } from './partition.js';
import type { ProfileKeeper, Surroundings } from './profile-keeper.js';

/** An account of a profile and what ties it to it. */
export interface MatchedAccount {
  readonly id: string;
  /** `weak` too where it is not sure to be whom the profile's id was given to: see `isDoubtful`. */
  readonly match: Match;
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
    const near = await keeper.around(client, teamId, ids);
    // Those that joined or left while the locks were waited for count as they are now.
    const inIt = new Set(await accountIdsOf(client, teamId, [profileId], limit));
    const gone = [...near.accounts.values()].filter(({ id, isLive }) => !isLive && inIt.has(id));
    // An account that is still to be moved elsewhere is in it no more.
    const group = near.groups.find(({ id }) => id === profileId);
    return group?.members.flatMap(({ accountId: id, match, rule }) => {
      const account = near.accounts.get(id);
      if (account === undefined || !inIt.has(id) || !maySeeProvider(caller, account.provider))
        return [];
      const isUntied = rule === 'own_id' || rule === 'alone';
      return [{ id, match: isUntied && isDoubtful(account, gone, near) ? 'weak' : match }];
    });
  };

/**
 * Whether an account that nothing live ties to its profile may be somebody else than those of the
 * profile that are gone: its handle alone tied it to them. An id of its own is that of the profile
 * where none of those had one.
 */
function isDoubtful(
  account: HeldAccount,
  gone: readonly HeldAccount[],
  { constraints }: Surroundings,
): boolean {
  const id = matchableId(account.platformUserId);
  const linked = new Set(
    constraints.flatMap((held) => (held.kind === 'must_link' ? [pairOf(held)] : [])),
  );
  return gone.some((other) => {
    const itsId = matchableId(other.platformUserId);
    if (nameOf(other) === nameOf(account)) return false;
    if (linked.has(pairOf({ one: account, other }))) return false;
    return itsId === null ? id === null : itsId !== id;
  });
}

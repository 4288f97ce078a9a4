import type pg from 'pg';
import type { FoundAccount } from '../accounts/index.js';
import type { Transaction } from '../database/index.js';
import { type Caller, maySeeProvider } from '../http/caller.js';
import { invalidField, invalidFields, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { isStorable } from '../lib/text.js';
import type { IdScope } from '../model/index.js';
import { refuseContradictions } from './arrangement.js';
import { type ConstraintChanges, link, merge, nameOf, release, split } from './choice.js';
import { ChoiceRunner, hidden, isVisibleTo, merged } from './choice-runner.js';
import {
  accountIdsOf,
  applyChanges,
  findEntry,
  findLaterChoice,
  findProfile,
  stillHolds,
  undoChoice,
} from './choices.repository.js';
import {
  type AccountProfileRequest,
  type ChoiceAnswer,
  MAX_CHOICE_ACCOUNTS,
  MAX_PAIRS,
  type MergeRequest,
  type RevertRequest,
  type SplitRequest,
} from './choices.schema.js';
import { findNamed, type HeldAccount, lockTeam } from './neighbours.repository.js';
import type { ProfileKeeper, Surroundings } from './profile-keeper.js';

/** As long as the database counts. */
const ENTRY_ID = /^[1-9]\d{0,17}$/;

interface ChoicesParts {
  readonly keeper: ProfileKeeper;
  readonly idScopeOf: (provider: string, platform: string) => IdScope;
  readonly clock: Clock;
}

/**
 * Carries out people's choices about profiles, which are constraints between accounts. Choices of a
 * team take turns, and nothing else decides on its profiles meanwhile.
 */
export class ChoicesService {
  private readonly runner: ChoiceRunner;

  constructor(private readonly parts: ChoicesParts) {
    this.runner = new ChoiceRunner(parts.keeper, parts.clock);
  }

  /**
   * Moves one account to a profile, into one of its own, or to where ids and usernames lead it.
   * @throws Problem 409 for a former profile, an account that is gone or a contradiction; 422
   */
  async move(
    { client }: Transaction,
    caller: Caller,
    account: FoundAccount,
    request: AccountProfileRequest,
  ): Promise<ChoiceAnswer> {
    const { teamId } = caller;
    await lockTeam(client, teamId);
    const to = request.profile_id ?? null;
    if (to !== null) await this.requireTarget(client, caller, to, 'profile_id', account.platform);
    const found = await this.parts.keeper.around(client, teamId, [account.id]);
    const held = found.accounts.get(account.id);
    if (!held?.isLive)
      throw new Problem(
        'conflict',
        'The account is disconnected. This request needs a connected account.',
        { account_id: account.id },
      );
    const near = await this.read(client, caller, [held.profileId, to], [held.id]);
    const own = membersOf(near, held.profileId);
    const movers = own.filter((other) => nameOf(other) === nameOf(held));
    const rest = own.filter((other) => nameOf(other) !== nameOf(held));
    const decide = this.decide;
    let changes: ConstraintChanges;
    if (request.mode === 'automatic') changes = release(near, movers);
    else if (to === null) changes = split(near, movers, rest, decide);
    else {
      const isThere = to === held.profileId;
      const target = isThere ? rest : membersOf(near, to);
      if (!isThere && request.acknowledge_conflicts.length === 0)
        refuseContradictions(movers, target, this.parts.idScopeOf);
      changes = link(near, movers, target, isThere ? [] : rest, decide);
    }
    const { reason = null, dry_run: isDryRun } = request;
    return this.runner.run(client, {
      caller,
      near,
      profileId: held.profileId ?? '',
      apply: this.applying(caller, changes, reason),
      about: [held, ...movers.filter(({ id }) => id !== held.id)],
      action: request.mode ? 'released' : to === null ? 'split' : 'linked',
      audit: { action: 'account.profile_changed', targetType: 'account', targetId: held.id },
      facts: {
        ...(request.mode && { mode: request.mode }),
        ...(request.acknowledge_conflicts.length > 0 && {
          acknowledged_conflicts: request.acknowledge_conflicts,
        }),
      },
      reason,
      isDryRun,
    });
  }

  /**
   * Makes two profiles one, whose id is the older one.
   * @throws Problem 404; 409 for a former profile or a contradiction; 422
   */
  async merge(
    { client }: Transaction,
    caller: Caller,
    id: string,
    request: MergeRequest,
  ): Promise<ChoiceAnswer> {
    await lockTeam(client, caller.teamId);
    const platform = await this.require(client, caller, id);
    if (request.into === id) throw invalidField('into', 'must be another profile');
    await this.requireTarget(client, caller, request.into, 'into', platform);
    const near = await this.read(client, caller, [id, request.into], []);
    const [some, others] = [membersOf(near, id), membersOf(near, request.into)];
    if (request.acknowledge_conflicts.length === 0)
      refuseContradictions(some, others, this.parts.idScopeOf);
    const { reason = null, dry_run: isDryRun } = request;
    return this.runner.run(client, {
      caller,
      near,
      profileId: id,
      apply: this.applying(caller, merge(near, some, others, this.decide), reason),
      about: [...some, ...others].filter(({ isLive }) => isLive),
      action: 'merged',
      audit: { action: 'profile.merged', targetType: 'profile', targetId: id },
      facts: {
        into: request.into,
        ...(request.acknowledge_conflicts.length > 0 && {
          acknowledged_conflicts: request.acknowledge_conflicts,
        }),
      },
      reason,
      isDryRun,
    });
  }

  /** Takes accounts out of a profile, together. @throws Problem 404; 409 for a former one; 422 */
  async split(
    { client }: Transaction,
    caller: Caller,
    id: string,
    request: SplitRequest,
  ): Promise<ChoiceAnswer> {
    await lockTeam(client, caller.teamId);
    await this.require(client, caller, id);
    const near = await this.read(client, caller, [id], []);
    const members = membersOf(near, id);
    const chosen = chosenOf(members, request.account_ids);
    const leavers = members.filter((account) => chosen.has(nameOf(account)));
    const stayers = members.filter((account) => !chosen.has(nameOf(account)));
    if (!stayers.some(({ isLive }) => isLive))
      throw invalidField('account_ids', 'must leave an account in the profile');
    const { reason = null, dry_run: isDryRun } = request;
    return this.runner.run(client, {
      caller,
      near,
      profileId: id,
      apply: this.applying(caller, split(near, leavers, stayers, this.decide), reason),
      about: leavers.filter(({ isLive }) => isLive),
      action: 'split',
      audit: { action: 'profile.split', targetType: 'profile', targetId: id },
      reason,
      isDryRun,
    });
  }

  /**
   * Undoes a choice.
   * @throws Problem 404; 409 where it was reverted or a later choice is about the same accounts; 422
   * for what nobody chose
   */
  async revert(
    { client }: Transaction,
    caller: Caller,
    { id, n }: { readonly id: string; readonly n: string },
    request: RevertRequest,
  ): Promise<ChoiceAnswer> {
    const { teamId } = caller;
    await lockTeam(client, teamId);
    await this.require(client, caller, id);
    const entry = ENTRY_ID.test(n) ? await findEntry(client, teamId, id, n) : undefined;
    if (!entry) throw notFound(`Entry ${n} of the history of ${id}`);
    const { choice } = entry;
    if (choice === null) throw notReversible(entry.evidence);
    if (entry.revertedBy !== null)
      throw new Problem(
        'conflict',
        `The choice was reverted already, by entry ${entry.revertedBy}.`,
      );
    const named = [...choice.added, ...choice.removed].flatMap((constraint) => [
      { provider: constraint.one_provider, providerAccountId: constraint.one_account_id },
      { provider: constraint.other_provider, providerAccountId: constraint.other_account_id },
    ]);
    // A key that may not see all that a choice was about may not undo it either.
    if (!named.every(({ provider }) => maySeeProvider(caller, provider))) throw hidden();
    if (!(await stillHolds(client, teamId, choice))) {
      const later = await findLaterChoice(client, teamId, n, choice);
      throw new Problem(
        'conflict',
        later === undefined
          ? 'The constraints between these accounts have changed since.'
          : `A later choice is about the same accounts: entry ${later.number} of ${later.profileId}. Revert that one first.`,
        later === undefined ? {} : { profile_id: later.profileId },
      );
    }
    const names = new Set(named.map(nameOf));
    const concerned = await findNamed(client, teamId, named);
    const near = await this.read(
      client,
      caller,
      [id],
      concerned.map((account) => account.id),
    );
    const about = [...near.accounts.values()].filter(
      (account) => account.isLive && names.has(nameOf(account)),
    );
    const { reason = null, dry_run: isDryRun } = request;
    const first = about.filter((account) => account.id === entry.accountId);
    return this.runner.run(
      client,
      {
        caller,
        near,
        profileId: id,
        apply: async (client) => undoChoice(client, teamId, choice),
        about: [...first, ...about.filter((account) => account.id !== entry.accountId)],
        action: 'reverted',
        evidence: [{ reverted_profile_id: entry.profileId, reverted_entry: n }],
        audit: { action: 'profile.choice_reverted', targetType: 'profile', targetId: id },
        facts: { entry: n },
        reason,
        isDryRun,
      },
      n,
    );
  }

  private readonly decide = (near: Pick<Surroundings, 'accounts' | 'constraints'>) =>
    this.parts.keeper.decide(near);

  private applying(caller: Caller, changes: ConstraintChanges, reason: string | null) {
    if (changes.added.length > MAX_PAIRS)
      throw new Problem(
        'validation_error',
        `The choice is about more than ${MAX_PAIRS} pairs of accounts. Move fewer accounts at once.`,
      );
    return (client: pg.ClientBase, at: Date) => applyChanges(client, caller, changes, reason, at);
  }

  /**
   * All that profiles depend on, of these and of some accounts more.
   * @throws Problem 403 where the key may not see all of their accounts
   */
  private async read(
    client: pg.ClientBase,
    caller: Caller,
    profileIds: readonly (string | null)[],
    accountIds: readonly string[],
  ): Promise<Surroundings> {
    const { teamId } = caller;
    const ids = profileIds.flatMap((id) => id ?? []);
    const found = await accountIdsOf(client, teamId, ids, MAX_CHOICE_ACCOUNTS + 1);
    if (found.length > MAX_CHOICE_ACCOUNTS)
      throw new Problem(
        'validation_error',
        `The profiles have more than ${MAX_CHOICE_ACCOUNTS} accounts. Split them by their ids first.`,
      );
    const near = await this.parts.keeper.around(client, teamId, [
      ...new Set([...found, ...accountIds]),
    ]);
    const live = [...near.accounts.values()].filter(({ isLive }) => isLive);
    const concerned = live.filter(({ profileId }) => ids.includes(profileId ?? ''));
    if (!concerned.every(isVisibleTo(caller))) throw hidden();
    return near;
  }

  /** @returns its platform @throws Problem 404, or 409 naming the profile that it was merged into */
  private async require(client: pg.ClientBase, caller: Caller, id: string): Promise<string> {
    if (!isStorable(id)) throw notFound(`Profile ${id}`);
    const { platform, mergedInto, isVisible } = await findProfile(client, caller, id);
    if (!isVisible) throw notFound(`Profile ${id}`);
    if (platform !== null) return platform;
    throw merged(id, mergedInto);
  }

  private async requireTarget(
    client: pg.ClientBase,
    caller: Caller,
    id: string,
    field: string,
    platform: string,
  ): Promise<void> {
    const found = await findProfile(client, caller, id);
    if (!found.isVisible)
      throw invalidField(field, `${id} does not exist, or belongs to another team`);
    if (found.platform === null) throw merged(id, found.mergedInto);
    if (found.platform !== platform)
      throw invalidField(field, `is on ${found.platform}, not on ${platform}`);
  }
}

/** Disconnected ones too. */
const membersOf = ({ accounts }: Surroundings, profileId: string | null): HeldAccount[] =>
  [...accounts.values()]
    .filter((account) => account.profileId === profileId)
    .sort((one, other) => (one.id < other.id ? -1 : 1));

/** The names of chosen members. @throws Problem 422 for what is none */
function chosenOf(
  members: readonly HeldAccount[],
  references: readonly string[],
): ReadonlySet<string> {
  const live = members.filter(({ isLive }) => isLive);
  const names = new Map(
    live.flatMap((account) =>
      [account.id, nameOf(account)].map((name) => [name, account] as const),
    ),
  );
  const unknown = references.flatMap((reference, index) =>
    names.has(reference)
      ? []
      : [
          {
            field: `account_ids.${index}`,
            message: `${reference} is not an account of the profile`,
          },
        ],
  );
  if (unknown.length > 0) throw invalidFields(unknown);
  return new Set(references.flatMap((reference) => names.get(reference) ?? []).map(nameOf));
}

/** @param evidence of an entry without a choice of its own */
function notReversible(evidence: readonly object[]): Problem {
  const pointer = evidence.find((piece) => 'choice_entry' in piece) as
    | { readonly choice_profile_id: string; readonly choice_entry: string }
    | undefined;
  return new Problem(
    'operation_not_supported',
    pointer === undefined
      ? 'No person chose this: it follows from ids and usernames. Use PUT /v1/accounts/{id}/profile to change it.'
      : `The choice is entry ${pointer.choice_entry} of ${pointer.choice_profile_id}. Revert that one.`,
  );
}

import type pg from 'pg';
import { type AuditEntry, actorOf, recordAudit } from '../audit/index.js';
import { type Caller, maySeeProvider } from '../http/caller.js';
import { Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { profilesByAccount, type Rearrangement, rearranged } from './arrangement.js';
import { nameOf } from './choice.js';
import { type Choice, noteReverted, undone } from './choices.repository.js';
import type { ChoiceAnswer } from './choices.schema.js';
import { recordHistory } from './groups.repository.js';
import type { HeldAccount } from './neighbours.repository.js';
import { type HistoryEntry, seenAs } from './profile-changes.js';
import type { ProfileKeeper, Surroundings } from './profile-keeper.js';
import { touchAccounts } from './touches.repository.js';

/** What a person asks for, as it is carried out and told. */
interface Asked {
  readonly caller: Caller;
  readonly near: Surroundings;
  /** That it was asked of. */
  readonly profileId: string;
  /** What it does to the constraints. */
  readonly apply: (client: pg.ClientBase, at: Date) => Promise<Choice>;
  /** The accounts that it is about; it is told of the profile of the first. */
  readonly about: readonly HeldAccount[];
  readonly action: HistoryEntry['action'];
  /** More evidence than who moved from where. */
  readonly evidence?: readonly object[];
  readonly audit: Pick<AuditEntry, 'action' | 'targetType' | 'targetId'>;
  /** More facts for the audit log. */
  readonly facts?: object;
  readonly reason: string | null;
  readonly isDryRun: boolean;
}

/** Carries a choice out: constraints, what follows from them, the history and the audit log. */
export class ChoiceRunner {
  constructor(
    private readonly keeper: ProfileKeeper,
    private readonly clock: Clock,
  ) {}

  /** Runs a choice; one that is only asked about is undone by the database itself. */
  async run(
    client: pg.ClientBase,
    asked: Asked,
    reverts: string | null = null,
  ): Promise<ChoiceAnswer> {
    if (!asked.isDryRun) return this.carryOut(client, asked, reverts);
    const answer = await undone(client, () => this.carryOut(client, asked, reverts));
    return { ...answer, entry: null };
  }

  private async carryOut(
    client: pg.ClientBase,
    asked: Asked,
    reverts: string | null,
  ): Promise<ChoiceAnswer> {
    const { caller, near, about } = asked;
    const { clock, keeper } = this;
    const { teamId } = caller;
    const at = clock.now();
    const choice = await asked.apply(client, at);
    const hasChanged = choice.added.length + choice.removed.length > 0;
    const actor = actorOf(caller);
    const aboutIds = about.map(({ id }) => id);
    const ids = [...near.accounts.keys()];
    if (hasChanged) {
      await touchAccounts(client, teamId, ids);
      await keeper.settle(client, at, { actor, accountIds: aboutIds });
    }
    const after = hasChanged ? await keeper.around(client, teamId, ids) : near;
    const change = rearranged(near, after, aboutIds);
    requireVisible(caller, near, after, change);
    const home = profilesByAccount(after.groups).get(aboutIds[0] ?? '') ?? asked.profileId;
    let entry: ChoiceAnswer['entry'] = null;
    if (hasChanged) {
      const number = await this.tell(client, asked, { choice, change, home, at });
      if (reverts !== null) await noteReverted(client, teamId, reverts, number);
      entry = { profile_id: home, id: String(number) };
    }
    return {
      type: 'profile_choice',
      dry_run: asked.isDryRun,
      profile_id: home,
      entry,
      moved: change.moved.map(({ account, from, to }) => ({
        account_id: account.id,
        ref: nameOf(account),
        from,
        to,
      })),
      before: change.before.map(shownGroup),
      after: change.after.map(shownGroup),
    };
  }

  /** Writes the history and the audit log. @returns the number of the entry to revert it by */
  private async tell(
    client: pg.ClientBase,
    asked: Asked,
    { choice, change, home, at }: Told,
  ): Promise<bigint> {
    const { about, action, caller, reason } = asked;
    const actor = actorOf(caller);
    const [first, second] = about;
    const accountId = second === undefined ? (first?.id ?? null) : null;
    const chosen = new Set(about.map(({ id }) => id));
    const moves = change.moved.filter(({ account }) => chosen.has(account.id));
    const ways = [
      ...new Map(moves.map(({ from, to }) => [`${from} ${to}`, { from, to }])).values(),
    ];
    const evidence = [...(asked.evidence ?? []), ...ways, ...about.map(seenAs)];
    const told = { accountId, rule: 'manual', reason };
    const [number = 0n] = await recordHistory(
      client,
      caller.teamId,
      [{ ...told, profileId: home, action, evidence, choice }],
      actor,
      at,
    );
    // What is left of the profiles that accounts came from tells of it too.
    const remaining = new Set(change.after.map(({ id }) => id));
    const left = new Set(
      moves.flatMap(({ from }) => (from !== home && remaining.has(from) ? [from] : [])),
    );
    const pointer = { choice_profile_id: home, choice_entry: String(number) };
    await recordHistory(
      client,
      caller.teamId,
      [...left].map((profileId) => ({
        ...told,
        profileId,
        action: 'split' as const,
        evidence: [pointer, ...evidence],
      })),
      actor,
      at,
    );
    const audit: AuditEntry = {
      ...asked.audit,
      before: { profiles: change.before.map(shownGroup) },
      after: { profile_id: home, ...asked.facts, profiles: change.after.map(shownGroup) },
      reason,
    };
    await recordAudit(client, actor, [audit], at);
    return number;
  }
}

/** The result of a choice. */
interface Told {
  readonly choice: Choice;
  readonly change: Rearrangement;
  readonly home: string;
  readonly at: Date;
}

/** @throws Problem 403 where a profile concerned has accounts that the key may not see */
function requireVisible(
  caller: Caller,
  before: Surroundings,
  after: Surroundings,
  change: Rearrangement,
): void {
  const isHidden = (accountId: string) => {
    const account = after.accounts.get(accountId) ?? before.accounts.get(accountId);
    return account !== undefined && !isVisibleTo(caller)(account);
  };
  const groups = [...change.before, ...change.after];
  if (groups.some(({ members }) => members.some(({ accountId }) => isHidden(accountId))))
    throw hidden();
}

export const isVisibleTo =
  (caller: Caller) =>
  ({ provider }: { readonly provider: string }) =>
    maySeeProvider(caller, provider);

const shownGroup = ({ id, match, members }: Rearrangement['before'][number]) => ({
  profile_id: id,
  match,
  account_ids: members.map(({ accountId }) => accountId),
});

/** 403: the key must not change profiles with accounts that it does not see. */
export const hidden = () =>
  new Problem(
    'forbidden',
    'A key that is restricted to some providers cannot change profiles beyond them. Use one without that restriction.',
  );

/** A write to a former profile is refused: it must not reach another one by itself. */
export const merged = (id: string, survivor: string | null) =>
  new Problem('conflict', `Profile ${id} was merged into ${survivor}. Use that id.`, {
    ...(survivor !== null && { profile_id: survivor }),
  });

import type pg from 'pg';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import { type NewEvent, recordEvents } from '../events/index.js';
import type { Clock } from '../lib/clock.js';
import { profileIdOf } from '../lib/ids.js';
import { mapInTurns } from '../lib/long-task.js';
import { type IdScope, UNKNOWN_PLATFORM } from '../model/index.js';
import {
  countProfiles,
  deleteEmptyProfiles,
  findOrphans,
  findPage,
  lockFreeAccounts,
  lockProfiles,
  moveAccounts,
  type ProfileActor,
  type ProfileRow,
  recordHistory,
  type ShownProfile,
  saveProfiles,
  saveRedirects,
  touchFindings,
} from './groups.repository.js';
import { addLonely, addUnshared, type LonelyProfile } from './lonely.repository.js';
import type { MembersRepository } from './members.repository.js';
import { type ProfileSum, sumUp } from './merge.js';
import { beginDecision, type Neighbourhood, readNeighbourhood } from './neighbourhood.js';
import type { HeldAccount } from './neighbours.repository.js';
import { type ProfileGroup, partition } from './partition.js';
import { tellChanges } from './profile-changes.js';
import {
  leaveTouches,
  NO_TOUCHES,
  type Touches,
  takeLeftTouches,
  takeOwnTouches,
} from './touches.repository.js';

interface ProfileKeeperParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Where the platform user ids that a provider shows are the same person. */
  readonly idScopeOf: (provider: string, platform: string) => IdScope;
  readonly members: MembersRepository;
}

/** Whose choice it is that changes profiles. */
interface ManualChoice {
  readonly actor: ProfileActor;
  /** The accounts it is about, whose history the one who makes the choice writes. */
  readonly accountIds: readonly string[];
}

/** Accounts in one transaction. */
const REBUILD_BATCH = 500;
const NOBODY: ProfileActor = { keyId: null, keyName: null, requestId: null };

/**
 * Keeps profiles what their accounts and people's choices make them. Triggers note what every write
 * of accounts touches; the writer settles it in its own transaction, and a recurring job what others
 * left. Only what touches can have changed is read: the profiles of everything else stay.
 */
export class ProfileKeeper {
  constructor(private readonly parts: ProfileKeeperParts) {}

  /**
   * Decides on the profiles that the transaction has touched so far. What else it writes of accounts
   * and profiles comes before: it may hold others up from now on, and must not wait for them.
   * @param client within the transaction
   */
  async settle(client: pg.ClientBase, at: Date, choice?: ManualChoice): Promise<void> {
    for (const touches of await takeOwnTouches(client))
      await this.settleTouches(client, touches, at, choice);
  }

  /** Settles what writers have left. */
  async settleLeft(): Promise<void> {
    const { database, clock } = this.parts;
    for (let isLeft = true; isLeft; )
      isLeft = await withTransaction(database.pool, async (client) => {
        const touches = await takeLeftTouches(client);
        return (
          touches !== undefined && (await this.settleTouches(client, touches, clock.now())) !== null
        );
      });
  }

  /**
   * Decides on every account anew, and removes what is no account's profile.
   * @returns how many connected accounts there are in how many profiles, and how many were moved
   */
  async rebuild(): Promise<{ accounts: number; profiles: number; moved: number }> {
    const { pool } = this.parts.database;
    let moved = 0;
    let last = '';
    for (;;) {
      const page = await findPage(pool, last, REBUILD_BATCH);
      const end = page.at(-1);
      if (end === undefined) break;
      last = end.id;
      for (const teamId of unique(page.map((account) => account.teamId))) {
        const accountIds = page.filter((one) => one.teamId === teamId).map(idOf);
        const touches = { ...NO_TOUCHES, teamId, accountIds };
        const done = await withTransaction(pool, (client) =>
          this.settleTouches(client, touches, this.parts.clock.now()),
        );
        moved += done?.length ?? 0;
      }
    }
    for (;;) {
      const orphans = await findOrphans(pool, REBUILD_BATCH);
      if (orphans.length === 0) break;
      await withTransaction(pool, (client) => deleteEmptyProfiles(client, orphans));
    }
    return { ...(await countProfiles(pool)), moved };
  }

  /**
   * @param client within a transaction
   * @returns the accounts that are in another profile than callers saw them in; `null` when it left
   * everything to the job: another transaction is writing an account that would be moved, and may be
   * waiting for this one. A choice, which is to be seen at once, waits
   */
  private async settleTouches(
    client: pg.ClientBase,
    touches: Touches,
    at: Date,
    choice?: ManualChoice,
  ): Promise<Moved[] | null> {
    const { teamId, accountIds, addedIds, former, profileIds } = touches;
    const near = accountIds.length + former.length > 0 ? await this.read(client, touches) : NOTHING;
    const groups = this.decide(near);
    const held = [...near.accounts.values()].flatMap(({ profileId }) => profileId ?? []);
    const ids = unique([...profileIds, ...held, ...groups.map(idOf)]);
    const known = await lockProfiles(client, withoutNew(ids, addedIds));
    const shown = new Map(known.map((profile) => [profile.id, profile]));
    const moves = movesOf(groups, near.accounts, (account) => seenIn(account, addedIds, shown));
    const movedIds = moves.map(idOf);
    if (choice === undefined && (await lockFreeAccounts(client, movedIds)) < moves.length) {
      const bereft = new Set(touches.bereftIds);
      const left = [...near.accounts.values()].filter((one) => bereft.has(one.profileId ?? ''));
      await leaveTouches(client, {
        ...touches,
        accountIds: unique([...accountIds, ...left.map(idOf)]),
      });
      return null;
    }
    await moveAccounts(client, moves.filter(wasSeen), at);
    await moveAccounts(
      client,
      moves.filter((move) => !wasSeen(move)),
      null,
    );

    const changed = groups.filter(changes(touches, moves, shown));
    const decided = new Set(groups.map(idOf));
    const left = [...shown.keys()].filter((id) => !decided.has(id));
    const gone = await deleteEmptyProfiles(client, left);
    // What nothing ties to the accounts read here any more may still be in a profile that these left.
    const others = unique([...profileIds, ...moves.flatMap(({ from }) => from ?? [])]);
    const health = await this.sumUp(client, teamId, { groups: changed, others, shown }, at);
    await touchFindings(client, teamId, unique([...changed.map(idOf), ...others]));

    const shownBefore = new Map(
      [...near.accounts.values()].flatMap((account) => {
        const profileId = seenIn(account, addedIds, shown);
        return profileId === null ? [] : [[account.id, profileId] as const];
      }),
    );
    const isManual = choice !== undefined;
    const story = tellChanges({ groups, accounts: near.accounts, shownBefore, gone, isManual });
    const fresh = groups.map(idOf).filter((id) => !shown.has(id));
    await saveRedirects(client, teamId, story.redirects, withoutNew(fresh, addedIds), at);
    const chosen = new Set(choice?.accountIds);
    const entries = story.entries.filter(({ about }) => !about.every((id) => chosen.has(id)));
    await recordHistory(client, teamId, entries, choice?.actor ?? NOBODY, at);
    await recordEvents(client, teamId, [...story.events, ...health], at);
    return moves.filter(wasSeen);
  }

  /**
   * What decides on touched accounts. New ones that nothing ties to others need no decision: their
   * profiles are written at once.
   */
  private async read(client: pg.ClientBase, touches: Touches): Promise<Neighbourhood> {
    const { teamId, accountIds, addedIds } = touches;
    const hasChoices = await beginDecision(client, teamId);
    const added = [...addedIds];
    const related = hasChoices ? added : await addUnshared(client, teamId, added);
    const others = [...accountIds.filter((id) => !addedIds.has(id)), ...related];
    return readNeighbourhood(client, { ...touches, accountIds: others }, hasChoices);
  }

  /**
   * These accounts, all that their profiles depend on, and the profiles that these make up. Nobody
   * else moves accounts of theirs until the transaction ends.
   */
  async around(
    client: pg.ClientBase,
    teamId: string,
    accountIds: readonly string[],
  ): Promise<Surroundings> {
    const hasChoices = await beginDecision(client, teamId);
    const touches = { ...NO_TOUCHES, teamId, accountIds };
    const near = await readNeighbourhood(client, touches, hasChoices);
    return { ...near, groups: this.decide(near) };
  }

  /** The profiles that accounts and choices make up, platform by platform. */
  decide({ accounts, constraints }: Neighbourhood): ProfileGroup[] {
    const byPlatform = new Map<string, HeldAccount[]>();
    for (const account of accounts.values()) {
      const others = byPlatform.get(account.platform);
      if (others) others.push(account);
      else byPlatform.set(account.platform, [account]);
    }
    return [...byPlatform].flatMap(([platform, held]) =>
      partition(
        held.map((account) => ({
          ...account,
          idScope: this.parts.idScopeOf(account.provider, platform),
          // Without a platform nothing says that values are of one kind.
          ...(platform === UNKNOWN_PLATFORM && { platformUserId: null, handle: null }),
        })),
        constraints,
      ),
    );
  }

  /**
   * Writes what lists need of profiles.
   * @returns events of those whose health changed
   */
  private async sumUp(
    client: pg.ClientBase,
    teamId: string,
    { groups, others, shown }: Changed,
    at: Date,
  ): Promise<NewEvent[]> {
    const lonely = groups.flatMap((group) => lonelyIn(group, shown) ?? []);
    const written = new Set(await addLonely(client, lonely));
    const decided = new Map(
      groups.filter(({ id }) => !written.has(id)).map((group) => [group.id, group]),
    );
    const ids = unique([...decided.keys(), ...others]);
    if (ids.length === 0) return [];
    const found = await this.parts.members.summedUp(client, ids);
    const merges = await mapInTurns(found, ([id, members]) => {
      const group = decided.get(id);
      const grouping = group === undefined ? shown.get(id) : groupingOf(group);
      if (grouping === undefined) return [];
      return [{ id, grouping, profile: sumUp(members, group?.contradictions ?? []) }];
    });
    const merged = merges.flat();
    await saveProfiles(
      client,
      teamId,
      merged.map(({ id, grouping, profile }) => rowOf(id, grouping, profile)),
      at,
    );
    return merged.flatMap(({ id, profile }) => {
      const before = shown.get(id);
      const { status, reason } = profile.health;
      if (
        before === undefined ||
        (before.healthStatus === status && before.healthReason === reason)
      )
        return [];
      const from = { status: before.healthStatus, reason: before.healthReason };
      return [
        {
          type: 'profile.health_changed' as const,
          accountId: null,
          providers: profile.providers,
          data: { profile_id: id, from, health: profile.health },
        },
      ];
    });
  }
}

/** Accounts, the choices about them, and the profiles that they make up. */
export interface Surroundings extends Neighbourhood {
  readonly groups: readonly ProfileGroup[];
}

/** An account that is in another profile than it was held in. */
interface Moved {
  readonly id: string;
  /** `null`: none that anyone has seen. */
  readonly from: string | null;
  readonly to: string;
}

/** The profiles to sum up. */
interface Changed {
  /** Decided anew. */
  readonly groups: readonly ProfileGroup[];
  /** Ids of further ones, whose accounts changed. */
  readonly others: readonly string[];
  /** What of them was shown before. */
  readonly shown: ReadonlyMap<string, ShownProfile>;
}

const NOTHING: Neighbourhood = { accounts: new Map(), constraints: [] };

const wasSeen = ({ from }: Moved) => from !== null;
const idOf = ({ id }: { readonly id: string }) => id;
const unique = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

/** Without the profiles that only accounts of this transaction could have: there are none yet. */
function withoutNew(ids: readonly string[], addedIds: ReadonlySet<string>): string[] {
  if (ids.length === 0) return [];
  const own = new Set([...addedIds].map(profileIdOf));
  return ids.filter((id) => !own.has(id));
}

function movesOf(
  groups: readonly ProfileGroup[],
  accounts: ReadonlyMap<string, HeldAccount>,
  shownIn: (account: HeldAccount) => string | null,
): Moved[] {
  return groups.flatMap(({ id: to, members }) =>
    members.flatMap(({ accountId: id }) => {
      const account = accounts.get(id);
      return account === undefined || account.profileId === to
        ? []
        : [{ id, from: shownIn(account), to }];
    }),
  );
}

/** The profile that callers could see an account in; `null`: none. */
function seenIn(
  { id, profileId }: HeldAccount,
  addedIds: ReadonlySet<string>,
  shown: ReadonlyMap<string, unknown>,
): string | null {
  return profileId === null || addedIds.has(id) || !shown.has(profileId) ? null : profileId;
}

/** The group, if it is one account that stands in no relation and that nobody has seen yet. */
function lonelyIn(
  { id, members, candidates }: ProfileGroup,
  shown: ReadonlyMap<string, unknown>,
): LonelyProfile | undefined {
  const [member, another] = members;
  if (member === undefined || another !== undefined) return undefined;
  if (candidates.length > 0 || shown.has(id)) return undefined;
  return { id, accountId: member.accountId };
}

/** How a profile is made up, as its row holds it. */
type Grouping = Pick<ShownProfile, 'match' | 'candidates' | 'isContradictory'>;

const groupingOf = ({ match, candidates, contradictions }: ProfileGroup): Grouping => ({
  match,
  candidates,
  isContradictory: contradictions.length > 0,
});

/** Whether a profile is to be summed up: its accounts, or what ties them, are not what they were. */
function changes(
  { accountIds, profileIds }: Touches,
  moves: readonly Moved[],
  shown: ReadonlyMap<string, ShownProfile>,
): (group: ProfileGroup) => boolean {
  const touched = new Set([...profileIds, ...moves.flatMap(({ from, to }) => [from, to])]);
  const touchedAccounts = new Set(accountIds);
  return (group) =>
    touched.has(group.id) ||
    isOther(group, shown.get(group.id)) ||
    group.members.some(({ accountId }) => touchedAccounts.has(accountId));
}

function isOther(group: ProfileGroup, before: ShownProfile | undefined): boolean {
  if (before === undefined) return true;
  const { match, candidates, isContradictory } = groupingOf(group);
  return (
    before.match !== match ||
    before.candidates.join() !== candidates.join() ||
    before.isContradictory !== isContradictory
  );
}

function rowOf(
  id: string,
  { match, candidates, isContradictory }: Grouping,
  profile: ProfileSum,
): ProfileRow {
  const { fields, health } = profile;
  return {
    id,
    platform: profile.platform,
    username: fields.username?.value ?? null,
    username_key: profile.usernameKey,
    display_name: fields.display_name?.value ?? null,
    followers: fields.followers?.value ?? null,
    providers: profile.providers,
    provider_count: profile.providers.length,
    account_count: profile.accountCount,
    match,
    candidates,
    is_contradictory: isContradictory,
    has_conflicts: isContradictory || profile.differs,
    health_status: health.status,
    health_reason: health.reason,
    created_at: profile.createdAt.toISOString(),
    updated_at: profile.updatedAt.toISOString(),
  };
}

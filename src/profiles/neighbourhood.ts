import type pg from 'pg';
import { UNKNOWN_PLATFORM } from '../model/index.js';
import {
  findAccounts,
  findConstraints,
  findNamed,
  findSharing,
  type HeldAccount,
  type HeldConstraint,
  hasConstraints,
  lockTeam,
  type SharedValue,
} from './neighbours.repository.js';
import {
  type AccountName,
  matchableHandle,
  matchableId,
  type ProfileConstraint,
} from './partition.js';
import type { Touches } from './touches.repository.js';

/** The accounts on which a decision about some of them depends, and the choices about them. */
export interface Neighbourhood {
  readonly accounts: ReadonlyMap<string, HeldAccount>;
  /** Newest first. */
  readonly constraints: readonly ProfileConstraint[];
}

/**
 * Locks the team until the transaction ends, so that of two that decide on the same profiles the
 * second sees what the first has written.
 * @param client within a transaction
 * @returns whether a person has made any choice about profiles of the team
 */
export async function beginDecision(client: pg.ClientBase, teamId: string): Promise<boolean> {
  await lockTeam(client, teamId);
  return hasConstraints(client, teamId);
}

/**
 * Everything that can decide on the profiles of touched accounts: those that share an id or a
 * current handle with them, now or before, or are linked to them by hand, and so on from there; of
 * accounts that are no more, those that were in a profile with them.
 * @param client within a transaction
 * @param hasChoices as `beginDecision` answered
 */
export async function readNeighbourhood(
  client: pg.ClientBase,
  { teamId, accountIds, former, bereftIds }: Touches,
  hasChoices: boolean,
): Promise<Neighbourhood> {
  const walk = new Walk(client, teamId, hasChoices);
  const touched = await findAccounts(client, teamId, 'id', accountIds);
  const bereft = hasChoices ? await findAccounts(client, teamId, 'profile_id', bereftIds) : [];
  await walk.follow([...touched, ...bereft], former);
  return { accounts: walk.accounts, constraints: walk.constraints };
}

class Walk {
  readonly accounts = new Map<string, HeldAccount>();
  private readonly choices = new Map<bigint, HeldConstraint>();
  private readonly followed = new Set<string>();

  constructor(
    private readonly client: pg.ClientBase,
    private readonly teamId: string,
    private readonly hasChoices: boolean,
  ) {}

  get constraints(): readonly ProfileConstraint[] {
    return [...this.choices.values()].sort((one, other) => (one.number > other.number ? -1 : 1));
  }

  /** Takes accounts in, and all that is reached from them and from what accounts were before. */
  async follow(
    start: readonly HeldAccount[],
    former: readonly { platform: string; platformUserId: string | null; handle: string | null }[],
  ): Promise<void> {
    let reached = this.takeIn(start);
    let values = valuesOf([...former, ...start.filter(({ isLive }) => isLive)]);
    // A disconnected account is no longer found by its handle, but the accounts that shared it are.
    values.handles.push(...valuesOf(start).handles);
    while (reached.length > 0 || values.userIds.length + values.handles.length > 0) {
      const userIds = values.userIds.concat(valuesOf(reached).userIds);
      const handles = values.handles.concat(valuesOf(reached.filter((one) => one.isLive)).handles);
      const shared = {
        userIds: this.unfollowed('id', userIds),
        handles: this.unfollowed('handle', handles),
      };
      const known = [...this.accounts.keys()];
      const named = this.hasChoices ? await this.followChoices(reached) : [];
      const found = await findSharing(this.client, this.teamId, shared, known);
      reached = this.takeIn([...found, ...(await findNamed(this.client, this.teamId, named))]);
      values = { userIds: [], handles: [] };
    }
  }

  /** @returns those that are new */
  private takeIn(found: readonly HeldAccount[]): HeldAccount[] {
    const fresh = found.filter(({ id }) => !this.accounts.has(id));
    for (const account of fresh) this.accounts.set(account.id, account);
    return fresh;
  }

  private unfollowed(kind: 'id' | 'handle', values: readonly SharedValue[]): SharedValue[] {
    return values.filter((shared) => this.isNew(nameOf(kind, shared)));
  }

  private isNew(name: string): boolean {
    if (this.followed.has(name)) return false;
    this.followed.add(name);
    return true;
  }

  /** Reads the choices about these accounts. @returns the accounts that these name */
  private async followChoices(accounts: readonly HeldAccount[]): Promise<AccountName[]> {
    if (accounts.length === 0) return [];
    const found = await findConstraints(this.client, this.teamId, accounts);
    for (const choice of found) this.choices.set(choice.number, choice);
    const named = found.flatMap(({ one, other }) => [one, other]);
    return named.filter((name) => this.isNew(choiceName(name)));
  }
}

const nameOf = (kind: 'id' | 'handle', { platform, value }: SharedValue) =>
  `${platform} ${kind} ${value}`;

const choiceName = ({ provider, providerAccountId }: AccountName) =>
  `choice ${provider} ${providerAccountId}`;

/** What accounts can be matched by. */
function valuesOf(
  accounts: readonly {
    readonly platform: string;
    readonly platformUserId: string | null;
    readonly handle: string | null;
  }[],
): { readonly userIds: SharedValue[]; readonly handles: SharedValue[] } {
  const known = accounts.filter(({ platform }) => platform !== UNKNOWN_PLATFORM);
  const shared = (platform: string, value: string | null) =>
    value === null ? [] : [{ platform, value }];
  return {
    userIds: known.flatMap(({ platform, platformUserId }) =>
      shared(platform, matchableId(platformUserId)),
    ),
    handles: known.flatMap(({ platform, handle }) => shared(platform, matchableHandle(handle))),
  };
}

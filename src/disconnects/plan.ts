import { createHash } from 'node:crypto';
import {
  type AccountRow,
  COMPARED_FACTS,
  changeInWords,
  type Identity,
  identityOf,
} from '../accounts/index.js';
import type { DisconnectEffect } from '../model/index.js';
import type { EXCLUSION_REASONS } from './disconnects.schema.js';

/** An effect as the API answers it. */
export function effectAnswer(effect: DisconnectEffect) {
  return {
    destroys_data: effect.destroysData,
    revokes_token: effect.revokesToken,
    reversible: effect.reversible,
  };
}

/** An account of a plan: what a run must find again. */
export interface PlannedAccount {
  readonly id: string;
  readonly ref: string;
  /** Who it was; absent in plans of a former release. */
  readonly identity?: Identity;
  /** It stays; absent of those that do not. */
  readonly isExcluded?: true;
}

/** An account of a profile that its disconnect leaves alone. */
export interface Excluded {
  readonly account: AccountRow;
  readonly reason: (typeof EXCLUSION_REASONS)[number];
}

/** The accounts that a request means. */
export interface Selection {
  readonly accounts: readonly AccountRow[];
  readonly excluded: readonly Excluded[];
}

/** `provider:provider_account_id`. */
export const refOf = (account: Pick<AccountRow, 'provider' | 'provider_account_id'>) =>
  `${account.provider}:${account.provider_account_id}`;

/** An account that was not asked for, and whose hold ends with that of one that was. */
export interface AlsoEnding
  extends Pick<AccountRow, 'provider' | 'provider_account_id' | 'platform' | 'username'> {
  readonly id: string;
  /** The account that was asked for. */
  readonly ends_with: string;
}

/**
 * What would happen to whom, and how much of it.
 * @param effects of each provider among the accounts
 */
export function planOf(
  selection: Selection,
  effects: ReadonlyMap<string, DisconnectEffect>,
  alsoEnding: readonly AlsoEnding[],
) {
  const { accounts, excluded } = selection;
  const effectOf = ({ provider }: AccountRow) => {
    const effect = effects.get(provider);
    if (!effect) throw new Error(`no disconnect effect for ${provider}`);
    return effect;
  };
  const howMany = (has: (effect: DisconnectEffect) => boolean) =>
    accounts.filter((account) => has(effectOf(account))).length;
  return {
    type: 'disconnect_plan' as const,
    plan_hash: hashOf(selection, effects, alsoEnding),
    totals: {
      total: accounts.length,
      destroys_data: howMany((effect) => effect.destroysData === true),
      revokes_token: howMany((effect) => effect.revokesToken === true),
      irreversible: howMany((effect) => effect.reversible === false),
      effect_not_told: howMany(isPartlyUntold),
      also_ends: alsoEnding.length,
    },
    providers: [...effects].map(([provider, effect]) => ({
      provider,
      total: accounts.filter((account) => account.provider === provider).length,
      effect: effectAnswer(effect),
      ends: effect.ends ?? 'account',
      how_to_reconnect: effect.howToReconnect,
    })),
    accounts: accounts.map((account) => ({
      account_id: account.id,
      ref: refOf(account),
      provider: account.provider,
      platform: account.platform,
      username: account.username,
      identity: identityOf(account),
      status: account.status,
      effect: effectAnswer(effectOf(account)),
    })),
    also_ends: alsoEnding.map((account) => ({
      account_id: account.id,
      ref: refOf(account),
      provider: account.provider,
      platform: account.platform,
      username: account.username,
      ends_with: account.ends_with,
    })),
    excluded: excluded.map(({ account, reason }) => ({
      account_id: account.id,
      ref: refOf(account),
      provider: account.provider,
      platform: account.platform,
      username: account.username,
      reason,
    })),
  };
}

function isPartlyUntold({ destroysData, revokesToken, reversible }: DisconnectEffect): boolean {
  return [destroysData, revokesToken, reversible].includes(null);
}

/**
 * Over the exact set of accounts, who each is, what would happen to it, who else it ends, and who
 * stays.
 */
export function hashOf(
  { accounts, excluded }: Selection,
  effects: ReadonlyMap<string, DisconnectEffect>,
  alsoEnding: readonly AlsoEnding[],
): string {
  const hash = createHash('sha256');
  for (const account of [...accounts].sort((one, other) => (one.id < other.id ? -1 : 1))) {
    const effect = effects.get(account.provider);
    const { platform, platform_user_id, username, connected_at } = identityOf(account);
    const identity = [platform, platform_user_id, username, connected_at];
    const consequences = [effect?.destroysData, effect?.revokesToken, effect?.reversible];
    hash.update(`${JSON.stringify([account.id, identity, consequences])}\n`);
  }
  for (const { id } of alsoEnding) hash.update(`${JSON.stringify([id])}\n`);
  for (const { account, reason } of excluded)
    hash.update(`${JSON.stringify([account.id, reason])}\n`);
  return hash.digest('base64url');
}

/** How a set differs from the plan it was meant to be, by ref. */
export interface PlanDifference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Accounts that are in both and no longer are who they were. */
  readonly changed: readonly { readonly ref: string; readonly facts: readonly string[] }[];
}

/** The accounts of a selection, as a plan keeps them. */
export function plannedOf({ accounts, excluded }: Selection): PlannedAccount[] {
  const planned = (account: AccountRow) => ({
    id: account.id,
    ref: refOf(account),
    identity: identityOf(account),
  });
  return [
    ...accounts.map(planned),
    ...excluded.map(({ account }) => ({ ...planned(account), isExcluded: true as const })),
  ];
}

/** What has changed between a plan and the accounts as they are now. */
export function difference(
  planned: readonly PlannedAccount[],
  selection: Selection,
): PlanDifference {
  const plannedById = new Map(planned.map((account) => [account.id, account]));
  const found = plannedOf(selection);
  const foundIds = new Set(found.map(({ id }) => id));
  return {
    added: found.filter(({ id }) => !plannedById.has(id)).map(({ ref }) => ref),
    removed: planned.filter(({ id }) => !foundIds.has(id)).map(({ ref }) => ref),
    changed: found.flatMap(({ id, ref, identity, isExcluded }) => {
      const before = plannedById.get(id);
      if (before === undefined) return [];
      const facts = before.identity && identity ? writtenAnew(before.identity, identity) : [];
      if (before.isExcluded !== isExcluded) facts.push(isExcluded ? 'excluded' : 'included');
      return facts.length > 0 ? [{ ref, facts }] : [];
    }),
  };
}

/**
 * The facts that are not written as they were, in words: the plan's hash is over them as they are
 * written.
 */
const writtenAnew = (before: Identity, now: Identity) =>
  COMPARED_FACTS.filter((fact) => before[fact] !== now[fact]).map((fact) =>
    changeInWords(fact, before, now),
  );

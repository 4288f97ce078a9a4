import { createHash } from 'node:crypto';
import type { AccountRow } from '../accounts/index.js';
import type { DisconnectEffect } from '../model/index.js';

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
}

export const refOf = (account: Pick<AccountRow, 'provider' | 'provider_account_id'>) =>
  `${account.provider}:${account.provider_account_id}`;

/**
 * What would happen to whom, and how much of it.
 * @param effects of each provider among the accounts
 */
export function planOf(
  accounts: readonly AccountRow[],
  effects: ReadonlyMap<string, DisconnectEffect>,
) {
  const effectOf = ({ provider }: AccountRow) => {
    const effect = effects.get(provider);
    if (!effect) throw new Error(`no disconnect effect for ${provider}`);
    return effect;
  };
  const howMany = (has: (effect: DisconnectEffect) => boolean) =>
    accounts.filter((account) => has(effectOf(account))).length;
  return {
    type: 'disconnect_plan' as const,
    plan_hash: hashOf(accounts, effects),
    totals: {
      total: accounts.length,
      destroys_data: howMany((effect) => effect.destroysData),
      revokes_token: howMany((effect) => effect.revokesToken),
      irreversible: howMany((effect) => !effect.reversible),
    },
    providers: [...effects].map(([provider, effect]) => ({
      provider,
      total: accounts.filter((account) => account.provider === provider).length,
      effect: effectAnswer(effect),
      how_to_reconnect: effect.howToReconnect,
    })),
    accounts: accounts.map((account) => ({
      account_id: account.id,
      ref: refOf(account),
      provider: account.provider,
      platform: account.platform,
      username: account.username,
      status: account.status,
      effect: effectAnswer(effectOf(account)),
    })),
  };
}

/** Over the exact set of accounts and what would happen to each. */
export function hashOf(
  accounts: readonly AccountRow[],
  effects: ReadonlyMap<string, DisconnectEffect>,
): string {
  const hash = createHash('sha256');
  for (const { id, provider } of [...accounts].sort((one, other) => (one.id < other.id ? -1 : 1))) {
    const effect = effects.get(provider);
    hash.update(`${id} ${effect?.destroysData} ${effect?.revokesToken} ${effect?.reversible}\n`);
  }
  return hash.digest('base64url');
}

/** What a set has more and less than the plan it was meant to be, by ref. */
export function difference(planned: readonly PlannedAccount[], found: readonly AccountRow[]) {
  const plannedIds = new Set(planned.map(({ id }) => id));
  const foundIds = new Set(found.map(({ id }) => id));
  return {
    added: found.filter(({ id }) => !plannedIds.has(id)).map(refOf),
    removed: planned.filter(({ id }) => !foundIds.has(id)).map(({ ref }) => ref),
  };
}

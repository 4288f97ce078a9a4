import type { ProfileAccount } from '../../src/profiles/partition.js';

const idOf = (prefix: string, age: number) => `${prefix}_${String(age).padStart(26, '0')}`;
/** The id of the account that came as the `age`th. */
export const accountId = (age: number) => idOf('acct', age);
/** The id of the profile of which it is the oldest. */
export const profileId = (age: number) => idOf('prof', age);

/** A live account of Outfame, which shows no ids, unless something else is said. */
export const account = (age: number, parts: Partial<ProfileAccount> = {}): ProfileAccount => ({
  id: accountId(age),
  provider: 'outfame',
  providerAccountId: `at-provider-${age}`,
  idScope: 'unknown',
  platformUserId: null,
  handle: 'harbor',
  isLive: true,
  ...parts,
});

/** An account of a provider that shows global ids. */
export const identified = (age: number, platformUserId: string, parts = {}): ProfileAccount =>
  account(age, { provider: 'socialsyncer', idScope: 'global', platformUserId, ...parts });

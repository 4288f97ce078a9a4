import type { ProfileAccount, ProfileConstraint } from '../../src/profiles/partition.js';

const idOf = (prefix: string, age: number) => `${prefix}_${String(age).padStart(26, '0')}`;
/** The id of the account that came as the `age`th. */
export const accountId = (age: number) => idOf('acct', age);
/** The id of the profile of which it is the oldest. */
export const profileId = (age: number) => idOf('prof', age);
/** The other way round. */
export const ageOf = (id: string) => Number(id.slice('acct_'.length));

/** A live account of a provider that shows no ids. All have the same handle unless it is said. */
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

/** One of a provider that shows ids which are the same everywhere. */
export const identified = (
  age: number,
  platformUserId: string,
  parts: Partial<ProfileAccount> = {},
): ProfileAccount =>
  account(age, { provider: 'socialsyncer', idScope: 'global', platformUserId, ...parts });

const says = (kind: ProfileConstraint['kind']) => (one: ProfileAccount, other: ProfileAccount) => ({
  kind,
  one: { provider: one.provider, providerAccountId: one.providerAccountId },
  other: { provider: other.provider, providerAccountId: other.providerAccountId },
});
export const mustLink = says('must_link');
export const cannotLink = says('cannot_link');

import { monotonicFactory } from 'ulid';

/** The prefixes of ids: they show which table an id belongs to. */
export type IdPrefix =
  | 'acct'
  | 'conf'
  | 'conn'
  | 'disc'
  | 'key'
  | 'req'
  | 'ses'
  | 'step'
  | 'swp'
  | 'team'
  | 'view'
  | 'hlt'
  | 'evt'
  | 'aud'
  | 'whk'
  | 'inc'
  | 'find'
  | 'dlv';

const nextUlid = monotonicFactory();

/**
 * A new id such as `acct_01k9z3m8q4v7x2c5n6b8a1s3d4`: prefix and a ULID in lower case, so ids sort
 * by creation.
 */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${nextUlid().toLowerCase()}`;
}

/** The id of the profile whose oldest account this is. */
export function profileIdOf(accountId: string): string {
  return accountId.replace(/^acct_/, 'prof_');
}

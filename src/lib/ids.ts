import { randomFillSync } from 'node:crypto';
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

/** Random bytes are taken many at once: one by one, 16 an id, they took 5 % of a request's time. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

function nextRandom(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool.readUInt8(used++) / 256;
}

const nextUlid = monotonicFactory(nextRandom);

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

import { isObject } from '../lib/is-object.js';

/**
 * The server is away, comes or goes, is not (or no longer) the one that takes writes, or has no
 * session left: Node's codes and PostgreSQL's.
 */
const UNREACHABLE =
  /^(ECONN(REFUSED|RESET|ABORTED)|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EPIPE|ETIMEDOUT|57P0[1-5]|25P03|25006|53300|08...)$/;
/**
 * What `pg` and Prisma say without a code of their own for it: the last three of a pool that is
 * used up, or too slow.
 */
const UNREACHABLE_MESSAGES =
  /^Connection terminated|^Client (was closed|has encountered a connection error)|^timeout (expired$|exceeded when trying to connect)|Unable to start a transaction in the given time|on an expired transaction/;
/** The server, the role or the pooler before it has no session left. */
const FULL = /^53300$/;
const FULL_MESSAGES = /^no more connections allowed/;
/** Class 53 of PostgreSQL's appendix A, and what Node says of a disk or a quota that is used up. */
const EXHAUSTED = /^(53...|ENOSPC|EDQUOT)$/;
const DISK_FULL = /^(53100|ENOSPC|EDQUOT)$/;

/**
 * Whether a query failed because the database cannot be reached or has no time at the moment,
 * rather than for what it asked.
 */
export function isUnreachable(error: unknown): boolean {
  return isCoded(error, UNREACHABLE) || isWorded(error, UNREACHABLE_MESSAGES);
}

/** Whether a session was refused because there are as many as there may be. */
export function isFull(error: unknown): boolean {
  return isCoded(error, FULL) || isWorded(error, FULL_MESSAGES);
}

/** The code of the failure that a request's query had no turn at a connection for too long. */
export const NO_TURN = 'NO_TURN';

/** Whether a request's query waited too long for those of its team, or of others. */
export function isWithoutTurn(error: unknown): boolean {
  return isCoded(error, new RegExp(`^${NO_TURN}$`));
}

/** Whether the database gave up a statement that took longer than its request may. */
export function isTimedOut(error: unknown): boolean {
  return isCoded(error, /^57014$/);
}

/** Whether the database's user may not do what was asked. */
export function isForbidden(error: unknown): boolean {
  return isCoded(error, /^42501$/);
}

/** Whether a write failed because the disk is full. */
export function isDiskFull(error: unknown): boolean {
  return isCoded(error, DISK_FULL);
}

/** Whether something failed because disk, memory or another resource is used up. */
export function isExhausted(error: unknown): boolean {
  return isCoded(error, EXHAUSTED);
}

/** A failed query as Prisma throws it: PostgreSQL's code is inside. */
interface PrismaFailure {
  readonly meta?: {
    readonly driverAdapterError?: { readonly cause?: { readonly originalCode?: unknown } };
  };
}

/**
 * Node's, PostgreSQL's or Prisma's code of a failure, or its words where they stand for one and hold
 * nothing else; `undefined`: it has neither.
 */
export function failureCode(error: unknown): string | undefined {
  const [code] = codesOf(error).reverse();
  if (code !== undefined) return code;
  if (!isObject(error) || typeof error.message !== 'string') return undefined;
  return UNREACHABLE_MESSAGES.exec(error.message)?.[0];
}

/** Of the error, and of what Prisma wraps in it. */
function codesOf(error: unknown): string[] {
  if (!isObject(error)) return [];
  const { code } = error as { readonly code?: unknown };
  const wrapped = (error as PrismaFailure).meta?.driverAdapterError?.cause?.originalCode;
  return [code, wrapped].filter((one) => typeof one === 'string');
}

/** Whether an error or what Prisma wraps in it has a code of Node or PostgreSQL like these. */
function isCoded(error: unknown, codes: RegExp): boolean {
  return codesOf(error).some((one) => codes.test(one));
}

function isWorded(error: unknown, messages: RegExp): boolean {
  return isObject(error) && typeof error.message === 'string' && messages.test(error.message);
}

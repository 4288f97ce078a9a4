import { isObject } from '../lib/is-object.js';
import { StartError } from '../lib/start-error.js';

/** What Node says of a server that is away, comes or goes. */
const AWAY =
  /^(ECONN(REFUSED|RESET|ABORTED)|E(HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|ENOENT|EPIPE|ETIMEDOUT)$/;
/** What `pg` says of one, without a code. */
const AWAY_MESSAGES =
  /^Connection terminated|^Client (was closed|has encountered a connection error)|^timeout (expired$|exceeded when trying to connect)|^Query read timeout$/;
/** PostgreSQL's five characters; those of Prisma begin with a letter, and none of its classes does. */
const SQLSTATE = /^(\d[0-9A-Z]{4}|F0\d{3})$/;
/**
 * Errors that the statement itself causes, so that it fails every time it is sent: classes of
 * PostgreSQL's appendix A. Some other codes come from a pooler, not from the server.
 */
const FAULTS = /^(0[0-79A-Z]|1.|2[0-467BDF]|25(?!006|P0[34])|3[0-9BF]|4[24]|54)/;
/** Failures that have a problem of their own: a conflict, a lack of resources, a time limit. */
const OTHERWISE_TOLD = /^(40(001|P01)|53(?!300)|57014)/;
/** Prisma's transaction is no more, or had no connection in time. */
const TRANSACTION_ENDED = /^P20(24|28)$/;
/** Not where it was used after its end, or begun as none can be. */
const MISUSED = /committed transaction|Invalid isolation level/;
/** The server, the role or the pooler before it has no session left. */
const FULL = /^53300$/;
const FULL_MESSAGES = /^no more connections allowed/;
/** Class 53 of PostgreSQL's appendix A, and what Node says of a disk or a quota that is used up. */
const EXHAUSTED = /^(53...|ENOSPC|EDQUOT)$/;
const DISK_FULL = /^(53100|ENOSPC|EDQUOT)$/;
/** Prisma has no row to change or delete; PostgreSQL has none that a new one refers to. */
const NO_ROW = /^P2025$/;
const NO_PARENT = /^23503$/;
/** Of a model: what the API calls a `SavedView` is a view. */
const LAST_WORD = /[A-Z][a-z]*$/;
/** In the name of a foreign key. */
const PARENT = /_([a-z]+?)s?(?:_id)?_fkey$/;
/** What PostgreSQL and Prisma call a deadlock, and a conflict that is resolved like one. */
const DEADLOCK = /^(40P01|40001|P2034)$/;

/** The code of a failure that is no answer to a statement: the session is lost, or there is none. */
const NO_SESSION = 'NO_SESSION';

/**
 * A failure as one of the session and not of what was asked, whatever code it has; one that names
 * the operator's remedy stays. It is to be known behind Prisma, which takes apart what has the codes
 * of sockets and of PostgreSQL, and else keeps `code` and `meta`.
 */
export function withoutSession(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === NO_SESSION || error instanceof StartError) return error as Error;
  return Object.assign(new Error(message, { cause: error }), {
    code: NO_SESSION,
    meta: { code },
  });
}

/**
 * Whether a query failed because the database cannot be reached or has no time at the moment,
 * rather than for what it asked.
 */
export function isUnreachable(error: unknown): boolean {
  return codesOf(error).some(tellsAway) || isWorded(error, AWAY_MESSAGES) || isEnded(error);
}

function tellsAway(code: string): boolean {
  if (SQLSTATE.test(code)) return !FAULTS.test(code) && !OTHERWISE_TOLD.test(code);
  return code === NO_SESSION || AWAY.test(code);
}

/** Whether a failure goes away by itself: neither what was asked nor the gateway is at fault. */
export function isPassing(error: unknown): boolean {
  return [isUnreachable, isTimedOut, isWithoutTurn, isDeadlocked].some((is) => is(error));
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

/** Whether a transaction was given up, as it and another one waited for each other. */
export function isDeadlocked(error: unknown): boolean {
  return isCoded(error, DEADLOCK);
}

/**
 * What a write is about and is not there any more, by its noun such as `connection`: it was deleted
 * since it was read. All foreign keys cascade, so that only a row without its parent violates one.
 * @returns `undefined` for any other failure
 */
export function goneOf(error: unknown): string | undefined {
  if (!isObject(error)) return undefined;
  const { constraint, meta } = error as PrismaFailure & { readonly constraint?: unknown };
  if (isCoded(error, NO_ROW))
    return LAST_WORD.exec(String(meta?.modelName))?.[0].toLowerCase() ?? 'row';
  if (!isCoded(error, NO_PARENT)) return undefined;
  const violated = constraint ?? meta?.driverAdapterError?.cause?.constraint?.index;
  return PARENT.exec(String(violated))?.[1] ?? 'row';
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

/**
 * Node's, PostgreSQL's or Prisma's code of a failure, or its words where they stand for one and hold
 * nothing else; `undefined`: it has neither.
 */
export function failureCode(error: unknown): string | undefined {
  const [code] = codesOf(error).reverse();
  if (code !== undefined && code !== NO_SESSION) return code;
  const words = isObject(error) && AWAY_MESSAGES.exec(String(error.message))?.[0];
  return words || code;
}

/** A failed query as Prisma throws it: of a statement, of a COMMIT, and of a session that is lost. */
interface PrismaFailure {
  readonly code?: unknown;
  readonly meta?: {
    readonly code?: unknown;
    readonly modelName?: unknown;
    readonly driverAdapterError?: DriverAdapterError;
  };
}

/** What its adapter throws, and Prisma wraps except where a COMMIT fails. */
interface DriverAdapterError {
  readonly cause?: {
    readonly originalCode?: unknown;
    readonly constraint?: { readonly index?: unknown };
  };
}

/** Of the error, and of what is wrapped in it. */
function codesOf(error: unknown): string[] {
  if (!isObject(error)) return [];
  const { code, meta } = error as PrismaFailure;
  const inner = meta?.driverAdapterError ?? (error as DriverAdapterError);
  return [code, meta?.code, inner.cause?.originalCode].filter((one) => typeof one === 'string');
}

/** Whether an error or what is wrapped in it has a code of Node, PostgreSQL or Prisma like these. */
function isCoded(error: unknown, codes: RegExp): boolean {
  return codesOf(error).some((one) => codes.test(one));
}

function isEnded(error: unknown): boolean {
  return isCoded(error, TRANSACTION_ENDED) && !isWorded(error, MISUSED);
}

function isWorded(error: unknown, messages: RegExp): boolean {
  return isObject(error) && typeof error.message === 'string' && messages.test(error.message);
}

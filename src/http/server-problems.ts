import { codingFor } from './content-coding.js';
import { Problem, retryLater } from './problem.js';
import type { Route } from './route.js';

/** @throws Problem 406 */
export function requireCoding(acceptEncoding: string | undefined): void {
  if (codingFor(acceptEncoding) !== undefined) return;
  const codings = '`br`, `gzip` or `identity`';
  throw new Problem(
    'not_acceptable',
    `Accept-Encoding refuses every available coding: ${codings}.`,
  );
}

/** 503: a statement reached its time limit. */
export function tookTooLong(): Problem {
  const what = 'The request took too long in the database. Request less, such as a shorter page.';
  return retryLater('service_unavailable', what, 5);
}

/** 503: the request got no connection to the database in time. */
export function waitedTooLong(): Problem {
  const what =
    'Too many queries of the team, or of all teams, wait for the database. Send fewer requests at once.';
  return retryLater('service_unavailable', what, 5);
}

/** 503: the database cannot be reached. */
export function databaseAway(): Problem {
  const what = 'The database cannot be reached at the moment.';
  return retryLater('service_unavailable', what, 5);
}

/**
 * PostgreSQL aborts one of several writes that block each other: the next attempt no longer meets
 * the others.
 */
export function collided(): Problem {
  const what = 'The request and others blocked each other in the database.';
  return retryLater('service_unavailable', what, 1);
}

/**
 * 404: what the request is about was there when it was looked up, and is not any more.
 * @param noun such as `webhook`
 */
export function deletedMeanwhile(noun: string): Problem {
  return new Problem('not_found', `The ${noun} was deleted while the request was handled.`);
}

/** Callers are not told which resource is used up: operators see a full disk at `/health`. */
export function exhausted(): Problem {
  const what = 'The database has no space or memory left for this request.';
  return retryLater('service_unavailable', what, 30);
}

/** 405 with the methods that the path allows. */
export function wrongMethod(method: string, here: readonly Route[]): Problem {
  const allowed = here
    .flatMap((route) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]))
    .join(', ');
  return new Problem(
    'method_not_allowed',
    `${method} is not allowed for this path. Use one of: ${allowed}.`,
    {},
    { Allow: allowed },
  );
}

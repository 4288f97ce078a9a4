import {
  type Database,
  goneOf,
  isDeadlocked,
  isExhausted,
  isTimedOut,
  isUnreachable,
  isWithoutTurn,
} from '../database/index.js';
import type { Logger } from '../lib/logger.js';
import { stackOf } from '../lib/source-positions.js';
import { ProviderError } from '../model/index.js';
import { causeOf } from './failure-cause.js';
import { Problem, problemOfProvider } from './problem.js';
import type { LoggedRequest } from './request-log.js';
import {
  collided,
  databaseAway,
  deletedMeanwhile,
  exhausted,
  tookTooLong,
  waitedTooLong,
} from './server-problems.js';

/** Decides with which problem a failed request is answered. */
export class Failures {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** @param request gets the cause of a failure of the gateway, for the log */
  toProblem(error: unknown, request: LoggedRequest): Problem {
    const problem = this.problemOf(error, request.requestId);
    if (problem.status >= 500) request.failure = { code: problem.code, ...causeOf(error) };
    return problem;
  }

  private problemOf(error: unknown, requestId: string): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof ProviderError) return problemOfProvider(error);
    this.database.reachability.note(error);
    if (isWithoutTurn(error)) return waitedTooLong();
    if (isUnreachable(error)) return databaseAway();
    if (isTimedOut(error)) return tookTooLong();
    if (isDeadlocked(error)) return collided();
    if (isExhausted(error)) return exhausted();
    const gone = goneOf(error);
    if (gone !== undefined) return deletedMeanwhile(gone);
    this.logger.error('unexpected error', {
      request_id: requestId,
      error: stackOf(error),
    });
    return new Problem(
      'internal_error',
      `An internal error occurred. Try again; if it persists, report the request id ${requestId}.`,
    );
  }
}

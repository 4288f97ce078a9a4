import type { NextFunction, Request, Response } from 'express';
import { newId } from '../lib/ids.js';

const SANE_REQUEST_ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Gives the request its id. */
export function identify(request: Request, response: Response, next: NextFunction): void {
  const requestId = requestIdOf(request.get('x-request-id'));
  response.locals.requestId = requestId;
  response.setHeader('X-Request-ID', requestId);
  next();
}

/** The caller's own where it is sane. */
export function requestIdOf(given: string | undefined): string {
  return given !== undefined && SANE_REQUEST_ID.test(given) ? given : newId('req');
}

import { isIP } from 'node:net';
import type { Handler, Request, Response } from 'express';
import { renderProblem } from '../http/answer.js';
import { Problem } from '../http/problem.js';
import { sendRendered } from '../http/send.js';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const WILDCARDS = ['0.0.0.0', '::'];

/** Under which names the gateway is reached. */
export interface PublicPlace {
  /** The address that it listens at. */
  readonly host: string;
  /** The address that clients call, where that is another one. */
  readonly publicUrl: string | undefined;
}

/**
 * Refuses requests that were made for another host, and those of pages of other origins: a page that
 * has its own name point at this machine gets no further. Programs send no `Origin`.
 */
export function hostGuard(place: PublicPlace): Handler {
  const names = new Set(namesOf(place));
  const takesAnyAddress = WILDCARDS.includes(place.host);
  const isOurs = (url: string): boolean => {
    const hostname = URL.canParse(url) ? new URL(url).hostname : '';
    const bare = hostname.replace(/^\[|\]$/g, '');
    return names.has(hostname) || (takesAnyAddress && isIP(bare) !== 0);
  };
  return (request, response, next) => {
    const { host } = request;
    const origin = request.get('origin');
    if (host === undefined || !isOurs(`http://${host}`))
      return refuse(
        request,
        response,
        'The Host header names another host. Set PUBLIC_URL to the address that clients call.',
      );
    if (origin !== undefined && !isOurs(origin))
      return refuse(request, response, 'Pages of other origins may not call this address.');
    next();
  };
}

function namesOf({ host, publicUrl }: PublicPlace): string[] {
  const own = host.includes(':') ? `[${host}]` : host.toLowerCase();
  const isLocal = LOOPBACK.includes(own) || WILDCARDS.includes(host);
  return [
    own,
    ...(isLocal ? LOOPBACK : []),
    ...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname]),
  ];
}

function refuse(request: Request, response: Response, detail: string): void {
  const requestId = response.locals.requestId as string;
  const problem = new Problem('forbidden', detail);
  sendRendered(request, response, renderProblem(problem, request.originalUrl, requestId));
}

import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { Problem } from './problem.js';
import { type Answer, RawText } from './route.js';

/** Sends an answer: the one place where a response is finished. A GET carries a strong ETag and answers 304 to it. */
export function finish(request: Request, response: Response, answer: Answer): void {
  response.status(answer.status).set(answer.headers ?? {});
  if (answer.body === undefined) {
    response.end();
    return;
  }
  const { text, contentType } = answer.body instanceof RawText ? answer.body : new RawText(JSON.stringify(answer.body));
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && answer.status === 200) {
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
    response.set('ETag', etag);
    if (!response.get('Cache-Control')) response.set('Cache-Control', 'private, no-cache');
    if (matches(request.get('if-none-match'), etag)) {
      response.status(304).end();
      return;
    }
  }
  send(response, text, contentType);
}

/** Sends an error as RFC 9457 has it. */
export function finishProblem(request: Request, response: Response, problem: Problem): void {
  const body = problem.toJSON(request.path, response.locals.requestId as string);
  response.status(problem.status).set(problem.headers).set('Cache-Control', 'no-store');
  send(response, JSON.stringify(body), 'application/problem+json; charset=utf-8');
}

function send(response: Response, text: string, contentType: string): void {
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((candidate) => candidate.trim() === '*' || candidate.trim().replace(/^W\//, '') === etag);
}

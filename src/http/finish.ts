import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Request, Response } from 'express';
import type { Problem } from './problem.js';
import { type Answer, RawText, TextStream } from './route.js';

/** Sends an answer: the one place where a response is finished. A GET carries a strong ETag and answers 304 to it. */
export function finish(request: Request, response: Response, answer: Answer): void {
  response.status(answer.status).set(answer.headers ?? {});
  if (answer.body === undefined) {
    response.end();
    return;
  }
  if (answer.body instanceof TextStream) {
    void sendStream(response, answer.body);
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

/** Proxies are asked not to hold pieces back. */
async function sendStream(response: Response, { chunks, contentType }: TextStream): Promise<void> {
  response.set({ 'Content-Type': contentType, 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' }).flushHeaders();
  try {
    for await (const chunk of chunks) {
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  } catch {
    // Cut off rather than ended: the caller sees that there is more, and reconnects.
    response.destroy();
  }
}

function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((candidate) => candidate.trim() === '*' || candidate.trim().replace(/^W\//, '') === etag);
}

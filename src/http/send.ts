import { once } from 'node:events';
import type { Request, Response } from 'express';
import { type Answer, type Rendered, renderProblem, renderRaw, TextStream } from './answer.js';
import { CachedAnswer } from './answer-cache.js';
import { knownAs } from './conditional.js';
import { codingFor, refusesIdentity } from './content-coding.js';
import type { Problem } from './problem.js';

/**
 * Sends an answer: the one place where a response is finished. A GET carries a strong ETag and
 * answers 304 to it.
 */
export function send(request: Request, response: Response, answer: Answer): void {
  if (answer.body instanceof TextStream) {
    response.status(answer.status).set(answer.headers ?? {});
    void sendStream(request, response, answer.body);
  } else sendRendered(request, response, renderRaw(answer));
}

/** Sends what is rendered already. What is wrong with how a caller wants it is told as a problem. */
export function sendRendered(
  request: Request,
  response: Response,
  rendered: Rendered<string | Buffer>,
): void {
  const { status, headers, text } = rendered;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && status === 200 && text !== undefined) {
    void sendPage(request, response, new CachedAnswer(rendered));
    return;
  }
  // A cache may keep some answers without being told to, such as a redirect that a person can revert.
  if (isRead && status < 400)
    response.vary('Accept-Encoding').set('Cache-Control', 'private, no-cache');
  response.status(status).set(headers);
  if (text !== undefined) response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

/** Sends what is wrong, as RFC 9457 has it. */
export function sendProblem(request: Request, response: Response, problem: Problem): void {
  sendRendered(
    request,
    response,
    renderProblem(problem, request.path, response.locals.requestId as string),
  );
}

/** Sends what a GET asked for, packed as its caller likes best, unless the caller has it. */
export async function sendPage(
  request: Request,
  response: Response,
  page: CachedAnswer,
): Promise<void> {
  const known = knownAs(request.get('if-none-match'), page.etag);
  if (known !== undefined) return sendUnchanged(response, known, page.headers);
  const accepted = request.get('accept-encoding');
  const coding = page.codingOf(codingFor(accepted) ?? 'identity', refusesIdentity(accepted));
  const body = await page.in(coding);
  response.status(page.status).vary('Accept-Encoding').set(page.headersIn(coding, body));
  response.end(body);
}

/** What the caller has still holds. */
export function sendUnchanged(
  response: Response,
  etag: string,
  headers?: Readonly<Record<string, string>>,
): void {
  response.vary('Accept-Encoding').set(headersUnchanged(etag, headers)).status(304).end();
}

/** @param headers of the answer as a whole, where it is known */
export function headersUnchanged(
  etag: string,
  { 'Content-Type': _ofBody, ...headers }: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    'Cache-Control': 'private, no-cache',
    ...headers,
    ETag: etag,
  };
}

/**
 * Takes no more from the source than the reader does from us. Proxies are asked not to hold pieces
 * back.
 */
async function sendStream(
  request: Request,
  response: Response,
  { chunks, contentType, ended }: TextStream,
): Promise<void> {
  response
    .set({ 'Content-Type': contentType, 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' })
    .flushHeaders();
  try {
    if (request.method !== 'HEAD') {
      for await (const chunk of chunks)
        if (!response.write(chunk)) await once(response, 'drain', { signal: ended });
    }
    response.end();
  } catch {
    // Cut off rather than ended: the caller sees that there is more, and reconnects.
    response.destroy();
  }
}

import { once } from 'node:events';
import type { Request, Response } from 'express';
import { type Answer, type Rendered, render, TextStream } from './answer.js';
import { etagOf, isKnown } from './conditional.js';

/**
 * Sends an answer: the one place where a response is finished. A GET carries a strong ETag and
 * answers 304 to it.
 */
export function send(request: Request, response: Response, answer: Answer): void {
  if (answer.body instanceof TextStream) {
    response.status(answer.status).set(answer.headers ?? {});
    void sendStream(request, response, answer.body);
  } else sendRendered(request, response, render(answer));
}

/** Sends what is bytes already. */
export function sendRendered(
  request: Request,
  response: Response,
  { status, headers, text }: Rendered,
): void {
  response.status(status).set(headers);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && status === 200 && text !== undefined) {
    const etag = response.get('ETag') ?? etagOf(text);
    response.set('ETag', etag);
    if (!response.get('Cache-Control')) response.set('Cache-Control', 'private, no-cache');
    if (isKnown(request.get('if-none-match'), etag)) {
      sendUnchanged(response);
      return;
    }
  }
  if (text !== undefined) response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

/** What the caller has still holds. */
export function sendUnchanged(response: Response): void {
  if (!response.get('Cache-Control')) response.set('Cache-Control', 'private, no-cache');
  response.removeHeader('Content-Type');
  response.status(304).end();
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

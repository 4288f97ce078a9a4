import type { Problem } from './problem.js';
import { type Answer, RawText, TextStream } from './route.js';

/** An answer down to its bytes. */
export interface Rendered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: no body. */
  readonly text?: string;
}

export function render({ status, headers = {}, body }: Answer): Rendered {
  if (body === undefined) return { status, headers };
  if (body instanceof TextStream) throw new Error('a stream has no end to render');
  const { text, contentType } = body instanceof RawText ? body : new RawText(JSON.stringify(body));
  return { status, headers: { ...headers, 'Content-Type': contentType }, text };
}

/** An error as RFC 9457 has it. */
export function renderProblem(problem: Problem, path: string, requestId: string): Rendered {
  const headers = {
    ...problem.headers,
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json; charset=utf-8',
  };
  return { status: problem.status, headers, text: JSON.stringify(problem.toJSON(path, requestId)) };
}

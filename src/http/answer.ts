import type { Problem } from './problem.js';

/** Text that is sent as it stands, e.g. JSON that the database built; or its bytes. */
export class RawText {
  constructor(
    readonly text: string | Buffer,
    readonly contentType = 'application/json; charset=utf-8',
  ) {}
}

/** Text that goes on for as long as its source does, each piece sent as it comes. */
export class TextStream {
  /**
   * @param ended aborts when there is no more to wait for: a reader that takes nothing is cut off
   * then
   */
  constructor(
    readonly chunks: AsyncIterable<string>,
    readonly contentType: string,
    readonly ended: AbortSignal,
  ) {}
}

/** What a handler returns. */
export interface Answer {
  readonly status: number;
  /** Sent as JSON unless it is text already; absent: no body. */
  readonly body?: object | RawText | TextStream;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer down to its text. */
export interface Rendered<Text = string> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: no body. */
  readonly text?: Text;
}

/**
 * An answer as status, headers and text, which can be sent and stored.
 * @throws Error for a stream
 */
export function render(answer: Answer): Rendered {
  const { text, ...rest } = renderRaw(answer);
  return { ...rest, ...(text !== undefined && { text: String(text) }) };
}

/** Leaves bytes as they are. */
export function renderRaw({ status, headers = {}, body }: Answer): Rendered<string | Buffer> {
  if (body === undefined) return { status, headers };
  if (body instanceof TextStream) throw new Error('a stream cannot be rendered');
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

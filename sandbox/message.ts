import type { IncomingHttpHeaders } from 'node:http';

/** A JSON object whose content nobody has checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** One HTTP request to a provider, read whole. */
export interface Question {
  readonly method: string;
  /** Below the provider's mount path, as sent, query included. */
  readonly target: string;
  /** The path below the mount, each part percent-decoded: `['accounts', 'acc_1']`. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Where the sandbox listens: `http://127.0.0.1:4900`. */
  readonly origin: string;
}

/**
 * One HTTP answer, as data. A body that is a string is sent as it is, anything else as JSON; left
 * out, there is none.
 */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Thrown where a request is refused halfway; its answer is the provider's own error. */
export class Refused extends Error {
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`refused with ${answer.status}`);
    this.answer = answer;
  }
}

/** Whether the value is a JSON object, and no array. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text as a JSON object, or undefined where it is none. */
export function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 3339 in UTC at whole seconds, as most providers print times. */
export function timestamp(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

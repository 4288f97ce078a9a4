import type { IncomingHttpHeaders } from 'node:http';
import { readInstant } from './instant.js';

/*
 * The one reader of the headers of answers, from providers and from receivers of webhooks alike. A
 * header may come in several lines, or in one line with commas: its values are read one by one.
 */

const MAX_REQUEST_ID_LENGTH = 200;

/** From here on a number is a time since 1970: in seconds, milliseconds, microseconds. */
const [UNIX_SECONDS, UNIX_MS, UNIX_US] = [1e9, 1e11, 1e14];
const NUMBER = /^\d{1,17}(\.\d+)?$/;
/** The three forms of RFC 9110, section 5.6.7; the last one has no zone and means GMT. */
const HTTP_DATE = /^[a-z]{3,9}, \d\d[ -][a-z]{3}[ -]\d{2,4} \d\d:\d\d:\d\d (GMT|UTC)$/i;
const ASCTIME = /^[a-z]{3} [a-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i;
/** A comma between two values: not the one within a date. */
const COMMA = /,(?!\s*\d{1,2}[ -][a-z]{3}[ -])/i;

type Header = string | string[] | undefined;

/**
 * The limit that a server announces: `remaining` of `limit` requests are left until `resetAt` (ms
 * since 1970).
 */
export interface AnnouncedLimit {
  /** `null`: only the remaining requests are announced. */
  readonly limit: number | null;
  readonly remaining: number;
  readonly resetAt: number | null;
}

/**
 * `Retry-After` in whole seconds from `now` (RFC 9110, section 10.2.3): a number of seconds or a
 * date; of several the longest. `null` when none can be read.
 */
export function retryAfterSeconds(headers: IncomingHttpHeaders, now: Date): number | null {
  const moments = valuesOf(headers['retry-after']).flatMap((value) => momentOf(value, now) ?? []);
  if (moments.length === 0) return null;
  return Math.max(0, Math.ceil((Math.max(...moments) - now.getTime()) / 1000));
}

/** Names of the headers of a rate limit, in any case. */
interface LimitHeaders {
  readonly limit?: string;
  readonly remaining: string;
  readonly reset?: string;
}

/**
 * The rate limit that an answer announces: of `X-RateLimit-*`, `RateLimit-*` and `RateLimit` (the
 * drafts of the IETF), and of the headers `named`, the one with the least left. Resets are read as seconds from `now`, Unix
 * times or dates, by their size and form. `null` when no answer can be made of them.
 */
export function announcedLimit(
  headers: IncomingHttpHeaders,
  now: Date,
  named?: LimitHeaders,
): AnnouncedLimit | null {
  const announced = [
    inParts(headers, prefixed('x-ratelimit'), now),
    inParts(headers, prefixed('ratelimit'), now),
    ...inOne(headers, now),
    named === undefined ? null : ownLimit(headers, named, now),
  ].filter((limit) => limit !== null);
  const [tightest = null] = announced.sort(
    (one, other) => one.remaining - other.remaining || (other.resetAt ?? 0) - (one.resetAt ?? 0),
  );
  return tightest;
}

/** `X-Request-ID`, at most 200 characters; `null` when the server sends no request id. */
export function requestId(headers: IncomingHttpHeaders): string | null {
  const [value] = [headers['x-request-id']].flat();
  return value === undefined || value === '' ? null : value.slice(0, MAX_REQUEST_ID_LENGTH);
}

function valuesOf(header: Header): string[] {
  return [header ?? []]
    .flat()
    .flatMap((line) => line.split(COMMA))
    .map((value) => value.trim());
}

/** A wait or a point of time in milliseconds since 1970; `null` when it is neither. */
function momentOf(value: string, now: Date): number | null {
  if (NUMBER.test(value)) {
    const number = Number(value);
    if (number >= UNIX_US) return number / 1000;
    if (number >= UNIX_MS) return number;
    if (number >= UNIX_SECONDS) return number * 1000;
    return now.getTime() + number * 1000;
  }
  if (HTTP_DATE.test(value)) return finite(Date.parse(value));
  if (ASCTIME.test(value)) return finite(Date.parse(`${value} GMT`));
  const instant = readInstant(value);
  return instant == null ? null : Date.parse(instant);
}

const finite = (time: number) => (Number.isFinite(time) ? time : null);

const prefixed = (prefix: string): Required<LimitHeaders> => ({
  limit: `${prefix}-limit`,
  remaining: `${prefix}-remaining`,
  reset: `${prefix}-reset`,
});

/** What an adapter names counts without a limit too. */
function ownLimit(headers: IncomingHttpHeaders, named: LimitHeaders, now: Date) {
  return inParts(headers, named, now) ?? (named.limit ? null : leftIn(headers, named, now));
}

/** Limit, remaining and reset in a header each; parameters behind a value (`100;w=60`) are left out. */
function inParts(
  headers: IncomingHttpHeaders,
  names: LimitHeaders,
  now: Date,
): AnnouncedLimit | null {
  const limits = numbersIn(headers, names.limit).filter((limit) => limit > 0);
  if (limits.length === 0) return null;
  const left = leftIn(headers, names, now);
  return left && { ...left, limit: Math.min(...limits) };
}

function leftIn(
  headers: IncomingHttpHeaders,
  { remaining, reset }: LimitHeaders,
  now: Date,
): AnnouncedLimit | null {
  const left = numbersIn(headers, remaining);
  if (left.length === 0) return null;
  const resets = headerOf(headers, reset).flatMap((value) => momentOf(value, now) ?? []);
  return {
    limit: null,
    remaining: Math.max(0, Math.min(...left)),
    resetAt: resets.length === 0 ? null : Math.max(...resets),
  };
}

function headerOf(headers: IncomingHttpHeaders, name = ''): string[] {
  return valuesOf(headers[name.toLowerCase()]);
}

function numbersIn(headers: IncomingHttpHeaders, name: string | undefined): number[] {
  return headerOf(headers, name)
    .map((value) => Number(/^-?\d{1,15}(?=\.\d+$|\s*;|$)/.exec(value)?.[0] ?? Number.NaN))
    .filter(Number.isFinite);
}

/** `RateLimit: "name";r=50;t=30`, with `q` in `RateLimit-Policy`; or `limit=9, remaining=5, reset=7`. */
function inOne(headers: IncomingHttpHeaders, now: Date): (AnnouncedLimit | null)[] {
  const policies = valuesOf(headers['ratelimit-policy']).map(parametersOf);
  const items = valuesOf(headers.ratelimit).map(parametersOf);
  const older = Object.assign({}, ...items) as Parameters;
  return [
    limitOf(older.limit, older.remaining, older.reset, now),
    ...items.map(({ name, r, t }) => {
      const policy = policies.find((one) => one.name === name) ?? policies[0];
      return limitOf(policy?.q, r, t, now);
    }),
  ];
}

type Parameters = Readonly<Record<string, string | undefined>>;

/** `"name";r=50` as `{name, r}`. */
function parametersOf(item: string): Parameters {
  const pairs = item.split(';').map((part) => {
    const [key = '', value] = part.trim().split('=');
    return value === undefined ? ['name', key.replaceAll('"', '')] : [key, value];
  });
  return Object.fromEntries(pairs);
}

function limitOf(
  limit: string | undefined,
  remaining: string | undefined,
  reset: string | undefined,
  now: Date,
): AnnouncedLimit | null {
  if (remaining === undefined || !NUMBER.test(remaining)) return null;
  const most = Number(limit);
  return {
    limit: most > 0 ? most : null,
    remaining: Number(remaining),
    resetAt: reset === undefined ? null : momentOf(reset, now),
  };
}

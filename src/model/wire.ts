import { z } from 'zod';
import { type InstantOptions, readInstant } from '../lib/instant.js';
import { cleanJson, cleanText, isStorable, lengthUpTo } from '../lib/text.js';
import { MAX_TEXTS } from './record-of.js';

/*
 * Readers of single fields, for the schemas of adapters. Each takes what providers have been seen
 * to send for such a field, and gives `null` for "unknown": for `null`, an absent field and an empty
 * text. What it cannot read is an issue of the field: the engine then reads the account
 * without the field and reports it as degraded.
 */

/**
 * Longest handle, platform or platform user id in UTF-8: an index entry of PostgreSQL holds 2,704
 * bytes, and one has a platform, which may grow by half in lower case, beside a user id.
 */
const MAX_NAME_BYTES = 1_000;
const MAX_TEXT_LENGTH = 8_192;
/** Longest JSON text of an object or a list of texts that is kept for display. */
const MAX_OBJECT_LENGTH = 65_536;
/** Where counters of 31, 32 and 53 bits stand when they have run over: no count. */
const RUN_OVER: ReadonlySet<number> = new Set([2 ** 31 - 1, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER]);
const NUMERIC = /^[+-]?\d+(\.\d+)?$/;
const FLAGS = new Map<unknown, boolean>([
  ...[true, 1, '1', 'true', 'yes'].map((word) => [word, true] as const),
  ...[false, 0, '0', 'false', 'no'].map((word) => [word, false] as const),
]);

/** What is read in place of a value that PostgreSQL cannot hold as it came; it is reported too. */
class Cleaned {
  constructor(readonly instead: unknown) {}
}

/** The value, `null` for "unknown", `undefined` where the field cannot be read. */
type Reading<Value> = Value | null | undefined | Cleaned;

function field<Value>(
  expected: string,
  read: (given: unknown) => Reading<Value>,
): z.ZodType<Value | null> {
  return z
    .unknown()
    .optional()
    .transform((given, context): Value | null => {
      if (given == null || given === '') return null;
      const value = read(given);
      if (value !== undefined && !(value instanceof Cleaned)) return value;
      const params = value instanceof Cleaned ? { instead: value.instead } : {};
      context.addIssue({ code: 'custom', message: `is not a ${expected}`, params });
      return z.NEVER;
    });
}

/**
 * What names an account at its provider, byte for byte: a text, or a whole number that JSON carried
 * exactly. Alone among the readers it takes no `null`: an item without its id is no account.
 */
export function id(): z.ZodType<string> {
  return z
    .unknown()
    .optional()
    .transform((given, context) => {
      const text = typeof given === 'string' ? given : wholeNumber(given);
      if (text !== undefined && text.trim() !== '' && isStorable(text)) return text;
      context.addIssue({ code: 'custom', message: 'is not an id' });
      return z.NEVER;
    });
}

/** A text, without spaces at its ends. */
export function text() {
  return field('text', (given) => readText(given, MAX_TEXT_LENGTH));
}

/** A text that accounts are found by: a handle, or the network's own id, which may be a number. */
export function name() {
  return field('name', (given) => readName(wholeNumber(given) ?? given));
}

/** A network, in lower case. */
export function platform() {
  return field('platform', (given) => {
    const read = readName(given);
    return typeof read === 'string' ? read.toLowerCase() : read;
  });
}

/** One of the words that a provider documents, whatever its case. */
export function word<Word extends string>(...words: readonly [Word, ...Word[]]) {
  return field('known word', (given): Reading<Word> => {
    const read = readText(given, MAX_TEXT_LENGTH);
    if (typeof read !== 'string') return read;
    return words.find((known) => known.toLowerCase() === read.toLowerCase());
  });
}

/** Texts in a list; one of them that cannot be read leaves the list unread. */
export function texts() {
  return field('list of texts', (given): Reading<readonly string[]> => {
    if (!Array.isArray(given) || given.length > MAX_TEXTS) return undefined;
    if (lengthUpTo(given, MAX_OBJECT_LENGTH) > MAX_OBJECT_LENGTH) return undefined;
    const items = given.map((item) => (item === null ? null : readText(item, MAX_TEXT_LENGTH)));
    if (items.includes(undefined)) return undefined;
    if (items.some((item) => item instanceof Cleaned))
      return new Cleaned(items.map((item) => (item instanceof Cleaned ? item.instead : item)));
    return items.filter((item) => typeof item === 'string');
  });
}

/** An address on the web, as it came. */
export function url() {
  return field('web address', (given): Reading<string> => {
    const text = typeof given === 'string' ? given.trim() : undefined;
    if (text === undefined || text.length > MAX_TEXT_LENGTH) return undefined;
    return /^https?:\/\/[^\s/?#][^\s]*$/i.test(text) && isStorable(text) ? text : undefined;
  });
}

/**
 * A count, as a number or as its digits. Negative ones stand for "unknown"; a fraction, a text
 * with separators (`14,832` is 14832 here and 14.832 there) and the end of a counter's range are
 * no counts.
 */
export function count() {
  return field('count', (given): Reading<number> => {
    const number = numberOf(given);
    if (!Number.isSafeInteger(number) || RUN_OVER.has(Number(number))) return undefined;
    return Number(number) < 0 ? null : Math.abs(Number(number));
  });
}

/** A rate, as a number or as its digits; what is under `minimum` stands for "unknown". */
export function rate(minimum: number) {
  return field('rate', (given): Reading<number> => {
    const number = numberOf(given);
    return number !== undefined && number < minimum ? null : number;
  });
}

/** Yes or no: a boolean, 1 or 0, or the word. */
export function flag() {
  return field(
    'flag',
    (given): Reading<boolean> =>
      FLAGS.get(typeof given === 'string' ? given.trim().toLowerCase() : given),
  );
}

/** The last time that RFC 3339 can write, in milliseconds since 1970. */
const MAX_UNIX_MS = Date.UTC(9999, 11, 31);

/** A time as the seconds or milliseconds since 1970, as a number or its digits; 0 stands for "never". */
export function unixTime(unit: 'seconds' | 'milliseconds') {
  return field('Unix time', (given): Reading<string> => {
    const number = numberOf(given);
    if (number === undefined) return undefined;
    const ms = Math.round(number * (unit === 'seconds' ? 1_000 : 1));
    if (ms === 0) return null;
    return ms > 0 && ms <= MAX_UNIX_MS ? new Date(ms).toISOString() : undefined;
  });
}

/** A time written out, as `readInstant` reads it. */
export function instant(options?: InstantOptions) {
  return field(
    'time',
    (given): Reading<string> =>
      typeof given === 'string' ? readInstant(given, options) : undefined,
  );
}

/** An object, for display: what is written back to the provider is never made of it. */
export function object() {
  return field('JSON object', (given): Reading<Readonly<Record<string, unknown>>> => {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
    if (lengthUpTo(given, MAX_OBJECT_LENGTH) > MAX_OBJECT_LENGTH) return undefined;
    const clean = cleanJson(given) as Record<string, unknown>;
    if (JSON.stringify(clean).length > MAX_OBJECT_LENGTH) return undefined;
    return clean === given ? clean : new Cleaned(clean);
  });
}

function readName(given: unknown): Reading<string> {
  const read = readText(given, MAX_NAME_BYTES);
  const name = read instanceof Cleaned ? read.instead : read;
  return typeof name === 'string' && Buffer.byteLength(name) > MAX_NAME_BYTES ? undefined : read;
}

function readText(given: unknown, maxLength: number): Reading<string> {
  if (typeof given !== 'string' || given.length > maxLength) return undefined;
  const clean = cleanText(given).trim();
  if (!isStorable(given)) return new Cleaned(clean);
  return clean === '' ? null : clean;
}

function wholeNumber(given: unknown): string | undefined {
  return Number.isSafeInteger(given) ? String(given) : undefined;
}

function numberOf(given: unknown): number | undefined {
  const number = typeof given === 'string' && NUMERIC.test(given.trim()) ? Number(given) : given;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

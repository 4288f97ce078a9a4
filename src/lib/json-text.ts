import { isObject } from './is-object.js';

/** A token of JSON: a string, a mark, or anything else up to the next mark (a number or word). */
export const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;
/** Whole numbers that may be beyond 2^53, and the strings that are passed over to find them. */
const STRING_OR_LONG_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])-?\d{16,}(?![\w.])/g;
const WHOLE_NUMBER = /^-?\d{16,}$/;
const LONG_NUMBER = /[:,[]\s*-?\d{16}/;

/**
 * Reads JSON. A whole number that JavaScript would round is read as the text of its digits, so that
 * no id and no count becomes another one.
 * @throws SyntaxError
 */
export function parseExactly(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // From here on the text is known to be JSON: no string of it is left open.
  return LONG_NUMBER.test(text) ? JSON.parse(quoteLongNumbers(text)) : value;
}

/** A number of JSON: as the text of its digits where JavaScript would round a whole number. */
export function readNumber(token: string): number | string {
  const number = Number(token);
  return Number.isSafeInteger(number) || !WHOLE_NUMBER.test(token) ? number : token;
}

function quoteLongNumbers(text: string): string {
  return text.replace(STRING_OR_LONG_NUMBER, (token) =>
    token.startsWith('"') || typeof readNumber(token) === 'number' ? token : `"${token}"`,
  );
}

/** A value as the JSON text that it came in: it is sent on byte for byte. */
export class JsonText {
  constructor(readonly text: string) {}
}

/** As `JSON.stringify`, for plain values and `JsonText` at any depth. */
export function stringifyJson(value: unknown): string {
  if (value instanceof JsonText) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => stringifyJson(item)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stringifyJson(member)}`).join(',')}}`;
}

/** A member of an object, and where in its text the value stands. */
interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** The members of an object in its order; `undefined`: it is none. */
function membersOf(text: string): readonly Member[] | undefined {
  const members: Member[] = [];
  let depth = 0;
  let name: string | undefined;
  let [start, end] = [-1, -1];
  for (const { 0: token, index } of text.matchAll(JSON_TOKEN)) {
    if (depth === 0) {
      if (token !== '{') return undefined;
      depth = 1;
      continue;
    }
    if (depth === 1 && (token === ',' || token === '}')) {
      if (name !== undefined) members.push({ name, start, end });
      name = undefined;
      start = -1;
      continue;
    }
    if (name === undefined) {
      name = JSON.parse(token) as string;
      continue;
    }
    if (start === -1 && token === ':') continue;
    if (start === -1) start = index;
    end = index + token.length;
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
  }
  return members;
}

/** A member of an object; of several with one name the last, as everywhere. */
export function memberOf({ text }: JsonText, name: string): JsonText | undefined {
  const member = membersOf(text)?.findLast((one) => one.name === name);
  return member && new JsonText(text.slice(member.start, member.end));
}

/**
 * Changes merged over a value: objects member by member, everything else (lists too) replaced. What
 * is not changed stays byte for byte: order, spaces, and numbers however they are written.
 */
export function mergeJson(current: JsonText, change: unknown): JsonText {
  const members =
    isObject(change) && !(change instanceof JsonText) ? membersOf(current.text) : undefined;
  if (members === undefined || !isObject(change)) return new JsonText(stringifyJson(change));
  const { text } = current;
  let merged = '';
  let copied = 0;
  for (const { name, start, end } of members) {
    if (!Object.hasOwn(change, name)) continue;
    const value = mergeJson(new JsonText(text.slice(start, end)), change[name]);
    merged += text.slice(copied, start) + value.text;
    copied = end;
  }
  const known = new Set(members.map(({ name }) => name));
  const added = Object.entries(change)
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => `${JSON.stringify(name)}:${stringifyJson(value)}`);
  const close = text.lastIndexOf('}');
  const comma = members.length > 0 && added.length > 0 ? ',' : '';
  return new JsonText(
    merged + text.slice(copied, close) + comma + added.join(',') + text.slice(close),
  );
}

/**
 * JSON text without the blanks between its tokens, such as PostgreSQL writes behind the colons and
 * commas of `jsonb`. Strings stay as they are.
 */
export function withoutBlanks(text: string): string {
  let compact = '';
  let copied = 0;
  let at = 0;
  let blank = text.indexOf(' ');
  while (blank >= 0) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    if (blank < end) {
      compact += text.slice(copied, blank) + text.slice(blank, end).replace(/\s+/g, '');
      copied = end;
    }
    at = quote < 0 ? end : endOfString(text, quote);
    if (blank < at) blank = text.indexOf(' ', at);
  }
  return copied === 0 ? text : compact + text.slice(copied);
}

/** @param quote where the string begins. @returns the place behind it */
function endOfString(text: string, quote: number): number {
  for (let at = text.indexOf('"', quote + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  return text.length;
}

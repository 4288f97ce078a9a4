/** Real data is not nested deeper; such JSON is made to overflow recursive code. */
const MAX_DEPTH = 100;
const TOO_DEEP = `nested more than ${MAX_DEPTH} levels deep`;

/** The part of a JSON value that cannot be stored unchanged, and why. */
interface Unstorable {
  /** Names joined by dots; empty: the whole value. */
  readonly path: string;
  readonly reason: string;
}

/** Finds the first part of a JSON value that PostgreSQL or JavaScript cannot store unchanged. */
export function findUnstorable(value: unknown, depth = 0): Unstorable | undefined {
  if (typeof value === 'string')
    return isStorable(value)
      ? undefined
      : { path: '', reason: 'contains NUL or an unpaired surrogate' };
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth === MAX_DEPTH) return { path: '', reason: `is ${TOO_DEEP}` };
  for (const name of Object.keys(value)) {
    if (!isStorable(name))
      return { path: '', reason: 'contains a name with NUL or an unpaired surrogate' };
    if (name === '__proto__') return { path: name, reason: 'is not allowed as a name' };
    const inner = (value as Readonly<Record<string, unknown>>)[name];
    const found = findUnstorable(inner, depth + 1);
    if (found) return { ...found, path: found.path === '' ? name : `${name}.${found.path}` };
  }
  return undefined;
}

/** Whether a PostgreSQL text can hold it. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** The text with what PostgreSQL cannot hold replaced by U+FFFD. */
export function storable(text: string): string {
  return isStorable(text) ? text : text.replaceAll('\0', '\u{FFFD}').toWellFormed();
}

/** The text without NULs, and with U+FFFD for half a surrogate pair. */
export function cleanText(text: string): string {
  return isStorable(text) ? text : text.replaceAll('\0', '').toWellFormed();
}

/**
 * The length of a JSON value as text, in characters, but for escapes; counted up to `most`, so that
 * a large value costs no more.
 * @returns a number above `most` for all that are longer
 */
export function lengthUpTo(value: unknown, most: number): number {
  let length = 0;
  const open: unknown[] = [value];
  while (open.length > 0 && length <= most) {
    const one = open.pop();
    if (typeof one === 'string') length += one.length + 2;
    else if (typeof one !== 'object' || one === null) length += String(one).length + 1;
    else if (Array.isArray(one)) {
      length += one.length;
      if (length <= most) for (const inner of one) open.push(inner);
    } else
      for (const name in one) {
        length += name.length + 4;
        if (length > most) break;
        open.push((one as Readonly<Record<string, unknown>>)[name]);
      }
  }
  return length;
}

/**
 * A JSON value as it can be kept: texts and names cleaned, `__proto__` left out, and a note in place
 * of what is nested too deep. A value that can be kept as it came is returned itself.
 */
export function cleanJson(value: unknown): unknown {
  return findUnstorable(value) === undefined ? value : cleanCopy(value, 0);
}

function cleanCopy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return `[left out: ${TOO_DEEP}]`;
  if (Array.isArray(value)) return value.map((item) => cleanCopy(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== '__proto__')
      .map(([name, inner]) => [cleanText(name), cleanCopy(inner, depth + 1)]),
  );
}

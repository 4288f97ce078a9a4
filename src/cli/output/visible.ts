/**
 * What steers a terminal (C0, DEL, C1), breaks lines, or turns the direction of text: it comes from
 * strangers, in names.
 */
const STEERING = /[\p{Cc}\u2028\u2029\p{Bidi_Control}]/gu;

/** The text with each such character spelled out: `\u001b`. */
export function visible(text: string): string {
  return text.toWellFormed().replace(STEERING, spelled);
}

/** Text of several lines, in which lines and tabs stand for what they are. */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(STEERING, (each) => (each === '\n' || each === '\t' ? each : spelled(each)));
}

/** JSON of a value in which no such character stands as itself; it means the same. */
export function visibleJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, null, indent) ?? 'null';
  return text.replace(STEERING, (character) =>
    character === '\n' ? character : spelled(character),
  );
}

/** For a column of text separated by tabs. */
export function tabbed(text: string): string {
  return visible(text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n'));
}

/** A cell of CSV: spreadsheets take what begins with one of these for a formula. */
export function csvCell(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = printable(cellText(value));
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A value as the text of one cell; empty: there is none. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object'))
    return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function spelled(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * The members of a JSON object as they stand in its text: each name with its value's text, not a
 * byte changed. A name that comes twice keeps its last value, as `JSON.parse` has it.
 * @param text a valid JSON object
 */
export function membersOf(text: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  let at = text.indexOf('{') + 1;
  for (;;) {
    at = skipSpace(text, at);
    if (text[at] === ',') at = skipSpace(text, at + 1);
    if (text[at] !== '"') return members;
    const nameEnd = endOfString(text, at);
    const name = JSON.parse(text.slice(at, nameEnd)) as string;
    const valueStart = skipSpace(text, text.indexOf(':', nameEnd) + 1);
    at = endOfValue(text, valueStart);
    members.set(name, text.slice(valueStart, at).trimEnd());
  }
}

/** The object with these members in place of its own of the same name, or behind them. */
export function withMembers(text: string, changes: ReadonlyMap<string, string>): string {
  const merged = new Map([...membersOf(text), ...changes]);
  const written = [...merged].map(([name, value]) => `${JSON.stringify(name)}:${value}`);
  return `{${written.join(',')}}`;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (/\s/.test(text[at] ?? '')) at++;
  return at;
}

/** Behind the closing quote. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** Where the comma or bracket behind a value is. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const letter = text[at] ?? '';
    if (letter === '"') {
      at = endOfString(text, at);
      continue;
    }
    if (depth === 0 && /[,}\]]/.test(letter)) return at;
    if (/[{[]/.test(letter)) depth++;
    if (/[}\]]/.test(letter)) depth--;
    at++;
  }
  return at;
}

import { JSON_TOKEN } from './json-text.js';

const NUMBER = /^-?\d/;

/**
 * Reads JSON that every reader reads alike, for documents whose signature is checked: what is
 * signed is the value, so a text that another reader takes for another value must not pass.
 * @throws SyntaxError for text that is not JSON or has more after it, for an object that names a
 * member twice or names one `__proto__`, and for a number that is not written as JavaScript writes
 * it (`1.0`, or more digits than a double holds)
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  // From here on the text is known to be JSON: its tokens can be taken as they come.
  const repeated = findRepeatedMember(text);
  if (repeated !== undefined) throw new SyntaxError(`${repeated} is given more than once`);
  let previous = '';
  for (const [token] of text.matchAll(JSON_TOKEN)) {
    if (token === ':' && nameOf(previous) === '__proto__')
      throw new SyntaxError('a member is named __proto__');
    if (NUMBER.test(token) && String(Number(token)) !== token)
      throw new SyntaxError(`the number ${token.slice(0, 40)} is not in its canonical form`);
    previous = token;
  }
  return value;
}

/**
 * The first member that an object names twice, as `account.labels.brand`; `undefined`: none.
 * @param text known to be JSON
 */
export function findRepeatedMember(text: string): string | undefined {
  const open: { readonly names: Set<string> | undefined; at: string | number }[] = [];
  let previous = '';
  for (const [token] of text.matchAll(JSON_TOKEN)) {
    const within = open.at(-1);
    if (token === '{') open.push({ names: new Set(), at: '' });
    else if (token === '[') open.push({ names: undefined, at: 0 });
    else if (token === '}' || token === ']') open.pop();
    else if (token === ',' && typeof within?.at === 'number') within.at += 1;
    else if (token === ':' && within?.names) {
      const name = nameOf(previous);
      within.at = name;
      if (within.names.has(name)) return open.map(({ at }) => at).join('.');
      within.names.add(name);
    }
    previous = token;
  }
  return undefined;
}

/** What a string of JSON says; most have no escape in them. */
function nameOf(token: string): string {
  return token.includes('\\') ? (JSON.parse(token) as string) : token.slice(1, -1);
}

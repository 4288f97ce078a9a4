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
  const open: (Set<string> | undefined)[] = [];
  let previous = '';
  for (const [token] of text.matchAll(JSON_TOKEN)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token === ':') addName(open.at(-1), JSON.parse(previous) as string);
    else if (NUMBER.test(token) && String(Number(token)) !== token)
      throw new SyntaxError(`the number ${token.slice(0, 40)} is not in its canonical form`);
    previous = token;
  }
  return value;
}

function addName(names: Set<string> | undefined, name: string): void {
  if (name === '__proto__') throw new SyntaxError('a member is named __proto__');
  if (names?.has(name))
    throw new SyntaxError(`the member ${JSON.stringify(name)} is given more than once`);
  names?.add(name);
}

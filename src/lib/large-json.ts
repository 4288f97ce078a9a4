import { Tokenizer, TokenParser, TokenType } from '@streamparser/json';
import { parseExactly, readNumber } from './json-text.js';
import { isOthersTurn, takeTurns } from './long-task.js';

/** Longer texts are read in slices; this many take some milliseconds at once. */
const MAX_AT_ONCE = 512 * 1_024;
const SLICE = 64 * 1_024;
/** To list the members of one object takes a turn of the event loop for each hundred thousand or so. */
const MAX_MEMBERS = 100_000;

/** Reads numbers as `parseExactly` does. */
class ExactTokenizer extends Tokenizer {
  // The library types what it hands on as a number; its parser passes on any value.
  override parseNumber(text: string): number {
    return readNumber(text) as number;
  }
}

/**
 * As `parseExactly`, for texts of any length: a long one is read slice by slice, between which the
 * process does what waits. No object in a long text may have more than 100,000 members.
 * @throws SyntaxError
 */
export async function parseLarge(text: string): Promise<unknown> {
  if (text.length <= MAX_AT_ONCE) return parseExactly(text);
  const tokenizer = new ExactTokenizer();
  const parser = new TokenParser({ paths: ['$'], keepStack: false });
  let result: unknown;
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
  };
  const members = new MemberCount();
  tokenizer.onToken = (token) => {
    if (members.add(token.token) > MAX_MEMBERS)
      throw new SyntaxError(`an object with more than ${MAX_MEMBERS} members`);
    parser.write(token);
  };
  tokenizer.onError = fail;
  parser.onError = fail;
  parser.onValue = ({ value }) => {
    result = value;
  };
  const encoder = new TextEncoder();
  for (let start = 0; start < text.length && failure === undefined; ) {
    const end = endOfSlice(text, start);
    tokenizer.write(encoder.encode(text.slice(start, end)));
    start = end;
    if (isOthersTurn()) await takeTurns();
  }
  if (failure !== undefined || !parser.isEnded) throw new SyntaxError('not JSON');
  return result;
}

/** Counts the members of the objects that are open. */
class MemberCount {
  private readonly outer: number[] = [];
  private count = 0;

  /** @returns how many the innermost object has so far */
  add(token: TokenType): number {
    if (token === TokenType.COLON) this.count += 1;
    if (token === TokenType.LEFT_BRACE) {
      this.outer.push(this.count);
      this.count = 0;
    }
    if (token === TokenType.RIGHT_BRACE) this.count = this.outer.pop() ?? 0;
    return this.count;
  }
}

/** No slice ends within a surrogate pair. */
function endOfSlice(text: string, start: number): number {
  const end = Math.min(start + SLICE, text.length);
  const isSplit = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
  return isSplit ? end + 1 : end;
}

import { Tokenizer, TokenParser } from '@streamparser/json';
import { parseExactly, readNumber } from './json-text.js';
import { LongTask } from './long-task.js';

/** Longer texts are read in slices; this many take some milliseconds at once. */
const MAX_AT_ONCE = 512 * 1_024;
const SLICE = 64 * 1_024;

/** Reads numbers as `parseExactly` does. */
class ExactTokenizer extends Tokenizer {
  // The library types what it hands on as a number; its parser passes on any value.
  override parseNumber(text: string): number {
    return readNumber(text) as number;
  }
}

/**
 * As `parseExactly`, for texts of any length: a long one is read slice by slice, between which the
 * process does what waits.
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
  tokenizer.onToken = (token) => parser.write(token);
  tokenizer.onError = fail;
  parser.onError = fail;
  parser.onValue = ({ value }) => {
    result = value;
  };
  const task = new LongTask();
  const encoder = new TextEncoder();
  for (let start = 0; start < text.length && failure === undefined; ) {
    const end = endOfSlice(text, start);
    tokenizer.write(encoder.encode(text.slice(start, end)));
    start = end;
    if (task.isDue) await task.pause();
  }
  if (failure !== undefined || !parser.isEnded) throw new SyntaxError('not JSON');
  return result;
}

/** No slice ends within a surrogate pair. */
function endOfSlice(text: string, start: number): number {
  const end = Math.min(start + SLICE, text.length);
  const isSplit = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
  return isSplit ? end + 1 : end;
}

import { isObject } from '../lib/is-object.js';
import { parseLarge } from '../lib/large-json.js';
import type { ProviderResponse } from './response.js';

/** What the body of an answer is. */
export type AnswerBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown }
  /** Nothing that an API answers; `what` says what it is, without any of it. */
  | { readonly kind: 'foreign'; readonly what: string; readonly isWebPage: boolean };

const JSON_TYPE = /^(application|text)\/([\w.+-]*\+)?json\b/i;
const WEB_PAGE_TYPE = /html|xml/i;

/** Reads a body by its `Content-Type` where there is one, and by what it holds. */
export async function readBody({ headers, body }: ProviderResponse): Promise<AnswerBody> {
  if (body === '') return { kind: 'none' };
  const type = String(headers['content-type'] ?? '').trim();
  if (WEB_PAGE_TYPE.test(type) || body.trimStart().startsWith('<'))
    return { kind: 'foreign', what: 'a web page instead of JSON', isWebPage: true };
  if (type !== '' && !JSON_TYPE.test(type))
    return { kind: 'foreign', what: 'a body that is not declared as JSON', isWebPage: false };
  try {
    return { kind: 'json', value: await parseLarge(body) };
  } catch {
    return { kind: 'foreign', what: 'a body that is not JSON', isWebPage: false };
  }
}

const ERROR_WORDS = /^(error|errors|errored|fail|failed|failure)$/i;
const SUCCESS_WORDS = /^(ok|success|succeeded|none|0)$/i;
const STATUS_MEMBERS = ['status', 'statusCode', 'status_code', 'code'];

/**
 * The member by which a JSON document says that it is an error, whatever its status says:
 * `undefined` when none does. Only the document's own members count: what its items say of
 * themselves is data.
 * @param isAccount whether the document itself is an account, whose `status` is the account's
 */
export function errorMember(document: unknown, isAccount: boolean): string | undefined {
  if (!isObject(document)) return undefined;
  const failed = ['error', 'errors'].find((name) => tellsOfError(document[name]));
  if (failed !== undefined) return failed;
  const denied = ['success', 'ok'].find((name) => /^false$/i.test(String(document[name])));
  if (denied !== undefined) return denied;
  if (isAccount) return undefined;
  if (typeof document.status === 'string' && ERROR_WORDS.test(document.status)) return 'status';
  return STATUS_MEMBERS.find((name) => {
    const status = document[name];
    return typeof status === 'number' && status >= 400 && status < 600;
  });
}

/** Whether a provider's code says that all went well. */
export function isSuccessWord(code: string): boolean {
  return SUCCESS_WORDS.test(code);
}

/** Gaps, empty lists and a code of success are how a document says that there was no error. */
function tellsOfError(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(tellsOfError);
  if (!isObject(value)) return Boolean(value);
  if (isSuccessWord(String(value.code))) return false;
  return Object.values(value).some(tellsOfError);
}

const MORE_FLAGS = ['has_more', 'hasMore', 'has_next', 'hasNext', 'has_next_page', 'hasNextPage'];
const PART_FLAGS = ['partial', 'incomplete', 'incomplete_results', 'truncated', 'is_truncated'];
const NEXT_MEMBERS = [
  'next',
  'next_cursor',
  'nextCursor',
  'next_page',
  'nextPage',
  'next_page_token',
  'nextPageToken',
];

/**
 * Whether a list says itself that it is not the whole of it: a flag, a cursor or a link to the next
 * page. A flag that says no outweighs a cursor that was left over.
 */
export function saysThereIsMore(document: unknown, headers: ProviderResponse['headers']): boolean {
  if (/;\s*rel="?next\b/i.test(String(headers.link ?? ''))) return true;
  if (!isObject(document)) return false;
  const parts = [document, document.pagination, document.paging, document.meta].filter(isObject);
  const has = (names: readonly string[], says: (value: unknown) => boolean) =>
    parts.some((part) => names.some((name) => says(part[name])));
  if (has([...MORE_FLAGS, ...PART_FLAGS], (flag) => flag === true)) return true;
  if (has(MORE_FLAGS, (flag) => flag === false)) return false;
  return has(
    NEXT_MEMBERS,
    (next) => typeof next === 'number' || (typeof next === 'string' && next !== ''),
  );
}

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

/** Members whose value is an error, by every name that APIs give them: see `plainName`. */
const ERROR_MEMBERS =
  /^(is|has)?(error|err|exception|fault|failure|failed)s?$|^error(code|message|msg|description|details?|type|text|reason|id)$/;
/** Of an account, which may say other things of itself under the other names. */
const ERROR_MEMBERS_OF_ACCOUNT = /^errors?$/;
const SUCCESS_MEMBERS = /^(is)?(success|successful|succeeded|ok)$/;
const SUCCESS_MEMBERS_OF_ACCOUNT = /^(success|ok)$/;
const STATUS_MEMBERS = /^(http)?(status|statuscode|code)$/;
const RESULT_MEMBERS = /^(status|state|result|outcome)$/;
const ERROR_WORDS = /^(error|errors|errored|fail|failed|failure)$/i;
const SUCCESS_WORDS = /^(ok|success|succeeded|none|no|false|null|0)$/i;
/** Members that speak of the document as a whole. */
const ABOUT = ['meta', '_meta', 'metadata'];

/**
 * The member by which a JSON document says that it is an error, whatever its status says:
 * `undefined` when none does. Only what the document says of itself counts: what its items say of
 * themselves is data.
 * @param isAccount whether the document itself is an account, whose `status` is the account's
 */
export function errorMember(document: unknown, isAccount: boolean): string | undefined {
  if (!isObject(document)) return undefined;
  const members = [document, ...(isAccount ? [] : ABOUT.map((name) => document[name]))]
    .filter(isObject)
    .flatMap((part) => Object.entries(part));
  const found = (names: RegExp, tells: (value: unknown) => boolean) =>
    members.find(([name, value]) => names.test(plainName(name)) && tells(value))?.[0];
  const failed =
    found(isAccount ? ERROR_MEMBERS_OF_ACCOUNT : ERROR_MEMBERS, tellsOfError) ??
    found(isAccount ? SUCCESS_MEMBERS_OF_ACCOUNT : SUCCESS_MEMBERS, (value) =>
      /^(false|0)$/i.test(String(value)),
    );
  if (failed !== undefined || isAccount) return failed;
  return (
    found(RESULT_MEMBERS, (value) => typeof value === 'string' && ERROR_WORDS.test(value)) ??
    found(STATUS_MEMBERS, (value) => typeof value === 'number' && value >= 400 && value < 600)
  );
}

/** `error_code`, `errorCode` and `Error-Code` are one name. */
function plainName(name: string): string {
  return name.replace(/[_\-\s]/g, '').toLowerCase();
}

/** Whether a provider's code says that all went well. */
export function isSuccessWord(code: string): boolean {
  return SUCCESS_WORDS.test(code);
}

/** Gaps, empty lists and a code of success are how a document says that there was no error. */
function tellsOfError(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(tellsOfError);
  if (!isObject(value)) return Boolean(value) && !isSuccessWord(String(value));
  if (isSuccessWord(String(value.code))) return false;
  return Object.values(value).some(tellsOfError);
}

const MORE_FLAGS = /^(has|is)?(more|next|nextpage|moreitems|moreresults)(available)?$/;
const PART_FLAGS = /^(is)?(partial|incomplete|truncated|timedout)(results?)?$/;
const WHOLE_FLAGS = /^(is)?(complete|last|lastpage)$/;
const NEXT_MEMBERS =
  /^next(cursor|page|pagetoken|token|url|uri|link|offset|pageurl|pagelink|marker)?$/;
const PAGE_NUMBERS = /^(page|currentpage|pagenumber)$/;
const PAGE_COUNTS = /^(pages|totalpages|pagecount|lastpage)$/;
const TOTALS = /^total(count|items|results|records|size|elements)?$/;
const PARTS = ['pagination', 'paging', 'meta', '_meta', 'page_info', 'pageInfo', 'links', '_links'];

/**
 * Whether a list says itself that it is not the whole of it: a flag, a cursor, a page number or a
 * link to the next page. A flag that says no outweighs a cursor that was left over.
 */
export function saysThereIsMore(document: unknown, headers: ProviderResponse['headers']): boolean {
  if (/;\s*rel="?next\b/i.test(String(headers.link ?? ''))) return true;
  const members = membersOfList(document);
  const has = (names: RegExp, says: (value: unknown) => boolean) =>
    members.some(([name, value]) => names.test(name) && says(value));
  const isYes = (value: unknown) => /^true$/i.test(String(value));
  const isNo = (value: unknown) => /^false$/i.test(String(value));
  if (has(MORE_FLAGS, isYes) || has(PART_FLAGS, isYes) || has(WHOLE_FLAGS, isNo)) return true;
  if (isEarlierPage(members)) return true;
  return has(NEXT_MEMBERS, isCursor) && !has(MORE_FLAGS, isNo);
}

/** How many items there are in all, where a page of a list says so; 0 where it does not. */
export function statedTotal(body: string): number {
  if (!/"_?total/i.test(body)) return 0;
  const document: unknown = JSON.parse(body);
  const totals = membersOfList(document).flatMap(([name, value]) =>
    TOTALS.test(name) && typeof value === 'number' ? [value] : [],
  );
  return Math.max(0, ...totals);
}

/** The members, by their plain names, of a list and of what it says of its pages. */
function membersOfList(document: unknown): readonly (readonly [name: string, value: unknown])[] {
  if (!isObject(document)) return [];
  return [document, ...PARTS.map((name) => document[name])]
    .filter(isObject)
    .flatMap((part) => Object.entries(part).map(([name, value]) => [plainName(name), value]));
}

function isCursor(next: unknown): boolean {
  if (isObject(next)) return typeof next.href === 'string' && next.href !== '';
  return typeof next === 'number' || (typeof next === 'string' && next !== '');
}

function isEarlierPage(members: readonly (readonly [name: string, value: unknown])[]): boolean {
  const numberOf = (names: RegExp) =>
    members.find(([name, value]) => names.test(name) && typeof value === 'number')?.[1];
  const [page, pages] = [numberOf(PAGE_NUMBERS), numberOf(PAGE_COUNTS)];
  if (typeof page !== 'number' || typeof pages !== 'number') return false;
  // Some count from 0.
  return page === 0 ? pages > 1 : page < pages;
}

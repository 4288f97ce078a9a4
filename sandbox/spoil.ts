import { type Answer, type Fields, isObject, type Question } from './message.js';

/** The cursor that `repeat_cursor` hands out, time and again. */
const REPEATED_CURSOR = 'cur_the-same-again';

/** A proxy's error page, where the provider's JSON should be. */
export function htmlPage(status: number): Answer {
  const title = status < 400 ? 'Checking your browser' : `${status} Bad Gateway`;
  const body = `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body };
}

/** Valid JSON in which nothing is where it was documented. */
export function ofWrongShape(answer: Answer): Answer {
  return {
    ...answer,
    status: answer.status === 204 ? 200 : answer.status,
    body: { result: [{ value: 42 }] },
  };
}

/** The list with the types of its first item broken: all but its ids', or its ids' too. */
export function withBadItem(answer: Answer, breaksIds: boolean): Answer {
  const spoiled = (value: unknown) => {
    const [first, ...rest]: unknown[] = Array.isArray(value) ? value : [];
    return isObject(first) ? [brokenItem(first, breaksIds), ...rest] : value;
  };
  if (!isObject(answer.body)) return { ...answer, body: spoiled(answer.body) };
  const entries = Object.entries(answer.body).map(([name, value]) => [name, spoiled(value)]);
  return { ...answer, body: Object.fromEntries(entries) };
}

function brokenItem(item: Fields, breaksIds: boolean): Fields {
  const isId = (name: string) => ['id', '_id', 'accountId'].includes(name);
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      typeof value === 'string' && (breaksIds || !isId(name)) ? { unexpected: value } : value,
    ]),
  );
}

/** The question with the repeated cursor taken out, so that it gets the first page again. */
export function withoutRepeatedCursor(question: Question): Question {
  if (question.query.get('cursor') !== REPEATED_CURSOR) return question;
  const query = new URLSearchParams(question.query);
  query.delete('cursor');
  return { ...question, query };
}

/**
 * The page with a next cursor that is always the same. Answers that have no paging stay as they
 * are.
 */
export function withRepeatedCursor(answer: Answer): Answer {
  const { body } = answer;
  if (!isObject(body)) return answer;
  if ('has_more' in body)
    return { ...answer, body: { ...body, has_more: true, next_cursor: REPEATED_CURSOR } };
  if (!isObject(body.pagination)) return answer;
  return {
    ...answer,
    body: {
      ...body,
      pagination: { ...body.pagination, has_next: true, next_cursor: REPEATED_CURSOR },
    },
  };
}

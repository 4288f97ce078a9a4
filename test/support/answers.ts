import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ApiDocument } from '../../src/api/openapi/document.js';
import { PROBLEMS, type ProblemCode } from '../../src/http/problem.js';
import type { Reply } from './client.js';
import { describedOperations } from './described.js';

const problemSchema = z.strictObject({
  type: z.string().regex(/^urn:rollcall:error:[a-z-]+$/),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  instance: z.string().startsWith('/'),
  request_id: z.string().min(1),
  errors: z
    .array(z.strictObject({ field: z.string(), message: z.string().min(1) }))
    .max(20)
    .optional(),
  errors_omitted: z.int().min(1).optional(),
  provider: z
    .strictObject({
      id: z.string(),
      status: z.int().nullable(),
      code: z.string().nullable(),
      message: z.string().nullable(),
    })
    .optional(),
  fault: z.enum(['account', 'connection', 'provider']).optional(),
  retry_after: z.int().min(1).optional(),
  account_id: z.string().optional(),
  profile_id: z.string().optional(),
  refs: z.array(z.string()).optional(),
  connect: z
    .strictObject({
      flow: z.enum(['oauth', 'link', 'dashboard']),
      instructions: z.string(),
      url: z.url(),
    })
    .optional(),
});

/**
 * @throws Error when an answer is not one that the OpenAPI document describes, or is a problem that
 * contradicts itself
 */
export function checkAnswer(
  document: ApiDocument,
  method: string,
  path: string,
  reply: Reply,
): void {
  const place = `${method} ${path} → ${reply.status}`;
  if (!reply.headers.get('x-request-id')) throw new Error(`${place}: has no X-Request-ID`);
  const operation = describedOperations(document).find(method === 'HEAD' ? 'GET' : method, path);
  const isWithoutBody = method === 'HEAD' || reply.status === 304;
  if (isWithoutBody && reply.text !== '') throw new Error(`${place}: has a body`);
  if (!operation && reply.status < 400) throw new Error(`${place}: is not described`);
  operation?.check(place, reply, !isWithoutBody);
  if (reply.headers.get('content-type')?.startsWith('application/problem+json') && !isWithoutBody)
    checkProblem(place, reply);
  else if (!operation) throw new Error(`${place}: is no problem answer`);
}

function checkProblem(place: string, { status, headers, body, text }: Reply): void {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success)
    throw new Error(
      `${place}: is no problem answer\n${z.prettifyError(parsed.error)}\n${text.slice(0, 500)}`,
    );
  const problem = parsed.data;
  const [standardStatus, title] = PROBLEMS[problem.code];
  const expected = {
    status: standardStatus,
    title,
    type: `urn:rollcall:error:${problem.code.replaceAll('_', '-')}`,
  };
  const { type } = problem;
  if (
    !isDeepStrictEqual({ status: problem.status, title: problem.title, type }, expected) ||
    status !== problem.status
  )
    throw new Error(`${place}: contradicts itself: ${text}`);
  if (headers.get('content-type') !== 'application/problem+json; charset=utf-8')
    throw new Error(`${place}: has the wrong content type`);
  // A replay is the first answer byte for byte.
  const isReplayed = headers.get('idempotency-replayed') === 'true';
  if (!isReplayed && headers.get('x-request-id') !== problem.request_id)
    throw new Error(`${place}: names another request`);
  if (
    problem.retry_after !== undefined &&
    headers.get('retry-after') !== String(problem.retry_after)
  )
    throw new Error(`${place}: its Retry-After is not its retry_after`);
}

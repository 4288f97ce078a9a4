import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from '../../src/http/problem.js';
import type { Route } from '../../src/http/route.js';
import type { Reply } from './client.js';

const problemSchema = z.strictObject({
  type: z.string().regex(/^urn:rollcall:error:[a-z-]+$/),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
  instance: z.string().startsWith('/'),
  request_id: z.string().min(1),
  errors: z.array(z.strictObject({ field: z.string(), message: z.string().min(1) })).optional(),
  provider: z
    .strictObject({ id: z.string(), status: z.int().nullable(), code: z.string().nullable(), message: z.string().nullable() })
    .optional(),
  fault: z.enum(['account', 'connection', 'provider']).optional(),
  retry_after: z.int().min(1).optional(),
  account_id: z.string().optional(),
  refs: z.array(z.string()).optional(),
  connect: z.strictObject({ flow: z.enum(['oauth', 'dashboard']), instructions: z.string(), url: z.url() }).optional(),
});

/** @throws Error when an answer is not one that its endpoint declares, or not the problem answer that it should be */
export function checkAnswer(routes: readonly Route[], method: string, path: string, reply: Reply): void {
  const place = `${method} ${path} → ${reply.status}`;
  if (!reply.headers.get('x-request-id')) throw new Error(`${place}: has no X-Request-ID`);
  const isWithoutBody = method === 'HEAD' || reply.status === 304;
  if (isWithoutBody) {
    if (reply.text !== '') throw new Error(`${place}: has a body`);
    return;
  }
  if (reply.status >= 400 && !isDeclared(routes, method, path, reply.status)) checkProblem(place, reply);
  else checkSuccess(place, findRoute(routes, method, path), reply);
}

/** The route of a request; the first that fits, as in the gateway. */
export function findRoute(routes: readonly Route[], method: string, path: string): Route | undefined {
  const [pathname = ''] = path.split('?');
  return routes.find((route) => route.method === method && new RegExp(`^${route.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname));
}

function isDeclared(routes: readonly Route[], method: string, path: string, status: number): boolean {
  return findRoute(routes, method, path)?.endpoint.answers[status] !== undefined;
}

function checkSuccess(place: string, route: Route | undefined, reply: Reply): void {
  const schema = route?.endpoint.answers[reply.status];
  if (schema === undefined) throw new Error(`${place}: is no declared answer`);
  if (schema === null) {
    if (reply.text !== '') throw new Error(`${place}: has a body`);
    return;
  }
  const body = reply.body ?? reply.text;
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw new Error(`${place}: is not as declared\n${z.prettifyError(parsed.error)}`);
  // A schema drops fields that it does not declare.
  if (!isDeepStrictEqual(parsed.data, body)) throw new Error(`${place}: holds fields that are not declared: ${reply.text.slice(0, 2000)}`);
}

function checkProblem(place: string, { status, headers, body, text }: Reply): void {
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) throw new Error(`${place}: is no problem answer\n${z.prettifyError(parsed.error)}\n${text.slice(0, 500)}`);
  const problem = parsed.data;
  const [standardStatus, title] = PROBLEMS[problem.code];
  const expected = { status: standardStatus, title, type: `urn:rollcall:error:${problem.code.replaceAll('_', '-')}` };
  const { type } = problem;
  if (!isDeepStrictEqual({ status: problem.status, title: problem.title, type }, expected) || status !== problem.status)
    throw new Error(`${place}: contradicts itself: ${text}`);
  if (headers.get('content-type') !== 'application/problem+json; charset=utf-8') throw new Error(`${place}: has the wrong content type`);
  if (headers.get('x-request-id') !== problem.request_id) throw new Error(`${place}: names another request`);
  if (problem.retry_after !== undefined && headers.get('retry-after') !== String(problem.retry_after))
    throw new Error(`${place}: its Retry-After is not its retry_after`);
}

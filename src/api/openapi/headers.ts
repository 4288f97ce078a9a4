import { csvColumnsOf } from '../../http/csv.js';
import { type Route, takesIdempotencyKey, takesIfMatch } from '../../http/route.js';
import type { JsonSchema } from './json-schema.js';

interface Header {
  readonly description: string;
  readonly schema: JsonSchema;
  readonly example: unknown;
}

const text = { type: 'string' };

const POSITION_EXAMPLE = 'kq1rXw0f3nq0yJ8Zc0n6mUuQ2v9d8wqv0nVtJmC4eKc';

/** Headers of answers. */
export const RESPONSE_HEADERS = {
  'X-Request-ID': {
    description: 'Id of this request; quote it when you report a problem.',
    schema: text,
    example: 'req_01k9z3m8q4v7x2c5n6b8a1s3d4',
  },
  ETag: {
    description: 'Strong validator of the body. Send it back as If-None-Match.',
    schema: text,
    example: '"Wn4mB0qQ7p1jT3vXc9ZrK2sYdLf"',
  },
  'Cache-Control': {
    description: 'Who may cache the response, and for how long.',
    schema: text,
    example: 'private, no-cache',
  },
  'Content-Disposition': {
    description: 'Of CSV: the name of the file.',
    schema: text,
    example: 'attachment; filename="accounts.csv"',
  },
  Link: {
    description: 'Absolute links to the first and the next page (RFC 8288).',
    schema: text,
    example: '<https://rollcall.example/v1/accounts>; rel="first"',
  },
  'Rollcall-Position': {
    description:
      'Position of this write in the database. Send it back with later reads, so that a read replica shows this write to them.',
    schema: text,
    example: POSITION_EXAMPLE,
  },
  'RateLimit-Policy': {
    description: "The key's request quota and its window in seconds (IETF draft 10).",
    schema: text,
    example: '"default";q=600;w=60',
  },
  RateLimit: {
    description: 'Requests left, and seconds until more are available (IETF draft 10).',
    schema: text,
    example: '"default";r=599;t=60',
  },
  'X-RateLimit-Limit': {
    description: 'Request quota of the window.',
    schema: { type: 'integer', minimum: 1 },
    example: 600,
  },
  'X-RateLimit-Remaining': {
    description: 'Requests left in the window.',
    schema: { type: 'integer', minimum: 0 },
    example: 599,
  },
  'X-RateLimit-Reset': {
    description: 'When more requests are available, as a Unix time in seconds.',
    schema: { type: 'integer' },
    example: 1770637582,
  },
  Location: {
    description: 'URL of the created or pending resource.',
    schema: { type: 'string', format: 'uri-reference' },
    example: '/v1/accounts/acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
  },
  'Idempotency-Replayed': {
    description:
      '`true`: this is the stored response to an earlier request with the same key; nothing was executed again.',
    schema: { const: 'true' },
    example: 'true',
  },
  'Preference-Applied': {
    description: 'The preference that was applied (RFC 7240).',
    schema: text,
    example: 'respond-async',
  },
  'Retry-After': {
    description: 'Seconds to wait before trying again.',
    schema: { type: 'integer', minimum: 1 },
    example: 10,
  },
  'Set-Cookie': {
    description: 'The session that begins or ends, for the pages of this origin alone.',
    schema: text,
    example: '__Host-rollcall=…; Path=/; Secure; HttpOnly; SameSite=Strict',
  },
  'X-Probe-Limit': {
    description: 'Probes that the connection has in a minute, beside the rate limit of the key.',
    schema: { type: 'integer', minimum: 1 },
    example: 50,
  },
  'X-Probe-Remaining': {
    description: 'Probes that the connection has left in this minute.',
    schema: { type: 'integer', minimum: 0 },
    example: 49,
  },
  'X-Probe-Reset': {
    description: 'Seconds until the connection has all of its probes again.',
    schema: { type: 'integer', minimum: 1 },
    example: 42,
  },
  'WWW-Authenticate': {
    description: 'How to authenticate, and the scope that the key needs (RFC 6750).',
    schema: text,
    example: 'Bearer realm="Rollcall", scope="write"',
  },
  Deprecation: {
    description: 'When the operation was deprecated, as `@<Unix seconds>` (RFC 9745).',
    schema: text,
    example: '@1780272000',
  },
  Sunset: {
    description: 'When the operation may be removed (RFC 8594).',
    schema: text,
    example: 'Tue, 01 Jun 2027 00:00:00 GMT',
  },
} as const satisfies Record<string, Header>;
export type ResponseHeader = keyof typeof RESPONSE_HEADERS;

/** Headers of requests, as parameters. */
export const REQUEST_HEADERS = {
  'X-Request-ID': {
    description: 'Your own id for this request; echoed in the response.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' },
    example: 'checkout-42',
  },
  traceparent: {
    description: 'W3C trace context; propagated to providers.',
    schema: text,
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
  'Rollcall-Team': {
    description: 'Team that the root key acts for; the default team when omitted.',
    schema: text,
    example: 'team_01k9z3m8q4v7x2c5n6b8a1s3d4',
  },
  'Rollcall-Agent': {
    description:
      'Name of the assistant that acts with the key, percent-encoded where it is not ASCII: the audit log shows it beside the key.',
    schema: text,
    example: 'helpdesk%20bot%202.1',
  },
  'Idempotency-Key': {
    description:
      'Unique id of this request. A repeat within 24 hours has no further effect and gets the same response.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
    example: '8e03978e-40d5-43e8-bc93-6894a57f9324',
  },
  'Rollcall-Position': {
    description:
      "`Rollcall-Position` of a write's response: this response shows at least that write.",
    schema: text,
    example: POSITION_EXAMPLE,
  },
  'If-None-Match': {
    description: 'ETag of an earlier response: 304 while the resource is unchanged.',
    schema: text,
    example: '"Wn4mB0qQ7p1jT3vXc9ZrK2sYdLf"',
  },
  'Last-Event-ID': {
    description: 'Id of the last event received; the stream resumes after it.',
    schema: text,
    example: 'evt_01k9z3m8q4v7x2c5n6b8a1s3d4',
  },
  'If-Match': {
    description:
      'ETag of the resource, from a GET of the URL up to its id: 412 when the resource has changed since.',
    schema: text,
    example: '"Wn4mB0qQ7p1jT3vXc9ZrK2sYdLf"',
  },
  Prefer: {
    description:
      '`respond-async` to get a response at once, or `wait=N` to wait up to N seconds, at most 30 (RFC 7240).',
    schema: text,
    example: 'wait=5',
  },
} as const satisfies Record<string, Header>;
type RequestHeader = keyof typeof REQUEST_HEADERS;

/** The request headers that mean something on a route. */
export function requestHeaders(route: Route): RequestHeader[] {
  const isPublic = route.scope === 'public';
  return [
    'X-Request-ID',
    ...(isPublic ? [] : (['traceparent', 'Rollcall-Team'] as const)),
    ...(isPublic || route.method === 'GET' ? [] : (['Rollcall-Agent'] as const)),
    ...(takesIdempotencyKey(route) ? (['Idempotency-Key'] as const) : []),
    ...(takesIfMatch(route) ? (['If-Match'] as const) : []),
    ...(isConditional(route) ? (['If-None-Match'] as const) : []),
    ...(isConditional(route) && !isPublic ? (['Rollcall-Position'] as const) : []),
    ...(isStream(route) ? (['Last-Event-ID'] as const) : []),
    ...(mayGoOn(route) ? (['Prefer'] as const) : []),
  ];
}

/** The headers that every answer of a route with this status has, and those it may have. */
export function responseHeaders(
  route: Route,
  status: number,
): { readonly always: ResponseHeader[]; readonly maybe: ResponseHeader[] } {
  const always: ResponseHeader[] = ['X-Request-ID'];
  const maybe: ResponseHeader[] = [];
  if (route.deprecation) always.push('Deprecation', 'Sunset');
  if (route.scope !== 'public') (isAdmitted(status) ? always : maybe).push(...RATE_LIMIT_HEADERS);
  if (status === 200 && csvColumnsOf(route.endpoint)) {
    always.push('Cache-Control');
    // As CSV it has neither ETag nor links.
    maybe.push('ETag', 'Link', 'Content-Disposition');
  } else if (route.method === 'GET' && (status === 200 || status === 304) && !isStream(route))
    always.push('ETag', 'Cache-Control');
  else if (status === 301) always.push('Cache-Control');
  else maybe.push('Cache-Control');
  if (status === 200 && isList(route) && !maybe.includes('Link')) always.push('Link');
  if (status === 304 && isList(route)) maybe.push('Link');
  if (status === 202 || status === 301) always.push('Location');
  if (route.method !== 'GET')
    (isAdmitted(status) && status !== 429 ? always : maybe).push('Rollcall-Position');
  if (status === 201 || (status === 200 && mayGoOn(route))) maybe.push('Location');
  if (status < 300 && mayGoOn(route)) maybe.push('Preference-Applied');
  if (takesIdempotencyKey(route) && status < 500) maybe.push('Idempotency-Replayed');
  if (isAdmitted(status)) maybe.push(...(route.endpoint.headers ?? []));
  if (status === 401) always.push('WWW-Authenticate');
  if (status === 403) maybe.push('WWW-Authenticate');
  if (status === 429) always.push('Retry-After');
  if (status === 409 || status >= 502) maybe.push('Retry-After');
  return { always, maybe };
}

const RATE_LIMIT_HEADERS = [
  'RateLimit-Policy',
  'RateLimit',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
] as const;

/** Whether only a key that counts gets an answer of this status. */
function isAdmitted(status: number): boolean {
  return status < 400 || status === 429;
}

/** Whether an ETag stands for the answer. */
export function isConditional(route: Route): boolean {
  return route.method === 'GET' && !isStream(route);
}

function isStream({ endpoint }: Route): boolean {
  return endpoint.produces === 'text/event-stream';
}

/**
 * Whether the work may outlast the request: answered with 200 when done, with 202 while it goes on.
 */
function mayGoOn({ endpoint }: Route): boolean {
  return 200 in endpoint.answers && 202 in endpoint.answers;
}

function isList({ endpoint }: Route): boolean {
  const answer = endpoint.answers[200] as
    | { shape?: Readonly<Record<string, unknown>> }
    | null
    | undefined;
  return answer?.shape?.pagination !== undefined;
}

import { MIMEType } from 'node:util';
import express, { type Request, type Response } from 'express';
import { z } from 'zod';
import { findRepeatedMember } from '../lib/strict-json.js';
import type { Span } from '../lib/tracing.js';
import { agentNameOf } from './agent-name.js';
import {
  type Authenticator,
  type Caller,
  holdsScope,
  type Identity,
  type KeyWatch,
} from './caller.js';
import { challenge, withScope } from './challenge.js';
import { CSV_TYPE, csvColumnsOf } from './csv.js';
import { invalidField, Problem } from './problem.js';
import type { RateLimiter } from './rate-limit.js';
import type { AnyCall, Route } from './route.js';
import { senderOf } from './same-origin.js';
import { presentedBy } from './session-cookie.js';
import { readQuery, validate } from './validate.js';

const MAX_BODY_BYTES = 256 * 1024;
const NOTHING = z.strictObject({});
const IN_UTF8 = '; charset=utf-8';

/** Who decides about requests. */
interface Guards {
  readonly authenticator: Authenticator;
  readonly rateLimiter: RateLimiter;
  readonly keyWatch: KeyWatch;
}

/** Is told whose request it is, as soon as that is known. @throws Problem 429 */
export type Identified = (identity: Identity) => void;

/** A call but for what it takes to do its effect. */
type ValidatedCall = Omit<AnyCall, 'commit' | 'begunBefore' | 'attemptOf'>;

/** Public endpoints act for no team: no handler of theirs looks at the caller. */
const NOBODY: Caller = {
  teamId: '',
  teamName: '',
  teamVersion: '',
  requestId: '',
  key: {
    id: '',
    name: '',
    scopes: [],
    isRoot: false,
    expiresAt: null,
    providers: [],
    rateLimit: null,
  },
};

/**
 * Lets a request in: who asks, may they, is it JSON, is it valid. The one place where requests are
 * refused.
 * @throws Problem for the first thing that is wrong
 */
export async function authorizeAndValidate(
  route: Route,
  guards: Guards,
  request: Request,
  response: Response,
): Promise<ValidatedCall> {
  const caller = await authorize(route, guards, request, response);
  response.locals.caller = caller;
  const csv = negotiate(route, request, response);
  const body = isRead(request) ? {} : await readBody(request, response);
  const url = addressOf(request);
  const { endpoint } = route;
  const gone = new AbortController();
  if (response.closed) gone.abort();
  else response.once('close', () => gone.abort());
  return {
    caller,
    params: validate(endpoint.params ?? z.object({}), request.params, 'path parameter'),
    query: validate(endpoint.query ?? NOTHING, readQuery(url.searchParams), 'query parameter'),
    body: validate(endpoint.body ?? NOTHING, body, 'body field'),
    requestId: response.locals.requestId as string,
    prefer: request.get('prefer') ?? '',
    traceparent: (response.locals.span as Span).traceparent,
    headers: request.headers,
    lastEventId: request.get('last-event-id') || undefined,
    sender: () => ({
      address: request.ip ?? '',
      userAgent: request.get('user-agent'),
      ...presentedBy(request),
    }),
    url: url.origin + url.pathname,
    search: url.searchParams,
    csv,
    signal: gone.signal,
    keyEnded: () => guards.keyWatch.watch(caller, gone.signal),
  };
}

/**
 * @returns the columns where the caller takes CSV rather than JSON
 * @throws Problem 406 where it takes nothing that there is
 */
function negotiate(
  { scope, endpoint }: Route,
  request: Request,
  response: Response,
): readonly string[] | undefined {
  const { produces = 'application/json' } = endpoint;
  const columns = csvColumnsOf(endpoint);
  const offered = [produces, ...(columns ? [CSV_TYPE] : [])];
  if (columns) response.vary('Accept');
  if (scope === 'public') return undefined;
  // As they are sent: a caller may name the encoding, too.
  const sent = [...offered, 'application/problem+json'].map((type) => `${type}${IN_UTF8}`);
  const taken = request.accepts(sent);
  if (taken === `${CSV_TYPE}${IN_UTF8}`) return columns;
  if (taken !== false) return undefined;
  throw new Problem(
    'not_acceptable',
    `This resource is only available as ${offered.join(' and ')}. Send \`Accept: ${produces}\`.`,
  );
}

/** Whether the method is GET or HEAD. */
export function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD';
}

function addressOf(request: Request): URL {
  try {
    // Both are the proxy's words where it is trusted.
    const scheme = request.protocol === 'https' ? 'https' : 'http';
    return new URL(request.originalUrl, `${scheme}://${request.host ?? 'localhost'}`);
  } catch {
    throw new Problem('bad_request', 'The Host header is malformed.');
  }
}

async function authorize(
  route: Route,
  { authenticator, rateLimiter }: Guards,
  request: Request,
  response: Response,
): Promise<Caller> {
  if (route.scope === 'public') {
    if (!isRead(request) && senderOf(request) === 'foreign') throw fromElsewhere();
    return NOBODY;
  }
  const { scope } = route;
  const identity = await authenticator.authenticate(presentedBy(request)).catch((error) => {
    // The root key holds every scope there is.
    throw withScope(error, scope === 'root' ? 'admin' : scope);
  });
  // Browsers send cookies whoever's page asks them to.
  if (identity.sessionId !== undefined && !isRead(request) && senderOf(request) !== 'own')
    throw fromElsewhere();
  (response.locals.identified as Identified)(identity);
  await rateLimiter.take(
    { keyId: identity.key.id, teamId: identity.teamId, own: identity.key.rateLimit },
    (headers) => response.set(headers),
    // The caller may be gone by now: then there is no end to wait for.
    (free) => (route.endpoint.isStream || response.closed ? free() : response.once('close', free)),
  );
  const agent = agentNameOf(request.get('rollcall-agent'));
  const caller = {
    ...(await authenticator.actingFor(identity, request.get('rollcall-team'))),
    requestId: response.locals.requestId as string,
    ...(agent !== undefined && { agent }),
  };
  requireScope(caller, route);
  return caller;
}

/** @throws Problem 403 for a key that may not ask for the route */
export function requireScope(caller: Caller, { scope }: Route): void {
  if (scope === 'public') return;
  if (scope === 'root') {
    if (!caller.key.isRoot) throw new Problem('forbidden', 'This request needs the root key.');
  } else if (!holdsScope(caller, scope)) {
    throw new Problem(
      'insufficient_scope',
      `The key lacks the scope \`${scope}\`. Use a key that has it.`,
      {},
      challenge('insufficient_scope', scope),
    );
  }
}

function fromElsewhere(): Problem {
  return new Problem(
    'forbidden',
    "The request comes from a page of another origin. The console's session is for its own pages; other programs send a key.",
  );
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const readBytes = express.raw({ limit: MAX_BODY_BYTES, type: () => true });

async function readBody(request: Request, response: Response): Promise<unknown> {
  const length = request.get('content-length');
  if (request.get('transfer-encoding') === undefined && (length === undefined || length === '0'))
    return {};
  if (!request.is('application/json')) {
    throw new Problem(
      'unsupported_media_type',
      'The body must be JSON. Send `Content-Type: application/json`.',
    );
  }
  const { params } = new MIMEType(request.get('content-type') ?? '');
  if (!/^utf-?8$/i.test(params.get('charset') ?? 'utf-8')) throw wrongCoding();
  await new Promise<void>((resolve, reject) => {
    readBytes(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  }).catch((error: { status?: number }) => {
    if (error.status === 413)
      throw new Problem(
        'payload_too_large',
        `The body is larger than ${MAX_BODY_BYTES / 1024} KiB. Split it into smaller requests.`,
      );
    if (error.status === 415) throw wrongCoding();
    throw otherThanTold();
  });
  // Nothing is read where the caller has gone before.
  if (request.body === undefined) throw otherThanTold();
  return parseBody(request.body as Uint8Array);
}

function otherThanTold(): Problem {
  return new Problem(
    'bad_request',
    'The body is not as its Content-Length and Content-Encoding say.',
  );
}

function wrongCoding(): Problem {
  return new Problem(
    'unsupported_media_type',
    'The body must be JSON in UTF-8, uncompressed or with gzip, deflate or br.',
  );
}

/** @throws Problem for what is no JSON, or what two readers could read as two values */
function parseBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return {};
  try {
    const text = UTF8.decode(bytes);
    const body: unknown = JSON.parse(text);
    const repeated = findRepeatedMember(text);
    if (repeated === undefined) return body;
    throw invalidField(repeated, 'is given more than once');
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('bad_request', 'The body is not valid JSON in UTF-8.');
  }
}

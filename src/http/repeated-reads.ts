import type { IncomingMessage, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import { type Database, type RequestUse, requestUse } from '../database/index.js';
import { type Tracing, UNTRACED } from '../lib/tracing.js';
import { renderProblem, renderRaw } from './answer.js';
import { type AnswerCache, CachedAnswer } from './answer-cache.js';
import { requireScope } from './authorize-and-validate.js';
import type { Authenticator, Caller, Presented } from './caller.js';
import { committing } from './commit.js';
import { etagOfVersion, knownAs } from './conditional.js';
import { codingFor, refusesIdentity } from './content-coding.js';
import type { Failures } from './failures.js';
import type { Admission, Load } from './load.js';
import { type PlainRead, PlainReads } from './plain-reads.js';
import type { RateLimiter } from './rate-limit.js';
import { POSITION_HEADER, type Reads } from './reads.js';
import { requestIdOf } from './request-id.js';
import type { LoggedRequest, RequestLog } from './request-log.js';
import type { AnyCall, Route } from './route.js';
import { READ_STATEMENT_MS, type Routed } from './route-handler.js';
import { headersUnchanged } from './send.js';

/** Number of remembered requests, each a few kilobytes at most. */
const MAX_READS = 2_000;
const MAX_ADDRESS = 2_000;

/**
 * Headers that make a request a different one, and headers that only the Express handlers
 * understand.
 */
const DISTINGUISHING = ['host', 'x-forwarded-host', 'x-forwarded-proto', 'accept'] as const;
const NEEDS_EXPRESS = [
  'cookie',
  'rollcall-team',
  POSITION_HEADER.toLowerCase(),
  'content-length',
  'transfer-encoding',
  'expect',
] as const;

/** A read with the version that it had last, as computing it takes a hash. */
type RepeatedRead = PlainRead & { last?: LastVersion };

interface LastVersion {
  readonly teamId: string;
  readonly teamVersion: string;
  readonly release: string;
  readonly version: string;
}

interface RepeatedReadsParts {
  readonly database: Database;
  readonly authenticator: Authenticator;
  readonly rateLimiter: RateLimiter;
  readonly load: Load;
  readonly reads: Reads;
  readonly tracing: Tracing;
  readonly failures: Failures;
  readonly log: RequestLog;
  readonly answers: AnswerCache;
  /** Of every response. */
  readonly headers: Readonly<Record<string, string>>;
  readonly release: () => string;
}

/** Stands in for signals that a kept read needs none of. */
const { signal: NEVER } = new AbortController();

/**
 * Answers lists and repeated requests without Express, as clients that poll send the same request
 * again and again. All access checks are the same as for any other request: the key, its limits,
 * the load, the version of its team. Everything else is left to the Express handlers. A polled page
 * takes a sixth of the processor time this way
 * (docs/decisions/0043-polled-reads-have-a-way-of-their-own.md).
 */
export class RepeatedReads {
  private readonly known = new LRUCache<string, RepeatedRead>({ max: MAX_READS });
  private readonly plain: PlainReads;
  private readonly headers: readonly string[];

  constructor(
    routes: readonly Route[],
    private readonly parts: RepeatedReadsParts,
  ) {
    this.plain = new PlainReads(routes);
    this.headers = Object.entries(parts.headers).flat();
  }

  /** Remembers a request that was answered with a kept page, but nothing of its caller. */
  remember({ route, request, response }: Routed, call: AnyCall): void {
    const address = this.mayServe() && !route.deprecation ? addressOf(request) : undefined;
    if (address === undefined) return;
    const vary = String(response.vary('Accept-Encoding').get('Vary'));
    const { caller: _caller, signal: _signal, keyEnded: _keyEnded, ...asked } = call;
    this.known.set(address, { route, asked, vary });
  }

  /** With tracing or read replicas every request goes through Express. */
  private mayServe(): boolean {
    return this.parts.tracing === UNTRACED && this.parts.database.replicas.isEmpty;
  }

  /** @returns whether it takes the request */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const started = performance.now();
    const address = addressOf(request);
    if (address === undefined) return false;
    const accepted = request.headers['accept-encoding'] as string | undefined;
    if (codingFor(accepted) === undefined) return false;
    const { authenticator, rateLimiter, load } = this.parts;
    const seen = authenticator.lastSeen(presentedIn(request));
    if (seen === undefined) return false;
    const read =
      this.known.get(address) ?? (this.mayServe() ? this.plain.read(request) : undefined);
    if (read === undefined) return false;
    let admission: Admission;
    try {
      rateLimiter.refuse(seen, () => undefined);
      admission = load.admit(seen.teamId, 'read');
    } catch {
      return false;
    }
    const use: RequestUse = {
      team: seen.teamId,
      key: seen.keyId,
      statementMs: READ_STATEMENT_MS,
      isBegun: false,
      reads: undefined,
      isOver: false,
    };
    const requestId = requestIdOf(request.headers['x-request-id'] as string | undefined);
    const exchange: Exchange = { request, response, address, read, requestId, admission, use };
    response.once('close', () => {
      use.isOver = true;
      admission.leave();
      exchange.free?.();
      if (!response.writableFinished) return;
      if (read.route.endpoint.mayLag) this.parts.reads.count(undefined);
      this.parts.log.report({
        route: read.route,
        method: 'GET',
        requestId,
        status: response.statusCode,
        durationMs: performance.now() - started,
        caller: exchange.caller,
        failure: exchange.failure,
      });
    });
    void requestUse.run(use, () => this.answer(exchange));
    return true;
  }

  private async answer(exchange: Exchange): Promise<void> {
    const { read, request, requestId } = exchange;
    try {
      const caller = await this.admit(exchange);
      const isRestricted = caller.key.providers.length > 0;
      const version = isRestricted ? '' : this.versionFor(read, caller);
      const ifNoneMatch = request.headers['if-none-match'];
      if (read.route.endpoint.isVersioned && !isRestricted) {
        const known = knownAs(ifNoneMatch, version);
        if (known !== undefined) return this.sendUnchanged(exchange, known);
      }
      const kept = this.parts.answers.known(version);
      // Of those who never ask the same twice there would be nothing but memory to collect.
      if (kept && !this.known.has(exchange.address)) this.known.set(exchange.address, read);
      const page = kept ?? (await this.make(read, caller, version));
      const known = knownAs(ifNoneMatch, page.etag);
      if (known !== undefined) return this.sendUnchanged(exchange, known, page);
      const accepted = request.headers['accept-encoding'] as string | undefined;
      const coding = page.codingOf(codingFor(accepted) ?? 'identity', refusesIdentity(accepted));
      const packed = page.in(coding);
      const body = packed instanceof Promise ? await packed : packed;
      this.send(exchange, page.status, page.headersIn(coding, body), body);
    } catch (error) {
      const problem = this.parts.failures.toProblem(error, exchange);
      const path = request.url?.split('?', 1)[0] ?? '/';
      const { status, headers, text = '' } = renderProblem(problem, path, requestId);
      const body = Buffer.from(text);
      this.send(exchange, status, { ...headers, 'Content-Length': body.length }, body);
    }
  }

  private async admit(exchange: Exchange): Promise<Caller> {
    const { authenticator, rateLimiter } = this.parts;
    const { request, use, admission, requestId, read } = exchange;
    const identity = await authenticator.authenticate(presentedIn(request));
    const { key, teamId } = identity;
    use.team = teamId;
    use.key = key.id;
    admission.settle(teamId);
    const caller = { ...identity, requestId };
    exchange.caller = caller;
    await rateLimiter.take(
      { keyId: key.id, teamId, own: key.rateLimit },
      (headers) => {
        exchange.limits = headers;
      },
      (free) => {
        if (use.isOver) free();
        else exchange.free = free;
      },
    );
    requireScope(caller, read.route);
    return caller;
  }

  /** Restricted keys get a page of their own, which is not kept. */
  private async make(read: PlainRead, caller: Caller, version: string): Promise<CachedAnswer> {
    const { endpoint } = read.route;
    const { requestId } = caller;
    const commit = committing(this.parts.database);
    const call = { ...read.asked, caller, requestId, commit, signal: NEVER, keyEnded: () => NEVER };
    if (caller.key.providers.length > 0)
      return new CachedAnswer(renderRaw(await endpoint.handle(call)));
    return this.parts.answers.make(endpoint, version, call, () => endpoint.handle(call));
  }

  private sendUnchanged(exchange: Exchange, etag: string, page?: CachedAnswer): void {
    this.send(exchange, 304, headersUnchanged(etag, page?.headers));
  }

  private send(
    { read, response, requestId, limits = {} }: Exchange,
    status: number,
    headers: Headers,
    body?: string | Buffer,
  ): void {
    const list: (string | number)[] = [
      ...this.headers,
      'X-Request-ID',
      requestId,
      'Vary',
      read.vary,
    ];
    for (const some of [limits, headers])
      for (const name in some) list.push(name, some[name] as string | number);
    response.writeHead(status, list as unknown as string[]);
    response.end(body);
  }

  /**
   * The version that was computed before, as long as neither the team's rows nor the gateway
   * change.
   */
  private versionFor(read: RepeatedRead, caller: Caller): string {
    const release = this.parts.release();
    const { last } = read;
    const { teamId, teamVersion } = caller;
    if (last?.teamId === teamId && last.teamVersion === teamVersion && last.release === release)
      return last.version;
    const { url, search } = read.asked;
    const version = etagOfVersion({ caller, url, search }, release);
    read.last = { teamId, teamVersion, release, version };
    return version;
  }
}

type Headers = Readonly<Record<string, string | number>>;

interface Exchange extends LoggedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly address: string;
  readonly read: RepeatedRead;
  readonly admission: Admission;
  readonly use: RequestUse;
  caller?: Caller;
  /** Headers that show the key's limit. */
  limits?: Headers;
  /** Ends the key's count of a request in progress. */
  free?: () => void;
}

/** What equal requests have in common; `undefined`: the Express handlers take this one. */
function addressOf({ method, url = '', headers }: IncomingMessage): string | undefined {
  // Whether a request without a host is answered depends on its version of HTTP.
  if (method !== 'GET' || url.length > MAX_ADDRESS || headers.host === undefined) return undefined;
  for (const name of NEEDS_EXPRESS) if (headers[name] !== undefined) return undefined;
  let address = url;
  for (const name of DISTINGUISHING) address += `\n${String(headers[name] ?? '')}`;
  return address;
}

/** Sessions of the console, which come as cookies, go through Express. */
function presentedIn({ headers: { authorization } }: IncomingMessage): Presented {
  return { authorization, sessionToken: undefined };
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import { type RequestUse, requestUse } from '../database/index.js';
import type { LogFields } from '../lib/logger.js';
import { renderProblem } from './answer.js';
import { requireScope } from './authorize-and-validate.js';
import type { Authenticator, Caller, Presented } from './caller.js';
import { knownAs } from './conditional.js';
import { codingFor, refusesIdentity } from './content-coding.js';
import type { Admission, Load } from './load.js';
import type { Page } from './pages.js';
import type { Problem } from './problem.js';
import type { RateLimiter } from './rate-limit.js';
import { POSITION_HEADER } from './reads.js';
import type { Route } from './route.js';
import { headersUnchanged } from './send.js';

/** Number of remembered requests, each a few kilobytes at most. */
const MAX_QUESTIONS = 2_000;
const MAX_ADDRESS = 2_000;

/**
 * Headers that make a request a different one, and headers that only the Express handlers
 * understand.
 */
const OF_QUESTION = ['host', 'x-forwarded-host', 'x-forwarded-proto', 'accept'] as const;
const NOT_HERE = [
  'cookie',
  'rollcall-team',
  POSITION_HEADER.toLowerCase(),
  'content-length',
  'transfer-encoding',
  'expect',
] as const;

/**
 * What a request asks for, as the Express handlers found out: valid, and acceptable as it is
 * answered.
 */
export interface Question {
  readonly route: Route;
  /** The `Vary` of its answers. */
  readonly vary: string;
  /** The key of the page that shows a version of the caller's team. */
  readonly versionOf: (caller: Caller) => string;
  /** Makes the page if it is not kept; called within the request that needs it. */
  readonly make: (caller: Caller, version: string) => Promise<Page>;
}

/** The version that a request had last, as computing it takes a hash. */
interface LastVersion {
  readonly teamId: string;
  readonly teamVersion: string;
  readonly release: string;
  readonly version: string;
}

interface RepeatedReadsParts {
  readonly authenticator: Authenticator;
  readonly rateLimiter: RateLimiter;
  readonly load: Load;
  /** Of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  readonly statementMs: number;
  readonly release: () => string;
  readonly known: (version: string) => Page | undefined;
  /** Reads what a request asks for; `undefined`: the Express handlers take it. */
  readonly read: (request: IncomingMessage) => Question | undefined;
  readonly requestIdOf: (given: string | undefined) => string;
  readonly toProblem: (error: unknown, told: Told) => Problem;
  readonly report: (done: Done) => void;
}

/** An answered request, for metrics and the log. */
export interface Done {
  readonly route: Route;
  readonly requestId: string;
  readonly status: number;
  readonly durationMs: number;
  readonly caller: Caller | undefined;
  readonly failure: LogFields | undefined;
}

/** A request whose failure is logged. */
export interface Told {
  readonly requestId: string;
  failure?: LogFields | undefined;
}

/**
 * Answers lists and repeated requests without Express, as clients that poll send the same request
 * again and again. All access checks are the same as for any other request: the key, its limits,
 * the load, the version of its team. Everything else is left to the Express handlers. A polled page
 * takes a sixth of the processor time this way
 * (docs/decisions/0043-polled-reads-have-a-way-of-their-own.md).
 */
export class RepeatedReads {
  private readonly questions = new LRUCache<string, Question & { last?: LastVersion }>({
    max: MAX_QUESTIONS,
  });
  private readonly headers: readonly string[];

  constructor(private readonly parts: RepeatedReadsParts) {
    this.headers = Object.entries(parts.headers).flat();
  }

  /** Remembers a request that was answered with a kept page. */
  remember(request: IncomingMessage, question: Question): void {
    const address = addressOf(request);
    if (address !== undefined) this.questions.set(address, { ...question });
  }

  /** @returns whether it takes the request */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const started = performance.now();
    const address = addressOf(request);
    if (address === undefined) return false;
    const accepted = request.headers['accept-encoding'] as string | undefined;
    if (codingFor(accepted) === undefined) return false;
    const { authenticator, rateLimiter, load, statementMs } = this.parts;
    const seen = authenticator.lastSeen(presentedIn(request));
    if (seen === undefined) return false;
    const asked = this.questions.get(address) ?? this.parts.read(request);
    if (asked === undefined) return false;
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
      statementMs,
      isBegun: false,
      reads: undefined,
      isOver: false,
    };
    const requestId = this.parts.requestIdOf(request.headers['x-request-id'] as string | undefined);
    const exchange: Exchange = { request, response, address, asked, requestId, admission, use };
    response.once('close', () => {
      use.isOver = true;
      admission.leave();
      exchange.free?.();
      if (!response.writableFinished) return;
      this.parts.report({
        route: asked.route,
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
    const { asked, request, requestId } = exchange;
    try {
      const caller = await this.admit(exchange);
      const isRestricted = caller.key.providers.length > 0;
      const version = isRestricted ? '' : this.versionFor(asked, caller);
      const ifNoneMatch = request.headers['if-none-match'];
      if (asked.route.endpoint.isVersioned && !isRestricted) {
        const known = knownAs(ifNoneMatch, version);
        if (known !== undefined) return this.sendUnchanged(exchange, known);
      }
      const page = this.parts.known(version) ?? (await asked.make(caller, version));
      if (!this.questions.has(exchange.address)) this.questions.set(exchange.address, asked);
      const known = knownAs(ifNoneMatch, page.etag);
      if (known !== undefined) return this.sendUnchanged(exchange, known, page);
      const accepted = request.headers['accept-encoding'] as string | undefined;
      const coding = page.codingOf(codingFor(accepted) ?? 'identity', refusesIdentity(accepted));
      const packed = page.in(coding);
      const body = packed instanceof Promise ? await packed : packed;
      this.send(exchange, page.status, page.headersIn(coding, body), body);
    } catch (error) {
      const problem = this.parts.toProblem(error, exchange);
      const path = request.url?.split('?', 1)[0] ?? '/';
      const { status, headers, text = '' } = renderProblem(problem, path, requestId);
      const body = Buffer.from(text);
      this.send(exchange, status, { ...headers, 'Content-Length': body.length }, body);
    }
  }

  private async admit(exchange: Exchange): Promise<Caller> {
    const { authenticator, rateLimiter } = this.parts;
    const { request, use, admission, requestId, asked } = exchange;
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
    requireScope(caller, asked.route);
    return caller;
  }

  private sendUnchanged(exchange: Exchange, etag: string, page?: Page): void {
    this.send(exchange, 304, headersUnchanged(etag, page?.headers));
  }

  private send(
    { asked, response, requestId, limits = {} }: Exchange,
    status: number,
    headers: Headers,
    body?: string | Buffer,
  ): void {
    const list: (string | number)[] = [
      ...this.headers,
      'X-Request-ID',
      requestId,
      'Vary',
      asked.vary,
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
  private versionFor(asked: Question & { last?: LastVersion }, caller: Caller): string {
    const release = this.parts.release();
    const { last } = asked;
    const { teamId, teamVersion } = caller;
    if (last?.teamId === teamId && last.teamVersion === teamVersion && last.release === release)
      return last.version;
    const version = asked.versionOf(caller);
    asked.last = { teamId, teamVersion, release, version };
    return version;
  }
}

type Headers = Readonly<Record<string, string | number>>;

interface Exchange extends Told {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly address: string;
  readonly asked: Question & { last?: LastVersion };
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
  if (method !== 'GET' || url.length > MAX_ADDRESS) return undefined;
  for (const name of NOT_HERE) if (headers[name] !== undefined) return undefined;
  let address = url;
  for (const name of OF_QUESTION) address += `\n${String(headers[name] ?? '')}`;
  return address;
}

/** Sessions of the console, which come as cookies, go the usual way. */
function presentedIn({ headers: { authorization } }: IncomingMessage): Presented {
  return { authorization, sessionToken: undefined };
}

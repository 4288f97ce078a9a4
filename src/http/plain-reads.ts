import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { csvColumnsOf } from './csv.js';
import type { AnyCall, Route } from './route.js';
import { readQuery, validate } from './validate.js';

const NOTHING = z.strictObject({});
/** Values of `Accept` that ask for JSON alone. */
const JSON_ACCEPTED: ReadonlySet<string | undefined> = new Set([
  undefined,
  '*/*',
  'application/json',
  'application/json, */*',
]);
/** Headers in which a trusted proxy gives the address. */
const OF_PROXY = ['x-forwarded-host', 'x-forwarded-proto'] as const;

/** What a request asks for, without its caller. */
export interface PlainRead {
  readonly route: Route;
  readonly asked: Omit<AnyCall, 'caller' | 'signal' | 'keyEnded' | 'commit' | 'requestId'>;
  /** The `Vary` of its answers. */
  readonly vary: string;
}

/**
 * Reads requests for versioned lists without Express, for clients that poll with an `updated_since`
 * that differs each time. Requests that need more than this, and invalid ones, are left to the
 * Express handlers.
 */
export class PlainReads {
  private readonly routes: ReadonlyMap<string, Route>;

  constructor(routes: readonly Route[]) {
    const plain = routes.filter(
      ({ method, path, scope, deprecation, endpoint }) =>
        method === 'GET' &&
        scope !== 'public' &&
        deprecation === undefined &&
        endpoint.isVersioned === true &&
        !path.includes('{'),
    );
    this.routes = new Map(plain.map((route) => [route.path, route]));
  }

  /** @returns `undefined`: the Express handlers take it */
  read(request: IncomingMessage): PlainRead | undefined {
    const { url: address = '', headers, socket } = request;
    const [path = ''] = address.split('?', 1);
    const route = this.routes.get(path);
    if (route === undefined || !JSON_ACCEPTED.has(headers.accept)) return undefined;
    if (OF_PROXY.some((name) => headers[name] !== undefined) || 'encrypted' in socket)
      return undefined;
    const { host } = headers;
    if (host === undefined || !/^[\w.-]+(:\d+)?$/.test(host)) return undefined;
    try {
      const { origin, pathname, searchParams } = new URL(address, `http://${host}`);
      const { endpoint } = route;
      return {
        route,
        vary: csvColumnsOf(endpoint) ? 'Accept, Accept-Encoding' : 'Accept-Encoding',
        asked: {
          params: {},
          query: validate(endpoint.query ?? NOTHING, readQuery(searchParams), 'query parameter'),
          body: {},
          prefer: '',
          traceparent: undefined,
          headers: {},
          lastEventId: undefined,
          sender: () => ({
            address: '',
            userAgent: undefined,
            authorization: undefined,
            sessionToken: undefined,
          }),
          url: origin + pathname,
          search: searchParams,
          csv: undefined,
          begunBefore: undefined,
          attemptOf: undefined,
        },
      };
    } catch {
      return undefined;
    }
  }
}

import createOpenApiClient, {
  type Client,
  createQuerySerializer,
  defaultPathSerializer,
} from 'openapi-fetch';
import type { components, paths } from './api.gen.js';
import { type RetrySettings, retrying } from './retry.js';

export type { components, paths };
/** An error as the gateway answers it. */
export type Problem = components['schemas']['Problem'];

/** Thrown for every answer that is a problem; `problem.code` says which. */
export class RollcallError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = 'RollcallError';
  }
}

/** How a client reaches the gateway. */
export interface RollcallSettings extends RetrySettings {
  /** Such as `http://127.0.0.1:3000`. */
  readonly baseUrl: string;
  /** Left out in a browser that is signed in: its cookie stands for the key. */
  readonly key?: string;
  /** The team that the root key acts for. */
  readonly team?: string;
  /** An assistant that acts with the key: the audit log names it. */
  readonly agent?: string;
}

/** What a list's pages hold. */
export type ListOf<Path extends keyof paths> = paths[Path] extends {
  get: {
    responses: {
      200: { content: { 'application/json': { data: (infer Item)[]; pagination: unknown } } };
    };
  };
}
  ? Item
  : never;

/** The addresses that answer with pages. */
export type ListPath = {
  [Path in keyof paths]: ListOf<Path> extends never ? never : Path;
}[keyof paths];

type Asked<Path extends ListPath, Place extends 'path' | 'query'> = paths[Path] extends {
  get: { parameters: infer Parameters };
}
  ? Parameters extends { [key in Place]?: infer Given }
    ? Given
    : never
  : never;

/** The query of a list, of which all pages are read. */
export interface PagesOf<Path extends ListPath> {
  readonly query?: Asked<Path, 'query'>;
  readonly path?: Asked<Path, 'path'>;
}

/** A request to any address, also to one that this release does not know. */
export interface AnyRequest {
  /** In capitals; `GET` when left out. */
  readonly method?: string | undefined;
  readonly query?: Readonly<Record<string, unknown>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** Rollcall, typed: `GET`, `POST` … of openapi-fetch, and lists as one stream of items. */
export interface Rollcall extends Client<paths> {
  /**
   * Asks any address as the typed methods do, with the same headers, retries and errors.
   * @param address a path, with its query or without
   */
  ask(address: string, asked?: AnyRequest): Promise<Response>;
  /** Every item of a list, page after page, asked for as they are read. */
  pages<Path extends ListPath>(
    path: Path,
    asked?: PagesOf<Path>,
  ): AsyncGenerator<ListOf<Path>, void, undefined>;
}

/**
 * A client of a gateway. It authenticates, gives each POST an `Idempotency-Key`, tries again as
 * `Retry-After` says, and throws a `RollcallError` for every problem.
 */
export function createRollcall(settings: RollcallSettings): Rollcall {
  const { baseUrl, key, team, agent, ...retry } = settings;
  const headers = {
    ...(key !== undefined && { Authorization: `Bearer ${key}` }),
    ...(team !== undefined && { 'Rollcall-Team': team }),
    ...(agent !== undefined && { 'Rollcall-Agent': encodeURIComponent(agent.toWellFormed()) }),
  };
  const fetch = retrying(retry);
  /** Of the last write: reads see no less. */
  let position: string | undefined;
  const client = createOpenApiClient<paths>({ baseUrl, headers, fetch, querySerializer: QUERY });
  const prepare = (request: Request) => {
    if (position !== undefined && request.method === 'GET')
      request.headers.set('rollcall-position', position);
    if (request.method === 'POST' && !request.headers.has('idempotency-key'))
      request.headers.set('idempotency-key', crypto.randomUUID());
    return request;
  };
  const accept = async (response: Response) => {
    position = response.headers.get('rollcall-position') ?? position;
    if (response.status >= 400) throw await errorOf(response);
    return response;
  };
  client.use({
    onRequest: ({ request }) => prepare(request),
    onResponse: async ({ response }) => void (await accept(response)),
  });

  const ask = async (address: string, asked: AnyRequest = {}): Promise<Response> => {
    const { method = 'GET', query = {}, body, signal } = asked;
    const { pathname, searchParams } = new URL(address, baseUrl);
    const given = [searchParams.toString(), createQuerySerializer(QUERY)(query)];
    const search = given.filter((text) => text !== '').join('&');
    const request = new Request(`${baseUrl}${pathname}${search && `?${search}`}`, {
      method,
      headers: {
        ...headers,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...asked.headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    return accept(await fetch(prepare(request)));
  };

  async function* pages<Path extends ListPath>(
    path: Path,
    asked: PagesOf<Path> = {},
  ): AsyncGenerator<ListOf<Path>, void, undefined> {
    const query = createQuerySerializer(QUERY)(asked.query ?? {});
    const address = defaultPathSerializer(path, asked.path ?? {});
    let next: string | undefined = `${address}${query && `?${query}`}`;
    while (next !== undefined) {
      const response: Response = await ask(next);
      const { data } = (await response.json()) as { data: ListOf<Path>[] };
      yield* data;
      // The address may be another's behind a proxy: what goes on is the query.
      const linked = /<([^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
      next = linked === undefined ? undefined : `${address}${new URL(linked).search}`;
    }
  }

  return Object.assign(client, { ask, pages });
}

/** `a,b` for several values, as the gateway takes them. */
const QUERY = {
  array: { style: 'form', explode: false },
  object: { style: 'deepObject', explode: true },
} as const;

async function errorOf(response: Response): Promise<Error> {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (!isProblem)
    return new Error(
      `Received status ${response.status} without problem details. Check that the base URL is Rollcall's.`,
    );
  return new RollcallError((await response.json()) as Problem);
}

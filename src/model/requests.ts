import type { SecretRef } from './credentials.js';

/**
 * A path under the adapter's `baseUrl`. Only the `path` tag makes one, so every id in it is
 * percent-encoded.
 */
export type ProviderPath = string & { readonly ProviderPath: unique symbol };

/**
 * Makes a `ProviderPath`: path`/accounts/${id}` encodes `id` as one path segment, dots included.
 */
export function path(literals: TemplateStringsArray, ...ids: string[]): ProviderPath {
  const encode = (id: string) =>
    encodeURIComponent(id).replace(/^\.{1,2}$/, (dots) => '%2E'.repeat(dots.length));
  return String.raw({ raw: literals }, ...ids.map(encode)) as ProviderPath;
}

/**
 * What to send, as data. Base URL, credential, deadline, retries and logging are added by the
 * engine.
 */
export interface ProviderRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: ProviderPath;
  /** In place of path and query, an address that the provider gave: see `follow`. */
  readonly address?: string;
  /** A list is sent as a key for each of its values. */
  readonly query?: Readonly<Record<string, FieldValue>>;
  /** Of this request, over those of the adapter. */
  readonly headers?: Readonly<Record<string, string | SecretRef>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as `application/x-www-form-urlencoded`, in place of `body`. */
  readonly form?: Readonly<Record<string, FieldValue>>;
}

type SingleValue = string | number | SecretRef;
/** Of a query or a form; what is `undefined` is left out. */
export type FieldValue = SingleValue | readonly SingleValue[] | undefined;

/** One of the connection's public parameters by its name; empty where it has none. */
export type ReadParameter = (name: string) => string;

/** A request without a body; `query` is left out where there is none. */
export function get(path: ProviderPath, query?: ProviderRequest['query']): ProviderRequest {
  return { method: 'GET', path, ...(query && { query }) };
}

/** Requests with a body of JSON, or with none. For a form say `form` beside them. */
const withBody =
  (method: ProviderRequest['method']) =>
  (path: ProviderPath, body?: unknown): ProviderRequest => ({
    method,
    path,
    ...(body !== undefined && { body }),
  });
export const post = withBody('POST');
export const put = withBody('PUT');
export const patch = withBody('PATCH');
export const remove = withBody('DELETE');

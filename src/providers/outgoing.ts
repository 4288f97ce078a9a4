import { hmac } from '../lib/hmac.js';
import { stringifyJson } from '../lib/json-text.js';
import {
  type AnyAdapter,
  type AuthPart,
  type Credentials,
  type FieldValue,
  type ProviderRequest,
  SecretRef,
} from '../model/index.js';
import { type Base, basicText } from './connection.js';
import { invalidAnswer } from './translate-error.js';

/** A request as it goes out: path and query under the origin, lower-case headers, and the body. */
export interface Outgoing {
  readonly method: ProviderRequest['method'];
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** What the engine adds to an adapter's request. */
interface Envelope {
  readonly base: Base;
  readonly credentials: Credentials;
  readonly traceparent: string | undefined;
  /** When it is sent. */
  readonly now: Date;
  /** How it proves who asks. */
  readonly auth: readonly AuthPart[];
}

/** Puts a request together: its secrets, body, headers and what proves who asks. */
export function outgoing(
  adapter: AnyAdapter,
  request: ProviderRequest,
  { base, credentials, traceparent, now, auth }: Envelope,
): Outgoing {
  const { path, query } = addressOf(adapter, request, base, credentials);
  const [type, body] = bodyOf(request, credentials);
  const headers: Record<string, string> = {
    accept: 'application/json',
    // Some compress all the same: see `decodeContent`.
    'accept-encoding': 'identity',
    'user-agent': 'rollcall',
    ...(type === null ? {} : { 'content-type': type }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...lowerCaseNames(adapter.headers),
    ...lowerCaseNames(withSecrets(request.headers ?? {}, credentials) as Record<string, string>),
  };
  for (const part of auth) {
    if (part.scheme === 'bearer')
      headers.authorization = `Bearer ${credentials[part.credential ?? 'api_key'] ?? ''}`;
    if (part.scheme === 'header')
      headers[part.header.toLowerCase()] = credentials[part.credential ?? 'api_key'] ?? '';
    if (part.scheme === 'query')
      query.set(part.parameter, credentials[part.credential ?? 'api_key'] ?? '');
    if (part.scheme === 'basic')
      headers.authorization = `Basic ${Buffer.from(basicText(part, credentials)).toString('base64')}`;
    if (part.scheme === 'signed') {
      const sent = { method: request.method, path, query: query.toString(), body: body ?? '' };
      const signature = part.sign(sent, credentials, { now, hmac });
      Object.assign(headers, lowerCaseNames(signature.headers));
      for (const [name, value] of Object.entries(signature.query ?? {})) query.set(name, value);
    }
  }
  return {
    method: request.method,
    path: query.size === 0 ? path : `${path}?${query}`,
    headers,
    body,
  };
}

/**
 * Where a request goes, under the connection's origin.
 * @throws ProviderError when an address that the provider gave leads anywhere else
 */
function addressOf(
  adapter: AnyAdapter,
  { path, query, address }: ProviderRequest,
  { origin, pathPrefix }: Base,
  credentials: Credentials,
): { readonly path: string; readonly query: URLSearchParams } {
  if (address === undefined)
    return { path: `${pathPrefix}${path}`, query: queryOf(query, credentials) };
  const within = `${origin}${pathPrefix}/`;
  const given = URL.canParse(address, within) ? new URL(address, within) : null;
  if (given === null || !`${given.origin}${given.pathname}`.startsWith(within))
    throw invalidAnswer(adapter, 'a link that does not lead to its own API', null);
  return { path: given.pathname, query: given.searchParams };
}

type Fields = Readonly<Record<string, FieldValue>>;

/** Lists are repeated keys; what is `undefined` is left out. */
function queryOf(fields: Fields = {}, credentials: Credentials): URLSearchParams {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(fields))
    for (const single of [value].flat())
      if (single !== undefined) given.append(name, String(withSecrets(single, credentials)));
  return given;
}

function bodyOf(
  { body, form }: ProviderRequest,
  credentials: Credentials,
): readonly [type: string | null, body: string | null] {
  if (form !== undefined)
    return ['application/x-www-form-urlencoded', queryOf(form, credentials).toString()];
  if (body === undefined) return [null, null];
  return ['application/json', stringifyJson(withSecrets(body, credentials))];
}

/** The value with secrets in place of what stands for them; the value itself where there are none. */
function withSecrets(value: unknown, credentials: Credentials): unknown {
  if (value instanceof SecretRef) return credentials[value.name] ?? '';
  if (Array.isArray(value)) {
    const items = value.map((item) => withSecrets(item, credentials));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  const members = Object.entries(value).map(
    ([name, member]) => [name, member, withSecrets(member, credentials)] as const,
  );
  return members.some(([, before, after]) => before !== after)
    ? Object.fromEntries(members.map(([name, , after]) => [name, after]))
    : value;
}

/** One name, one header: `Content-Type` and `content-type` would both be sent. */
function lowerCaseNames(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

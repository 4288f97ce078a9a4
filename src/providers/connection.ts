import { createHash } from 'node:crypto';
import {
  type AnyAdapter,
  API_KEY_CREDENTIALS,
  type AuthPart,
  type Credentials,
  credentialFields,
  type OperationName,
} from '../model/index.js';

/** What the engine must know of a connection to speak for it. */
export interface ProviderConnection {
  readonly id: string;
  /** The adapter's id. */
  readonly provider: string;
  /** Version path included; `null`: the provider's own. */
  readonly baseUrl: string | null;
  /** Secrets and public parameters, by the names of the adapter's schema. */
  readonly credentials: Credentials;
  /** Of credentials that are refreshed: when the access token ends, and from when on it is. */
  readonly tokenExpiresAt?: Date | null;
  readonly tokenRefreshAt?: Date | null;
  /** Key or address were changed and have shown none of the accounts held: absence is no proof. */
  readonly isUnproven?: boolean;
  /** It is being made: its credentials are tried before it is stored. */
  readonly isUnstored?: boolean;
}

/** Where a connection's requests go. */
export interface Base {
  /** `https://host[:port]` */
  readonly origin: string;
  /** The version path, without a slash at its end. */
  readonly pathPrefix: string;
}

/**
 * Where an operation is asked.
 * @throws TypeError when the base URL is invalid
 */
export function baseOf(
  { baseUrl, refreshUrl = baseUrl }: AnyAdapter,
  connection: ProviderConnection,
  operation?: OperationName,
): Base {
  const url = new URL(connection.baseUrl ?? (operation === 'refresh' ? refreshUrl : baseUrl));
  return { origin: url.origin, pathPrefix: url.pathname.replace(/\/+$/, '') };
}

/** The schema of the credentials that an adapter's connections need. */
export function credentialsSchemaOf(adapter: AnyAdapter) {
  return adapter.credentials ?? API_KEY_CREDENTIALS;
}

const secretNames = new WeakMap<AnyAdapter, ReadonlySet<string>>();

/** Which of the credentials are secrets. */
export function secretNamesOf(adapter: AnyAdapter): ReadonlySet<string> {
  const known = secretNames.get(adapter);
  if (known !== undefined) return known;
  const fields = credentialFields(credentialsSchemaOf(adapter));
  const names = new Set(fields.flatMap(({ name, isSecret }) => (isSecret ? [name] : [])));
  secretNames.set(adapter, names);
  return names;
}

/** The parts of an adapter's authentication, or of another in place of it. */
export function authPartsOf({ auth }: Pick<AnyAdapter, 'auth'>): readonly AuthPart[] {
  return 'scheme' in auth ? [auth] : auth;
}

/**
 * What is never shown of a connection: its secrets, and what is made of them for Basic
 * authentication.
 */
export function secretsOf(
  adapter: AnyAdapter,
  { credentials }: Pick<ProviderConnection, 'credentials'>,
): readonly string[] {
  const names = secretNamesOf(adapter);
  // What a former release of the adapter sealed is a secret too.
  const { shape } = credentialsSchemaOf(adapter);
  const own = Object.entries(credentials).flatMap(([name, text]) =>
    names.has(name) || !Object.hasOwn(shape, name) ? [text] : [],
  );
  const basic = authPartsOf(adapter).flatMap((part) =>
    part.scheme === 'basic' ? [basicText(part, credentials)] : [],
  );
  return [...own, ...basic];
}

/** What follows `Basic `, before and after base64. */
export function basicText(
  { user, password }: Extract<AuthPart, { readonly scheme: 'basic' }>,
  credentials: Credentials,
): string {
  const [name, word] = [user, password].map((field) =>
    field === undefined ? '' : (credentials[field] ?? ''),
  );
  return `${name}:${word}`;
}

/** Names a connection as long as its key stays the same: a new key starts with a clean slate. */
export function credentialId(connection: ProviderConnection, base: Base): string {
  const own = Object.entries(connection.credentials).sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  const keyHash = createHash('sha256').update(JSON.stringify(own)).digest('base64url');
  return `${connection.id} ${connection.provider} ${base.origin} ${keyHash}`;
}

import type { z } from 'zod';
import type { Platform } from './account.js';
import type { Credentials } from './credentials.js';
import type { IdScope } from './id-scope.js';
import type { MappedAccount } from './observed-account.js';
import type { Input, OperationName, Output } from './operations.js';
import type { ProviderErrorCode } from './provider-error.js';
import type { ProviderRequest, ReadParameter } from './requests.js';
import type { Role } from './role.js';

/** A request as it is signed: whole, but for what the signature adds. */
export interface SignedRequest {
  readonly method: string;
  /** Under the origin: version path included, without the query. */
  readonly path: string;
  readonly query: string;
  /** Empty where there is none. */
  readonly body: string;
}

/** What a signature is made with, so that the function is pure. */
export interface SigningTools {
  /** When the request is sent. */
  readonly now: Date;
  /** The keyed hash of a text (RFC 2104); in hexadecimal where no encoding is given. */
  readonly hmac: (
    algorithm: 'sha1' | 'sha256' | 'sha512',
    secret: string,
    text: string,
    encoding?: 'hex' | 'base64' | 'base64url',
  ) => string;
}

/**
 * One part of how requests prove who asks. `credential` names one of the connection's; `api_key`
 * when left out. `basic`: the user and the password; left out, it is empty. `signed`: a pure
 * function of the request, the credentials and the time, the only one of an adapter that is given
 * secrets.
 */
export type AuthPart =
  | { readonly scheme: 'bearer'; readonly credential?: string }
  | { readonly scheme: 'header'; readonly header: string; readonly credential?: string }
  | { readonly scheme: 'query'; readonly parameter: string; readonly credential?: string }
  | { readonly scheme: 'basic'; readonly user?: string; readonly password?: string }
  | {
      readonly scheme: 'signed';
      readonly sign: (
        request: SignedRequest,
        credentials: Credentials,
        tools: SigningTools,
      ) => {
        readonly headers?: Readonly<Record<string, string>>;
        readonly query?: Readonly<Record<string, string>>;
      };
    };

/** The headers of an answer, by their lower-case names. */
export type ProviderHeaders = Readonly<Record<string, string | string[] | undefined>>;

type MapAnswer<Name extends OperationName, Wire> = (
  wire: Wire,
  input: Input<Name>,
  headers: ProviderHeaders,
) => Output<Name>;

interface Exchange<Name extends OperationName, Wire> {
  readonly request: (input: Input<Name>, parameter: ReadParameter) => ProviderRequest;
  /** In place of the adapter's; none for `refresh` when left out. */
  readonly auth?: AuthPart | readonly AuthPart[];
  /** The success statuses that the provider documents; 200, 201, 202 and 204 when left out. */
  readonly statuses?: readonly number[];
  readonly response: z.ZodType<Wire>;
  /**
   * The id of the account that the answer names, where it names one: the answer counts only when
   * that is the one that was asked about. Answers that are accounts are compared in any case.
   */
  readonly subject?: (wire: Wire) => string | null | undefined;
}

/**
 * One call: build the request, parse the wire, map it. All three are pure. `headers` are those of
 * the answer, by their lower-case names. A body that is absent (204) is parsed as `null`. `map` may
 * be left out where the answer itself is the output (`get`, `detail`, `create`, `update`), and where
 * there is nothing to say but that it is done.
 */
export type Operation<Name extends OperationName, Wire> = Exchange<Name, Wire> &
  (true extends Output<Name>
    ? { readonly map?: MapAnswer<Name, Wire> }
    : { readonly map: MapAnswer<Name, Wire> });

/** Fields of an account, by their names on the wire, with an excerpt of what they held. */
export type UnreadableFields = ReadonlyMap<string, string>;

/** What a disconnect does at the provider; `null`: the provider does not say. */
export interface DisconnectEffect {
  readonly destroysData: boolean | null;
  readonly revokesToken: boolean | null;
  readonly reversible: boolean | null;
  /**
   * Whose hold ends with it; `account` when left out. `provider_group`: that of every account of
   * the same group at the provider, as where one grant covers several pages; `connection`: that of
   * every account of the connection. Plans name them.
   */
  readonly ends?: 'account' | 'provider_group' | 'connection';
  /** A sentence for the person who wants the account back. */
  readonly howToReconnect: string;
}

/** What the signature of a report is compared with, so that the function is pure. */
export interface VerifyingTools extends SigningTools {
  /** Compares the two in a time that tells nothing of the expected one. */
  readonly isSame: (given: string | string[] | undefined, expected: string) => boolean;
}

/**
 * Reports of a provider to `POST /hooks/{provider}/{connection}`. They are a reason to look soon,
 * and never a verdict. Both functions are pure.
 */
export interface Webhook {
  /** Whether the provider sent it: compares its signature with one over the body. */
  readonly verify: (
    report: { readonly headers: ProviderHeaders; readonly body: string },
    credentials: Credentials,
    tools: VerifyingTools,
  ) => boolean;
  /**
   * The ids of the accounts that may have changed; empty where it names none. `null`: it is about
   * something else, such as posts. `report`: the body as JSON, `undefined` when it is none.
   */
  readonly accountsIn: (report: unknown) => readonly string[] | null;
}

/**
 * Verifies reports whose header is the HMAC (SHA-256, in hexadecimal) of their body.
 * @param header in lower case
 * @param credential names the secret; a connection without it takes no reports
 */
export function signedBody(header: string, credential: string): Webhook['verify'] {
  return ({ headers, body }, { [credential]: secret }, { hmac, isSame }) =>
    secret !== undefined && isSame(headers[header], hmac('sha256', secret, body));
}

/** What one connection may ask. */
export interface Limits {
  /**
   * So many requests in any `perSeconds` seconds (60 for a limit per minute, 3,600 per hour), both
   * whole numbers. Held unless the provider's rate-limit headers say more precisely.
   */
  readonly requests: number;
  readonly perSeconds: number;
  readonly concurrency: number;
  /** Largest page `list` may ask for; left out where the list comes whole, without pages. */
  readonly pageSize?: number;
  /** Largest answer taken, in bytes; when left out 5 MiB, and 64 MiB where the list comes whole. */
  readonly maxAnswerBytes?: number;
}

/** Names of headers, in any case. */
export interface RateLimitHeaders {
  /** Requests in a window. */
  readonly limit?: string;
  /** Requests left in this window. */
  readonly remaining: string;
  /** When the window ends. */
  readonly reset?: string;
}

/**
 * One provider, as data. An operation left out is a capability the provider lacks; there are no
 * stubs. `AccountWire` is one account on the wire, `ErrorWire` an error body, `Wires` the answer of
 * each operation.
 */
export interface Adapter<AccountWire, ErrorWire, Wires extends { list: unknown }> {
  /** Lower case, one word: the folder's name, and the provider's id everywhere. */
  readonly id: string;
  readonly name: string;
  readonly docs: `https://${string}`;
  /**
   * Pages for people, where its documentation has them: on API keys, and on when an account's
   * figures are fresh.
   */
  readonly pages?: {
    readonly keys?: `https://${string}`;
    readonly freshness?: `https://${string}`;
  };
  /**
   * The operations that the OpenAPI document in the folder lacks, where it covers a part of the
   * API: of all others it has the method and the path.
   */
  readonly undocumented?: readonly OperationName[];
  /** Version path included, no slash at the end. */
  readonly baseUrl: `https://${string}`;
  readonly auth: AuthPart | readonly AuthPart[];
  /**
   * What a connection needs: strict, its fields made by `secret` and `parameter`, some of them
   * optional. A field is set by `<PROVIDER>_<FIELD>` in the environment. One `api_key` when left
   * out.
   */
  readonly credentials?: z.ZodObject;
  /**
   * Of `refresh`, where it is asked of another address. A connection with a base URL of its own
   * asks it there.
   */
  readonly refreshUrl?: `https://${string}`;
  /**
   * The provider documents that a refresh token may be used again. Elsewhere it is sent once: when
   * the answer is lost nobody knows whether it is spent, and it takes new credentials.
   */
  readonly refreshTokenLasts?: true;
  /** Sent with every request, GET and DELETE too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The networks the provider documents; accounts of others are accepted all the same. */
  readonly platforms: readonly Platform[];
  /**
   * Where the platform user ids that this provider shows are the same person, by network; `*` for
   * all others. Left out: it shows none, or `unknown`.
   */
  readonly platformUserIds?: Readonly<Record<Platform, IdScope>>;
  /** `DEFAULT_ROLE` when left out. */
  readonly role?: Role;
  readonly limits: Limits;
  /**
   * The headers that announce the rate limit, where they are neither `X-RateLimit-*` nor
   * `RateLimit-*` nor `RateLimit`. A reset is read as seconds left, a Unix time or a date, by its
   * size and form.
   */
  readonly rateLimitHeaders?: RateLimitHeaders;
  readonly disconnectEffect: DisconnectEffect;
  /**
   * How an account is connected where `create` is absent. `oauth`: `connectStart`, then the owner
   * comes back with a code for `connectComplete`. `link`: `connectStart`, and the provider takes the
   * owner back itself; the next sweep lists the account. `dashboard`: not over the API.
   */
  readonly connect?: {
    readonly flow: 'oauth' | 'link' | 'dashboard';
    readonly instructions: string;
    readonly url: `https://${string}`;
  };
  /** The settings a caller may change; strict, all optional. Absent: none. */
  readonly settings?: z.ZodObject;
  /** The settings that `create` takes, where they are fewer than `settings`. */
  readonly createSettings?: z.ZodObject;
  readonly account: {
    /** Its fields are read by the readers of `wire.ts`; only the id's refuses `null`. */
    readonly schema: z.ZodType<AccountWire>;
    /**
     * `observedAt`: when the provider was asked; adapters read no clock. `unreadable`: the fields
     * that are `null` in `wire` as they could not be read, with what they held.
     */
    readonly map: (
      wire: AccountWire,
      observedAt: Date,
      unreadable: UnreadableFields,
    ) => MappedAccount;
    /**
     * The account's id as an item shows it, to name one that cannot be read as a whole: as in
     * `providerAccountId`. A text or a whole number; anything else is no id. Left out: `item.id`.
     */
    readonly id?: (item: Readonly<Record<string, unknown>>) => unknown;
    /**
     * The fields that the verdict rests on: without them it is `UNREADABLE`. None, where the provider
     * tells no health at all: the verdict is `NOT_TOLD` then.
     */
    readonly deciding: readonly string[];
    /** Where the answer of `get` holds the account: its name there; left out: it is the answer. */
    readonly memberOfGet?: string;
    /**
     * With `detail`: whether an item, joined with its health item, leaves open what the detail
     * tells; left out: every one does. While the detail is not there the stored verdict stays, so
     * say no to what the item itself decides.
     */
    readonly needsDetail?: (item: Readonly<Record<string, unknown>>) => boolean;
    /**
     * With `health`: the same string for a list item and its health item, so of one account. Its
     * `id` when left out.
     */
    readonly joinKey?: (item: unknown) => string | undefined;
  };
  readonly errorBody: {
    readonly schema: z.ZodType<ErrorWire>;
    /** `headers`: of the answer, by their lower-case names. */
    readonly read: (
      fault: ErrorWire,
      headers: ProviderHeaders,
    ) => {
      readonly code: string | null;
      readonly message: string | null;
      readonly retryAfterSeconds?: number | null;
    };
    /**
     * The provider's code → ours; anything else falls back on the HTTP status. A code is
     * `not_found` only where the provider documents it for an account that it does not hold: a 404
     * with another code, or with none, needs the whole list beside it. Left out: it has no codes.
     */
    readonly codes?: Readonly<Record<string, ProviderErrorCode>>;
    /**
     * The provider documents that errors come with a success status (GraphQL): their codes then
     * count as under an error status. Elsewhere such an answer proves nothing.
     */
    readonly comesWithSuccess?: true;
  };
  /** How the provider reports changes, where it does; see `Webhook`. */
  readonly webhook?: Webhook;
  readonly operations: {
    readonly [Name in keyof Wires & OperationName]: Operation<Name, Wires[Name]>;
  };
}

type Declared = Adapter<unknown, unknown, { list: unknown }>;
/** An operation as the engine holds it. */
export type WholeOperation<Name extends OperationName> = Exchange<Name, unknown> & {
  readonly map: MapAnswer<Name, unknown>;
};

/** Any adapter, whole and its wire types hidden: what the engine and the registry hold. */
export interface AnyAdapter extends Omit<Declared, 'account' | 'errorBody' | 'operations'> {
  readonly account: Declared['account'] & Required<Pick<Declared['account'], 'id'>>;
  readonly errorBody: Declared['errorBody'] & Required<Pick<Declared['errorBody'], 'codes'>>;
  readonly operations: { readonly [Name in OperationName]?: WholeOperation<Name> } & {
    readonly list: WholeOperation<'list'>;
  };
}

/** The operations that are done when their answer is accepted. */
const AFFIRMED: ReadonlySet<string> = new Set(['verify', 'pause', 'resume', 'disconnect']);

/**
 * Type-checks an adapter: wire types flow from each schema into its `map` with no annotations in
 * the adapter's file. What it may leave out is filled in.
 */
export function defineAdapter<AccountWire, ErrorWire, Wires extends { list: unknown }>(
  adapter: Adapter<AccountWire, ErrorWire, Wires>,
): AnyAdapter {
  const { account, errorBody, operations } = adapter;
  const id = account.id ?? ((item: Readonly<Record<string, unknown>>) => item.id);
  const joinKey = 'health' in operations ? { joinKey: (item: unknown) => idOf(id, item) } : {};
  const whole = Object.entries(operations).map(([name, operation]) => {
    const map = (wire: unknown) => (AFFIRMED.has(name) ? true : wire);
    return [name, { map, ...(operation as object) }];
  });
  // The pairing of schema and map is checked above, per wire type; the engine only ever feeds a map
  // what its own schema let through.
  return {
    ...adapter,
    account: { ...joinKey, ...account, id },
    errorBody: { codes: {}, ...errorBody },
    operations: Object.fromEntries(whole),
  } as unknown as AnyAdapter;
}

function idOf(
  id: (item: Readonly<Record<string, unknown>>) => unknown,
  item: unknown,
): string | undefined {
  const given = id(Object(item));
  return typeof given === 'string' || Number.isSafeInteger(given) ? String(given) : undefined;
}

import { type HealthFault, ProviderError, type ProviderErrorCode } from '../model/index.js';

/** Every error code a caller can meet, with its status and title. */
export const PROBLEMS = {
  bad_request: [400, 'Bad Request'],
  unauthorized: [401, 'Unauthorized'],
  forbidden: [403, 'Forbidden'],
  insufficient_scope: [403, 'Insufficient Scope'],
  not_found: [404, 'Not Found'],
  method_not_allowed: [405, 'Method Not Allowed'],
  not_acceptable: [406, 'Not Acceptable'],
  conflict: [409, 'Conflict'],
  ambiguous_reference: [409, 'Ambiguous Reference'],
  idempotency_in_progress: [409, 'Idempotency In Progress'],
  identity_changed: [409, 'Identity Changed'],
  precondition_failed: [412, 'Precondition Failed'],
  payload_too_large: [413, 'Payload Too Large'],
  unsupported_media_type: [415, 'Unsupported Media Type'],
  validation_error: [422, 'Validation Error'],
  cursor_mismatch: [422, 'Cursor Mismatch'],
  history_rewound: [422, 'History Rewound'],
  idempotency_mismatch: [422, 'Idempotency Mismatch'],
  operation_not_supported: [422, 'Operation Not Supported'],
  plan_mismatch: [422, 'Plan Mismatch'],
  rate_limited: [429, 'Rate Limited'],
  internal_error: [500, 'Internal Error'],
  service_unavailable: [503, 'Service Unavailable'],
  provider_error: [502, 'Provider Error'],
  provider_credential_rejected: [502, 'Provider Credential Rejected'],
  provider_rejected: [502, 'Provider Rejected'],
  provider_unavailable: [503, 'Provider Unavailable'],
  provider_timeout: [504, 'Provider Timeout'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What an endpoint that asks a provider can answer with. */
export const PROVIDER_PROBLEMS = [
  'provider_error',
  'provider_credential_rejected',
  'provider_rejected',
  'provider_unavailable',
  'provider_timeout',
] as const satisfies readonly ProblemCode[];

/** What an endpoint that changes an account at its provider can answer with. */
export const ACTION_PROBLEMS = [
  'conflict',
  'ambiguous_reference',
  'operation_not_supported',
  ...PROVIDER_PROBLEMS,
] as const satisfies readonly ProblemCode[];

/** Like `ACTION_PROBLEMS`, where the account must still be who was meant. */
export const CHANGE_PROBLEMS = [
  ...ACTION_PROBLEMS,
  'identity_changed',
] as const satisfies readonly ProblemCode[];

/** One wrong field of a request. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** Wrong fields that one answer names. */
export const MAX_ERRORS = 20;
/** References that one answer names. */
export const MAX_REFS = 100;
const MAX_FIELD_LENGTH = 200;

/** The first mistakes, and how many more there are: an answer is no larger for many. */
export function firstErrors(
  mistakes: readonly FieldError[],
): Pick<ProblemExtras, 'errors' | 'errors_omitted'> {
  const omitted = mistakes.length - MAX_ERRORS;
  return {
    errors: mistakes.slice(0, MAX_ERRORS),
    ...(omitted > 0 && { errors_omitted: omitted }),
  };
}

/** Members of a problem answer beyond RFC 9457's own. */
export interface ProblemExtras {
  readonly errors?: readonly FieldError[];
  /** How many further fields are wrong. */
  readonly errors_omitted?: number;
  readonly provider?: {
    readonly id: string;
    readonly status: number | null;
    readonly code: string | null;
    readonly message: string | null;
  };
  readonly fault?: HealthFault;
  readonly retry_after?: number;
  /** The account that the request conflicts with. */
  readonly account_id?: string;
  /** The profile that the request conflicts with: the one that has the accounts of a former one. */
  readonly profile_id?: string;
  /** The references an `ambiguous_reference` could mean. */
  readonly refs?: readonly string[];
  /** How to connect an account when the provider's API cannot. */
  readonly connect?: { readonly flow: string; readonly instructions: string; readonly url: string };
}

/**
 * An answer that is an error (RFC 9457). `detail` says what happened and what to do, and is safe
 * to show.
 */
export class Problem extends Error {
  readonly headers: Readonly<Record<string, string>>;

  /** @param headers beside `Retry-After`, which says what `extras.retry_after` does */
  constructor(
    readonly code: ProblemCode,
    readonly detail: string,
    readonly extras: ProblemExtras = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'Problem';
    const { retry_after } = extras;
    this.headers =
      retry_after === undefined ? headers : { 'Retry-After': String(retry_after), ...headers };
  }

  get status(): number {
    return PROBLEMS[this.code][0];
  }

  toJSON(instance: string, requestId: string): Record<string, unknown> {
    const [status, title] = PROBLEMS[this.code];
    const type = `urn:rollcall:error:${this.code.replaceAll('_', '-')}`;
    return {
      type,
      title,
      status,
      detail: this.detail,
      code: this.code,
      instance,
      request_id: requestId,
      ...this.extras,
    };
  }
}

/**
 * Whether a failure leaves open what was done: at a provider that did not answer, or by a commit of
 * which nothing was heard.
 * @param cause what the problem was made of
 */
export function leavesOutcomeOpen({ status }: Problem, cause: unknown): boolean {
  if (cause instanceof ProviderError) return cause.outcomeUnknown;
  return status >= 500 || status === 429;
}

const TRY_AGAIN = 'Try again after the seconds given in Retry-After.';

/**
 * A problem that goes away by itself.
 * @param what happened, as a sentence
 * @param seconds after which the caller is to try again
 */
export function retryLater(
  code: ProblemCode,
  what: string,
  seconds: number,
  headers: Readonly<Record<string, string>> = {},
): Problem {
  return new Problem(code, `${what} ${TRY_AGAIN}`, { retry_after: seconds }, headers);
}

/** A 422 that names one field. */
export function invalidField(field: string, message: string): Problem {
  return invalidFields([{ field, message }]);
}

/**
 * A 422 that names the first mistakes, each once, and counts the others. Names are cut: they may be
 * as long as a body.
 */
export function invalidFields(mistakes: readonly FieldError[]): Problem {
  const { errors = [], ...counted } = firstErrors(distinct(mistakes));
  const told = errors.map((each) => ({ ...each, field: each.field.slice(0, MAX_FIELD_LENGTH) }));
  const parts = told.map(({ field, message }) => (field ? `${field}: ${message}` : message));
  if (counted.errors_omitted) parts.push(`and ${counted.errors_omitted} more`);
  return new Problem('validation_error', parts.join('; '), { errors: told, ...counted });
}

/** By message first: a body of thousands of unknown fields has one message for all. */
function distinct(mistakes: readonly FieldError[]): FieldError[] {
  const fields = new Map<string, Set<string>>();
  return mistakes.filter(({ field, message }) => {
    const known = fields.get(message) ?? new Set();
    if (known.has(field)) return false;
    fields.set(message, known.add(field));
    return true;
  });
}

/**
 * 404.
 * @param what such as `Account acct_…`
 */
export function notFound(what: string): Problem {
  return new Problem(
    'not_found',
    `${what} does not exist, or belongs to another team. Check the id.`,
  );
}

const FROM_PROVIDER: Record<
  ProviderErrorCode,
  {
    readonly code: ProblemCode;
    readonly fault: HealthFault;
    readonly remedy: string;
  }
> = {
  credential_rejected: {
    code: 'provider_credential_rejected',
    fault: 'connection',
    remedy: 'Send a working key; that of a connection is replaced with PATCH /v1/connections/{id}.',
  },
  permission_denied: {
    code: 'provider_credential_rejected',
    fault: 'connection',
    remedy:
      'Grant the key the missing permission at the provider, or send another one; that of a connection is replaced with PATCH /v1/connections/{id}.',
  },
  not_found: {
    code: 'provider_rejected',
    fault: 'account',
    remedy:
      'If it is the account that is gone, the next sweep updates it; what else the request names may be missing, too.',
  },
  already_exists: {
    code: 'conflict',
    fault: 'account',
    remedy: 'Find it with GET /v1/accounts.',
  },
  already_so: {
    code: 'provider_rejected',
    fault: 'account',
    remedy: 'No further action is needed.',
  },
  state_conflict: {
    code: 'provider_rejected',
    fault: 'account',
    remedy: "Wait until the account's state changes, or change it at the provider.",
  },
  quota_exceeded: {
    code: 'provider_rejected',
    fault: 'connection',
    remedy: 'Upgrade the plan at the provider, or disconnect an account first.',
  },
  refused: {
    code: 'provider_rejected',
    fault: 'account',
    remedy: "Fix the request as the provider's message says.",
  },
  rate_limited: {
    code: 'provider_unavailable',
    fault: 'provider',
    remedy: TRY_AGAIN,
  },
  unavailable: {
    code: 'provider_unavailable',
    fault: 'provider',
    remedy: TRY_AGAIN,
  },
  server_error: { code: 'provider_error', fault: 'provider', remedy: 'Try again later.' },
  timeout: {
    code: 'provider_timeout',
    fault: 'provider',
    remedy: 'Probe the account before trying again: the provider may have completed the request.',
  },
  network: { code: 'provider_error', fault: 'provider', remedy: 'Try again later.' },
  invalid_answer: { code: 'provider_error', fault: 'provider', remedy: 'Try again later.' },
  absence_unproven: {
    code: 'conflict',
    fault: 'connection',
    remedy:
      'Sweep the connection, and confirm the sweep if it is held (POST /v1/connections/{id}/sweep).',
  },
  circuit_open: {
    code: 'provider_unavailable',
    fault: 'provider',
    remedy: TRY_AGAIN,
  },
};

/** What a refusal without a message leaves to say. */
const NO_REASON = 'It gave no reason: check the request, and the account at the provider.';

/** Presents a failed provider call as a problem, with what the caller can do about it. */
export function problemOfProvider(error: ProviderError): Problem {
  const { code, fault, remedy } = FROM_PROVIDER[error.code];
  const isSilent = error.code === 'refused' && error.providerMessage === null;
  const waits = code === 'provider_unavailable' || error.retryAfterSeconds !== null;
  const retryAfter = waits ? Math.max(1, Math.ceil(error.retryAfterSeconds ?? 10)) : undefined;
  return new Problem(code, `${error.message} ${isSilent ? NO_REASON : remedy}`, {
    provider: {
      id: error.provider,
      status: error.status,
      code: error.providerCode,
      message: error.providerMessage,
    },
    fault,
    ...(retryAfter !== undefined && { retry_after: retryAfter }),
  });
}

/** How commands end: `docs/cli.md` publishes it. */
export const EXIT = {
  done: 0,
  failed: 1,
  /** Used wrongly, or a person said no. */
  usage: 2,
  /** The key is missing, wrong, over, or may not. */
  key: 4,
  notFound: 5,
  /** Something changed meanwhile, or is in the way. */
  conflict: 6,
  /** The gateway or a provider cannot be asked. */
  unavailable: 7,
  /** Accepted, and not finished. */
  unfinished: 8,
  /** Finished, with failures. */
  partial: 9,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The codes of problems whose status does not tell enough. */
const BY_CODE: Readonly<Record<string, ExitCode>> = {
  plan_mismatch: EXIT.conflict,
  idempotency_mismatch: EXIT.conflict,
  history_rewound: EXIT.conflict,
  operation_not_supported: EXIT.failed,
  provider_rejected: EXIT.failed,
  provider_credential_rejected: EXIT.failed,
};
const BY_STATUS: Readonly<Record<number, ExitCode>> = {
  400: EXIT.usage,
  401: EXIT.key,
  403: EXIT.key,
  404: EXIT.notFound,
  409: EXIT.conflict,
  412: EXIT.conflict,
  422: EXIT.usage,
  429: EXIT.unavailable,
  502: EXIT.unavailable,
  503: EXIT.unavailable,
  504: EXIT.unavailable,
};

/** The exit code for a problem of the gateway's. */
export function exitCodeOf({ code, status }: { code: string; status: number }): ExitCode {
  return BY_CODE[code] ?? BY_STATUS[status] ?? EXIT.failed;
}

/** Why a command ends before it is done, in words for a person. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    readonly exitCode: ExitCode,
    /** For programs, as the codes of problems are. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** An error in how the command was called; it ends with the exit code of usage errors. */
export const usageError = (message: string): CommandError =>
  new CommandError(EXIT.usage, 'usage', message);

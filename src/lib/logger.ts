/**
 * What a log line may hold besides its message. Nothing else is ever written, so no credential or
 * provider answer can slip in.
 */
export interface LogFields {
  readonly request_id?: string;
  readonly method?: string;
  readonly route?: string;
  readonly status?: number;
  readonly duration_ms?: number;
  readonly key_id?: string;
  readonly team_id?: string;
  readonly trace_id?: string;
  readonly provider?: string;
  readonly operation?: string;
  readonly connection_id?: string;
  readonly account_id?: string;
  readonly sweep_id?: string;
  readonly disconnect_id?: string;
  readonly step_id?: string;
  readonly code?: string;
  readonly count?: number;
  /** The class of the error that caused an answer of 500 and above. */
  readonly error_class?: string;
  /** Its code: PostgreSQL's, Node's, or the gateway's for what went wrong at a provider. */
  readonly cause?: string;
  /** The code of what it was itself caused by. */
  readonly inner_code?: string;
  /** HTTP status and code of a provider's answer. */
  readonly provider_status?: number;
  readonly provider_code?: string;
  /** What the gateway tells the caller. */
  readonly reason?: string;
  /** The stack of an unexpected error; its message may name a table or a file, never a value. */
  readonly error?: string;
}

/** Writes lines of JSON, with allowed fields only. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;
type Level = (typeof LEVELS)[number];

/** The longest that a line waits for others, and the most characters that do. */
const GATHER_MS = 100;
const MAX_GATHERED = 64 * 1024;

/**
 * One JSON object a line, on standard error, so that standard output stays for people. Lines of
 * requests are gathered for a moment: a write for each took as long as the answer to a caller that
 * polls. Warnings and errors are written at once, and whatever is left when the process ends.
 */
export function createLogger(level: Level): Logger {
  const least = LEVELS.indexOf(level);
  let gathered = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const lines = gathered;
    gathered = '';
    if (lines !== '') process.stderr.write(lines);
  };
  const log = (at: Level) => (message: string, fields?: LogFields) => {
    if (LEVELS.indexOf(at) > least) return;
    const timestamp = new Date().toISOString();
    gathered += `${JSON.stringify({ level: at, message, ...fields, timestamp })}\n`;
    if (at === 'error' || at === 'warn' || gathered.length > MAX_GATHERED) flush();
    else timer ??= setTimeout(flush, GATHER_MS).unref();
  };
  process.once('exit', flush);
  return { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
}

export const silentLogger: Logger = { error() {}, warn() {}, info() {}, debug() {} };

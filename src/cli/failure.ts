import { RollcallError } from '../client/index.js';
import type { Context } from './context.js';
import { CommandError, EXIT, type ExitCode, exitCodeOf } from './exit-codes.js';
import { printable, visibleJson } from './output/visible.js';

/** Whether a program reads what is said: it asked for JSON. */
export const wantsJson = (words: readonly string[]): boolean =>
  words.some(
    (word, index) =>
      /^--(json|jq)(=|$)/.test(word) ||
      /^--output=(nd)?json$/.test(word) ||
      (word === '--output' && /^(nd)?json$/.test(words[index + 1] ?? '')),
  );

/**
 * Says why a command ended: in words, or as one line of problem details where JSON was asked for.
 * @returns the exit code
 */
export function tellFailure(error: unknown, context: Context, asJson: boolean): ExitCode {
  const { exitCode, problem, lines } = describeFailure(error);
  const { idempotencyKey } = context;
  if (asJson) {
    const told = { ...problem, exit_code: exitCode, idempotency_key: idempotencyKey };
    context.say(visibleJson(told));
    return exitCode;
  }
  const isOfRequest = error instanceof RollcallError || exitCode === EXIT.unavailable;
  const advice =
    idempotencyKey !== undefined && isOfRequest
      ? [`  Idempotency-Key: ${idempotencyKey} (--idempotency-key repeats the request safely)`]
      : [];
  const all = [...lines, ...advice].map(printable);
  if (all.length > 0) context.say(all.join('\n'));
  return exitCode;
}

interface Failure {
  readonly exitCode: ExitCode;
  readonly problem: Readonly<Record<string, unknown>>;
  readonly lines: readonly string[];
}

/** The text and the exit code of what a command failed with. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof RollcallError) {
    const { problem } = error;
    return {
      exitCode: exitCodeOf(problem),
      problem,
      lines: [
        `Error: ${problem.detail} (${problem.code})`,
        ...(problem.errors ?? [])
          .filter(({ message }) => !problem.detail.includes(message))
          .map(({ field, message }) => `  ${field}: ${message}`),
        ...saidBy(problem.provider),
        `  request: ${problem.request_id}`,
      ],
    };
  }
  if (error instanceof CommandError) {
    const { exitCode, code, message } = error;
    const lines = message === '' ? [] : [code === 'notice' ? message : `Error: ${message}`];
    return { exitCode, problem: problemOf(code, message), lines };
  }
  const { name, message, cause } = error as Error;
  // What fetch throws when nobody answers.
  if (name === 'TypeError' && message === 'fetch failed') {
    const { code, message: reason } = (cause ?? {}) as NodeJS.ErrnoException;
    const detail = `The gateway does not answer (${code ?? reason ?? 'no connection'}). Check --url, ROLLCALL_URL or the profile's address, and that the gateway is running.`;
    const problem = problemOf('service_unavailable', detail);
    return { exitCode: EXIT.unavailable, problem, lines: [`Error: ${detail}`] };
  }
  return {
    exitCode: EXIT.failed,
    problem: problemOf('failed', message),
    lines: [`Error: ${message}`],
  };
}

/** What a provider answered, where it did. */
function saidBy(provider: RollcallError['problem']['provider']): readonly string[] {
  const said = provider?.message ?? provider?.code ?? provider?.status ?? undefined;
  return provider && said !== undefined ? [`  ${provider.id} said: ${said}`] : [];
}

function problemOf(code: string, detail: string) {
  const type = `urn:rollcall:error:${code.replaceAll('_', '-')}`;
  return { type, title: code.replaceAll('_', ' '), code, detail };
}

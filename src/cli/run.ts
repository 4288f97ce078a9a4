import type { Context } from './context.js';
import type { ExitCode } from './exit-codes.js';
import { runProgram } from './program.js';

/** Runs the command that the words name, and says why when it fails. @returns the exit code */
export async function runCommandLine(
  context: Context,
  words: readonly string[],
): Promise<ExitCode> {
  try {
    return await runProgram(context, words);
  } catch (error) {
    const { tellFailure, wantsJson } = await import('./failure.js');
    return tellFailure(error, context, wantsJson(words));
  }
}

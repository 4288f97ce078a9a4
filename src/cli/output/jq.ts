import { usageError } from '../exit-codes.js';

/** Runs a jq program over JSON; texts are printed without quotes. */
export async function filterWithJq(json: string, program: string): Promise<string> {
  const { default: loading } = await import('jq-web');
  const jq = await loading;
  try {
    return jq.raw(json, program, ['-r']) ?? '';
  } catch (error) {
    const { message } = error as Error;
    // The first line tells an exit code.
    const [, reason = message] = message.split('\n');
    throw usageError(`--jq: ${reason.replace(/^jq: error( \(at [^)]*\))?: /, '')}`);
  }
}

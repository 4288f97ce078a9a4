import { PROVIDER_NAMES, startSandbox } from './index.js';

/**
 * The sandbox on its own. `SANDBOX_PORT` (default 4900), `SANDBOX_ACCOUNTS` (generated accounts,
 * shared by Outfame and CreatorAudit; default 0) and `SANDBOX_STATE_FILE` (default none: changes
 * are forgotten at the end).
 */
const { SANDBOX_STATE_FILE: stateFile } = process.env;

try {
  const sandbox = await startSandbox({
    port: wholeNumber('SANDBOX_PORT', 4900, 65_535),
    accounts: wholeNumber('SANDBOX_ACCOUNTS', 0, 10_000_000),
    ...(stateFile ? { stateFile } : {}),
  });
  for (const name of PROVIDER_NAMES) {
    const variable = name.toUpperCase();
    console.log(
      `${variable}_BASE_URL=${sandbox.baseUrl(name)} ${variable}_API_KEY=${sandbox.apiKey(name)}`,
    );
  }
  console.log(
    `\nInject a fault:\n  curl -X POST ${sandbox.url}/control/outfame/faults -d '{"kind": "rate_limited", "times": 3}'`,
  );
  console.log(`Show the requests received:\n  curl ${sandbox.url}/control/outfame`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void sandbox.close());
} catch (error) {
  console.error(
    `The sandbox did not start: ${error instanceof Error ? error.message : String(error)}`,
  );
  process.exitCode = 1;
}

/** Throws a sentence that names the variable. */
function wholeNumber(variable: string, standard: number, largest: number): number {
  const value = process.env[variable];
  if (value === undefined || value === '') return standard;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > largest) {
    throw new Error(`${variable} must be a whole number from 0 to ${largest}, not "${value}".`);
  }
  return number;
}

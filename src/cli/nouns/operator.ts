import { fileURLToPath } from 'node:url';
import type { Noun, OwnCall, OwnCommand } from '../declared.js';
import type { ExitCode } from '../exit-codes.js';

/** How a command of the operator's ended. */
interface Result {
  readonly exitCode: ExitCode;
  readonly lines: readonly string[];
}

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

/** A command beside the gateways, with their variables, on their database. */
function command(
  name: string,
  parts: Omit<OwnCommand, 'verb' | 'run'> & { run(call: OwnCall): Promise<Result> },
): Noun {
  const run = async (call: OwnCall): Promise<ExitCode> => {
    const { exitCode, lines } = await parts.run(call).catch(startErrorOf);
    const { output, errors } = call.context.streams;
    (exitCode === 0 ? output : errors).write(lines.map((line) => `${line}\n`).join(''));
    return exitCode;
  };
  return { name, commands: [{ ...parts, verb: name, run }] };
}

/** What an operator can do something about is said in one line. */
function startErrorOf(error: unknown): Result {
  const { name, message } = error as Error;
  if (name !== 'StartError') throw error;
  return { exitCode: 1, lines: [message] };
}

/** The variables of the gateways, checked as they check them. */
async function configOf({ context }: OwnCall) {
  const { readConfig } = await import('../../config.js');
  return readConfig(context.environment, []);
}

export const nouns: readonly Noun[] = [
  command('backup', {
    summary: 'write the database to a file, while gateways run',
    takes: '[words...]',
    examples: ['backup rollcall.backup'],
    run: async (call) => {
      const { backUp } = await import('../backup.js');
      return backUp(await configOf(call), call.words);
    },
  }),
  command('restore', {
    summary: 'load a file of backup into an empty database',
    takes: '[words...]',
    examples: ['restore rollcall.backup'],
    run: async (call) => {
      const { restore } = await import('../restore.js');
      return restore(await configOf(call), MIGRATIONS, call.words);
    },
  }),
  command('migrate', {
    summary: 'bring the database up to date, without a gateway',
    examples: ['migrate'],
    run: async ({ context }) => {
      const { migrateDatabase } = await import('../migrate.js');
      const { readDatabasePlace } = await import('../../config.js');
      return migrateDatabase(readDatabasePlace(context.environment), MIGRATIONS);
    },
  }),
  command('root-key', {
    summary: 'print a new key for ROLLCALL_ROOT_KEY',
    examples: ['root-key'],
    run: async () => {
      const { newId } = await import('../../lib/ids.js');
      const { makeKey } = await import('../../teams/index.js');
      return { exitCode: 0, lines: [makeKey(newId('key'))] };
    },
  }),
  command('rotate-secret', {
    summary: 'encrypt everything with the new secret',
    examples: ['rotate-secret'],
    run: async (call) => {
      const { rotateSecret } = await import('../rotate-secret.js');
      return rotateSecret(await configOf(call));
    },
  }),
  command('rebuild-profiles', {
    summary: 'decide again which accounts are one profile',
    examples: ['rebuild-profiles'],
    run: async (call) => {
      const { rebuildProfiles } = await import('../rebuild-profiles.js');
      return rebuildProfiles(await configOf(call));
    },
  }),
  command('verify-receipt', {
    summary: 'check the receipt of a disconnect: RECEIPT KEYS, as files or addresses',
    takes: '[words...]',
    examples: ['verify-receipt receipt.json keys.json'],
    run: async ({ words }) => {
      const { verifyReceipt } = await import('../verify-receipt.js');
      return verifyReceipt(words);
    },
  }),
  command('verify-audit', {
    summary: 'check that no entry of the audit log was changed and none is missing',
    takes: '[words...]',
    examples: ['verify-audit'],
    run: async (call) => {
      const { verifyAudit } = await import('../verify-audit.js');
      return verifyAudit(await configOf(call), call.words);
    },
  }),
  command('archive-audit', {
    summary: 'move audit entries from before a day into a file: DATE FILE',
    takes: '[words...]',
    examples: ['archive-audit 2020-01-01 audit.jsonl'],
    run: async (call) => {
      const { archiveAudit } = await import('../archive-audit.js');
      return archiveAudit(await configOf(call), call.words);
    },
  }),
];

import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { readConfig } from './config.js';
import { isForbidden, isUnreachable } from './database/index.js';
import { createLogger, silentLogger } from './lib/logger.js';
import { showSourcePositions, stackOf } from './lib/source-positions.js';
import { StartError } from './lib/start-error.js';
import { credentialFields } from './model/index.js';
import { bringUpDatabase } from './processes/database.js';
import type { Ending } from './processes/ending.js';
import { createRegistry, credentialsSchemaOf } from './providers/index.js';

const MIGRATIONS = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
const PROGRAM = fileURLToPath(import.meta.url);

/**
 * By how much of what lives the heap grows before it is collected, in percent. V8 alone lets it grow
 * to four times that: a sweep of any length then takes 140 MB more, nearly all of it garbage.
 */
const HEAP_GROWTH = 50;

/** One line, unless it is a fault of ours. */
function reasonOf(error: unknown): string {
  if (error instanceof StartError) return error.message;
  const { message } = error as Error;
  const [line = ''] = message.trim().split('\n').slice(-1);
  if (isForbidden(error))
    return `DATABASE_URL: its user lacks a right (${line}). Set ROLLCALL_MIGRATE_URL to the user who owns the tables: each start then grants the missing rights.`;
  if (isUnreachable(error))
    return `DATABASE_URL: the connection to the database was lost during the start (${line}).`;
  return stackOf(error);
}

/**
 * Runs as the only process of the gateway, as the supervisor of several, or as one of those, whose
 * supervisor gives it its number as a word on the command line. What the others need is not loaded,
 * and what is needed is loaded while the database comes up.
 */
async function run(end: () => void, ending: Ending): Promise<void> {
  const configurable = createRegistry()
    .all()
    .map((adapter) => ({
      id: adapter.id,
      credentials: credentialFields(credentialsSchemaOf(adapter)),
    }));
  const config = readConfig(process.env, configurable);
  const words = process.argv.slice(2);
  const isGroup = config.processes > 1;
  const isMember = isGroup && words.length > 0;
  const database = bringUpDatabase(config, {
    migrations: MIGRATIONS,
    // The supervisor has.
    mayMigrate: config.migrateOnStart && !isMember,
    logger: isMember ? silentLogger : createLogger(config.logLevel),
    say: (line) => process.stdout.write(`${line}\n`),
    stopping: ending.stopping,
  });
  const parts = { database, ending };
  if (isGroup && !isMember) {
    const { supervise } = await import('./processes/supervisor.js');
    return supervise(config, { ...parts, program: PROGRAM });
  }
  const joining = isMember ? await import('./processes/member.js') : undefined;
  const member = joining?.joinGroup(words, end);
  // Loading leaves no turn to what launches an embedded server; then that one comes up beside it.
  await database.connection;
  const { runGateway } = await import('./gateway.js');
  return runGateway(config, { ...parts, member });
}

async function main(): Promise<void> {
  showSourcePositions();
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);
  const stopping = new AbortController();
  const hurried = new AbortController();
  const end = () => {
    hurried.abort();
    stopping.abort();
  };
  // Either may come twice, once from a terminal or service manager and once from npm. SIGINT comes
  // from a person who waits.
  process.on('SIGTERM', () => stopping.abort());
  process.on('SIGINT', end);
  try {
    await run(end, { stopping: stopping.signal, hurried: hurried.signal });
    process.exit(0);
  } catch (error) {
    if (stopping.signal.aborted) process.exit(0);
    process.stderr.write(`${reasonOf(error)}\n`);
    process.exit(1);
  }
}

await main();

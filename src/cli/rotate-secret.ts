import { resolve } from 'node:path';
import { connect, type DatabasePlace, openDatabase } from '../database/index.js';
import { systemClock } from '../lib/clock.js';
import { silentLogger } from '../lib/logger.js';
import { secretIn } from '../lib/secret-file.js';
import { StartError } from '../lib/start-error.js';
import { createSecrets, isSealed } from '../secrets/index.js';

const POOL_SIZE = 4;
/** Each walk looks again at what gateways wrote during the one before. */
const MAX_WALKS = 20;

/** What the gateways' configuration says. */
export interface RotationSettings extends DatabasePlace {
  /** Absent: kept in `dataDir`. */
  readonly secret: string | undefined;
  readonly previousSecrets: readonly string[];
}

/** How a command ended. */
export interface CommandResult {
  readonly exitCode: 0 | 1;
  readonly lines: readonly string[];
}

/**
 * `npm run rotate-secret`, with the gateways' variables: seals everything in the database with
 * `ROLLCALL_SECRET` that is sealed with another one of `ROLLCALL_PREVIOUS_SECRETS`. Gateways may run
 * meanwhile, all of them with that secret. Cut short, it goes on where it was at the next run.
 */
export async function rotateSecret(settings: RotationSettings): Promise<CommandResult> {
  const undo: (() => unknown)[] = [];
  try {
    const { connection, stop } = await connect(settings, () => undefined);
    undo.push(stop);
    const database = openDatabase({ connection, poolSize: POOL_SIZE });
    undo.push(() => database.close());
    const secret =
      settings.secret ?? (await secretIn(resolve(settings.dataDir), () => isSealed(database)));
    const { previousSecrets } = settings;
    const secrets = createSecrets({
      database,
      clock: systemClock,
      logger: silentLogger,
      secret,
      previousSecrets,
    });
    undo.push(() => secrets.lease.end());
    return await rotate(secrets);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return { exitCode: 1, lines: [reason] };
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

async function rotate({
  service,
  reseal,
  sealer,
}: ReturnType<typeof createSecrets>): Promise<CommandResult> {
  await service.claim();
  const others = await service.beginRotation();
  if (others > 0)
    return {
      exitCode: 1,
      lines: [
        `Nothing was done: ${others} running gateways still seal with another secret. Start them with this one as ROLLCALL_SECRET, and the former one in ROLLCALL_PREVIOUS_SECRETS, then run this again.`,
      ],
    };
  let resealed = 0;
  for (let walk = 1; walk <= MAX_WALKS; walk++) {
    const done = await reseal();
    resealed += done.resealed;
    if (done.resealed + done.passed > 0) continue;
    await service.endRotation();
    const left = `${done.unreadable} values are opened by none of the secrets and were left as they are.`;
    return {
      exitCode: 0,
      lines: [
        `Sealed ${resealed} values anew. Everything is sealed with this secret (key ${sealer.keyId}): ROLLCALL_PREVIOUS_SECRETS is no longer needed.`,
        ...(done.unreadable > 0 ? [left] : []),
      ],
    };
  }
  return {
    exitCode: 1,
    lines: [
      `Sealed ${resealed} values anew, and others were written meanwhile. Run this again to finish.`,
    ],
  };
}

/** What an operator can do something about; `undefined`: nothing. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof StartError) return error.message;
  const isOlder = (error as { code?: string }).code === '42P01';
  return isOlder
    ? 'The database is older than this release. Start Rollcall once, so that it is migrated.'
    : undefined;
}

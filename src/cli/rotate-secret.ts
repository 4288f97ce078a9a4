import type { createSecrets } from '../secrets/index.js';
import { type CommandResult, type CommandSettings, onDatabase } from './command.js';

/** Each walk looks again at what gateways wrote during the one before. */
const MAX_WALKS = 20;

/**
 * `npm run rotate-secret`, with the gateways' variables: seals everything in the database with
 * `ROLLCALL_SECRET` that is sealed with another one of `ROLLCALL_PREVIOUS_SECRETS`. Gateways may run
 * meanwhile, all of them with that secret. Cut short, it goes on where it was at the next run.
 */
export function rotateSecret(settings: CommandSettings): Promise<CommandResult> {
  return onDatabase(settings, ({ secrets }) => rotate(secrets));
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
        `Nothing was done: ${others} running gateways still encrypt with another secret. Start them with this one as ROLLCALL_SECRET, and the former one in ROLLCALL_PREVIOUS_SECRETS, then run this again.`,
      ],
    };
  let resealed = 0;
  for (let walk = 1; walk <= MAX_WALKS; walk++) {
    const done = await reseal();
    resealed += done.resealed;
    if (done.resealed + done.passed > 0) continue;
    await service.endRotation();
    const left = `${done.unreadable} values cannot be decrypted with any of the secrets and were left as they are.`;
    return {
      exitCode: 0,
      lines: [
        `Encrypted ${resealed} values again. Everything is encrypted with this secret (key ${sealer.keyId}): ROLLCALL_PREVIOUS_SECRETS is no longer needed.`,
        ...(done.unreadable > 0 ? [left] : []),
      ],
    };
  }
  return {
    exitCode: 1,
    lines: [
      `Encrypted ${resealed} values again, and others were written meanwhile. Run this again to finish.`,
    ],
  };
}

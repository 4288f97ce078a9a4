import { type Database, ProcessLease } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { createSealer } from '../lib/seal.js';
import { createSigner } from '../lib/signature.js';
import type { RecurringJob } from '../work/index.js';
import { resealAll } from './rotate.js';
import { LASTING_VALUES } from './sealed-values.js';
import { SecretsRepository } from './secrets.repository.js';
import { type HeldSecret, nameOfSecrets, SecretsService } from './secrets.service.js';

export type { Resealing } from './rotate.js';
export { opensCanary } from './secrets.service.js';

/** Looks again whether every secret in use is held here. */
const CHECK_MS = 15_000;

interface SecretsParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 32 bytes in base64. */
  readonly secret: string;
  /** Those that were in use before, or will be. */
  readonly previousSecrets: readonly string[];
}

/** Whether the database was used with a secret. */
export async function isSealed(database: Database): Promise<boolean> {
  const repository = new SecretsRepository(database);
  if ((await repository.known()).length > 0) return true;
  for (const column of LASTING_VALUES)
    if ((await repository.sealed(column, undefined, 1)).length > 0) return true;
  return false;
}

/** The secrets of this process, and which of them the database is sealed with. */
export function createSecrets(parts: SecretsParts) {
  const { database, clock, logger, secret, previousSecrets } = parts;
  const all = [secret, ...previousSecrets];
  const sealer = createSealer(secret, previousSecrets);
  const held = new Map(
    all.map((one): [string, HeldSecret] => {
      const alone = createSealer(one);
      return [alone.keyId, { sealer: alone, receiptKey: createSigner(one).publicKey }];
    }),
  );
  const lease = new ProcessLease(database, nameOfSecrets([...held.keys()]));
  const repository = new SecretsRepository(database);
  const service = new SecretsService({ secrets: repository, held, lease, clock, logger });
  const jobs: readonly RecurringJob[] = [
    {
      name: 'secrets.check',
      everyMs: CHECK_MS,
      run: () => service.check(),
      servesRequests: true,
    },
  ];
  return {
    /** Opens with every secret, seals with the one in use. */
    sealer,
    /** Signs receipts with a key of the secret in use. */
    signer: createSigner(secret),
    /** This process's name in the database tells which secrets it has. */
    lease,
    service,
    reseal: () => resealAll(repository, sealer),
    jobs,
  };
}

import type { SealedColumn } from '../database/sealed-column.js';
import type { Sealer } from '../lib/seal.js';
import { SEALED_VALUES } from './sealed-values.js';
import type { SecretsRepository } from './secrets.repository.js';

/** Values that are read and sealed anew at a time. */
const BATCH = 200;

/** What a walk over everything that is sealed came to. */
export interface Resealing {
  /** Sealed anew with the secret in use. */
  readonly resealed: number;
  /** Written by a gateway while they were sealed anew: the next walk looks at them again. */
  readonly passed: number;
  /** Opened by none of the secrets. */
  readonly unreadable: number;
}

/**
 * Encrypts every value again that is not sealed with the secret in use. It may be interrupted and
 * started again: values that are done are skipped. A value that a gateway writes meanwhile is never
 * overwritten.
 */
export async function resealAll(secrets: SecretsRepository, sealer: Sealer): Promise<Resealing> {
  let total: Resealing = { resealed: 0, passed: 0, unreadable: 0 };
  for (const column of SEALED_VALUES) {
    const { resealed, passed, unreadable } = await resealColumn(secrets, sealer, column);
    total = {
      resealed: total.resealed + resealed,
      passed: total.passed + passed,
      unreadable: total.unreadable + unreadable,
    };
  }
  return total;
}

async function resealColumn(
  secrets: SecretsRepository,
  sealer: Sealer,
  column: SealedColumn,
): Promise<Resealing> {
  let [resealed, passed, unreadable] = [0, 0, 0];
  for (let after: readonly string[] | undefined, isMore = true; isMore; ) {
    const found = await secrets.sealed(column, after, BATCH);
    const former = found.filter(
      ({ key, sealed }) => !sealer.isCurrent(sealed, column.boundTo(key)),
    );
    const readable = former.filter(({ key, sealed }) =>
      sealer.canOpen(sealed, column.boundTo(key)),
    );
    const changed = readable.map((value) => {
      const boundTo = column.boundTo(value.key);
      return { ...value, resealed: sealer.seal(sealer.open(value.sealed, boundTo), boundTo) };
    });
    const replaced = changed.length > 0 ? await secrets.replace(column, changed) : 0;
    resealed += replaced;
    passed += changed.length - replaced;
    unreadable += former.length - readable.length;
    after = found.at(-1)?.key;
    isMore = found.length === BATCH;
  }
  return { resealed, passed, unreadable };
}

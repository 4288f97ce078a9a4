import { SEALED_CREDENTIALS } from '../connections/index.js';
import type { SealedColumn } from '../database/sealed-column.js';
import { SEALED_ANSWERS } from '../http/idempotency.js';
import { SEALED_WEBHOOK_VALUES } from '../webhooks/index.js';

/** Values that last, which a secret must open or it is a wrong one. */
export const LASTING_VALUES: readonly SealedColumn[] = [
  SEALED_CREDENTIALS,
  ...SEALED_WEBHOOK_VALUES,
];

/** Everything in the database that is sealed, but for what `secret_keys` holds itself. */
export const SEALED_VALUES: readonly SealedColumn[] = [...LASTING_VALUES, SEALED_ANSWERS];

import { z } from 'zod';
import { assembleAccount, healthFieldsOf } from './account-fields.js';
import { ACCOUNT_EXAMPLE, ACCOUNT_HEALTH_EXAMPLE } from './accounts.example.js';

const fields = assembleAccount<z.ZodType>(
  ({ schema, isOnRequest }) => (isOnRequest ? schema.optional() : schema),
  (members, name) =>
    name === 'health' ? z.object(members).meta({ id: 'Health' }) : z.object(members),
);

/** The canonical Account, as every route answers it. */
export const accountSchema = z.object(fields).meta({ id: 'Account', examples: [ACCOUNT_EXAMPLE] });

/** An item of the health list. */
export const accountHealthSchema = z
  .object(healthFieldsOf(fields))
  .meta({ id: 'AccountHealth', examples: [ACCOUNT_HEALTH_EXAMPLE] });

import { assembleAccount, healthFieldsOf } from './account-fields.js';

const { remote_data: _onRequest, ...example } = assembleAccount<unknown>(
  (column) => column.example,
  (members) => members,
);

/** What an account looks like in the reference: one at Octopost whose token was revoked. */
export const ACCOUNT_EXAMPLE: Readonly<Record<string, unknown>> = example;

export const ACCOUNT_HEALTH_EXAMPLE: Readonly<Record<string, unknown>> =
  healthFieldsOf(ACCOUNT_EXAMPLE);

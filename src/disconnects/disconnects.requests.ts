import { z } from 'zod';
import { accountFilterFields } from '../accounts/index.js';
import { commaSeparated, idOf, paging, time } from '../http/validate.js';
import {
  DISCONNECT_STATES,
  MAX_ACCOUNTS,
  REASON_CODES,
  STEP_STATES,
} from './disconnects.schema.js';

const reasonCode = z
  .enum(REASON_CODES, { error: `must be one of: ${REASON_CODES.join(', ')}` })
  .default('user_request')
  .meta({ description: 'The reason, for the audit log.' });
const reasonNote = z.string().max(1000);
const WHY = 'The reason in your own words.';

export const disconnectAccountQuery = z.strictObject({
  reason_code: reasonCode,
  reason_note: reasonNote.optional().meta({ description: WHY, examples: ['left the company'] }),
});

export function disconnectRequest(providers: readonly string[]) {
  const accountIds = z
    .array(z.string().min(1).max(600))
    .min(1, 'must name at least one account')
    .max(MAX_ACCOUNTS);
  const filter = z.strictObject(accountFilterFields(providers));
  return z
    .strictObject({
      account_ids: accountIds.optional().meta({ description: 'Account ids or refs.' }),
      profile_id: z.string().min(1).max(200).optional().meta({
        description:
          'The accounts of a profile that more than a handle ties to it, at every provider; or the only account of a profile.',
      }),
      include_weak: z.boolean().default(false).meta({
        description:
          'With `profile_id`: also the accounts that only a handle ties to the profile. Needs the `plan_hash` of a dry run with `include_weak`.',
      }),
      filter: filter.optional().meta({ description: 'The filters of `GET /v1/accounts`.' }),
      dry_run: z
        .boolean()
        .default(false)
        .meta({ description: 'Only return the plan; change nothing.' }),
      plan_hash: z.string().min(1).max(200).optional().meta({
        description:
          'The `plan_hash` of the dry run; required with `filter` and with `include_weak`.',
      }),
      scheduled_at: time
        .optional()
        .meta({ description: 'When to start; immediately when omitted.' }),
      reason_code: reasonCode,
      reason_note: reasonNote.nullable().optional().meta({ description: WHY }),
      agent: z
        .strictObject({
          client: z.string().min(1).max(200).meta({ description: 'The name it gives itself.' }),
        })
        .optional()
        .meta({
          description:
            'Sent by a program that may be mistaken, such as an assistant: it plans first, and carries the plan out with its `confirmation_token`.',
        }),
      confirmation_token: z.string().min(1).max(1_000).optional().meta({
        description:
          'In place of what is to be disconnected: the plan that `agent` made, with its `plan_hash`. Valid once, for ten minutes, with the same key. With `dry_run` the plan is returned once more, to be shown to a person.',
      }),
      confirmed_count: z.int().min(1).optional().meta({
        description:
          'With `confirmation_token`: the number of accounts, as a person has typed it. Left out, the disconnect waits for an approval.',
      }),
    })
    .refine(
      (asked) =>
        [asked.account_ids, asked.profile_id, asked.filter, asked.confirmation_token].filter(
          (given) => given !== undefined,
        ).length === 1,
      'must contain exactly one of `account_ids`, `profile_id`, `filter` and `confirmation_token`',
    )
    .refine(
      (asked) =>
        asked.confirmation_token === undefined ||
        (asked.plan_hash !== undefined && asked.scheduled_at === undefined),
      {
        path: ['confirmation_token'],
        error: 'needs `plan_hash`, and does not go with `scheduled_at`',
      },
    )
    .refine(
      (asked) =>
        asked.agent === undefined || asked.dry_run || asked.confirmation_token !== undefined,
      { path: ['agent'], error: 'needs a plan first: ask with `dry_run`' },
    )
    .refine(
      (asked) =>
        asked.confirmed_count === undefined ||
        (asked.confirmation_token !== undefined && !asked.dry_run),
      { path: ['confirmed_count'], error: 'is for `confirmation_token` without `dry_run`' },
    )
    .refine((asked) => !asked.include_weak || asked.profile_id !== undefined, {
      path: ['include_weak'],
      error: 'is for `profile_id` alone',
    })
    .meta({ examples: [{ filter: { username: 'northwind.goods' }, dry_run: true }] });
}
export type DisconnectRequest = z.output<ReturnType<typeof disconnectRequest>>;

const oneOf = <Value extends string>(values: readonly [Value, ...Value[]], description: string) =>
  commaSeparated(z.enum(values, { error: `must be one of: ${values.join(', ')}` }))
    .optional()
    .meta({ description });

export const disconnectsQuery = z.strictObject({
  ...paging,
  state: oneOf(DISCONNECT_STATES, 'Only disconnects in these states.'),
  reason_code: oneOf(REASON_CODES, 'Only disconnects with these reason codes.'),
  requested_by: commaSeparated(z.string().min(1).max(100))
    .optional()
    .meta({
      description: 'Only disconnects requested with these keys.',
      examples: [['key_01k9z3m8q4v7x2c5n6b8a1s3d4']],
    }),
  profile_id: commaSeparated(idOf('prof', 'a profile'))
    .optional()
    .meta({
      description:
        'Only disconnects of accounts of these profiles; a former id stands for the profile that has its accounts now.',
      examples: [['prof_01k9z3m8q4v7x2c5n6b8a1s3d4']],
    }),
  created_since: time
    .optional()
    .meta({ description: 'Only disconnects requested at or after this time.' }),
  created_until: time
    .optional()
    .meta({ description: 'Only disconnects requested before this time.' }),
});

export const stepsQuery = z.strictObject({
  ...paging,
  state: oneOf(STEP_STATES, 'Only steps in these states.'),
});

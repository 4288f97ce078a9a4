import { z } from 'zod';
import { words } from '../http/validate.js';
import { PROFILE_EXAMPLE } from './profiles.example.js';
import { profileSchema } from './profiles.schema.js';

/** Accounts that one request takes out of a profile, and constraints that one choice makes. */
const MAX_SPLIT_ACCOUNTS = 100;
export const MAX_PAIRS = 5_000;
/** Accounts of the profiles that one choice is about, disconnected ones too. */
export const MAX_CHOICE_ACCOUNTS = 2_000;

const profileId = z.string().min(1).max(200);
const reason = words(1_000)
  .nullable()
  .optional()
  .meta({ description: 'The reason in your own words, for the history and the audit log.' });
const dryRun = z
  .boolean()
  .default(false)
  .meta({ description: 'Only return what would change; change nothing.' });
const acknowledged = z
  .array(z.literal('platform_user_id', { error: 'must be: platform_user_id' }))
  .max(1)
  .default([])
  .meta({
    description:
      'Contradictions that do not keep the accounts apart: `platform_user_id` where the providers show different user ids of the platform.',
  });

export const accountProfileRequest = z
  .strictObject({
    profile_id: profileId.nullable().optional().meta({
      description: 'The profile to move the account to; null to split it off into its own.',
    }),
    mode: z.literal('automatic', { error: 'must be: automatic' }).optional().meta({
      description:
        'Withdraws every manual choice about the account: ids and usernames decide again.',
    }),
    acknowledge_conflicts: acknowledged,
    reason,
    dry_run: dryRun,
  })
  .refine(
    ({ profile_id, mode }) => (profile_id === undefined) !== (mode === undefined),
    'must contain exactly one of `profile_id` and `mode`',
  )
  .meta({
    not: { required: ['profile_id', 'mode'] },
    if: { required: ['mode'] },
    else: { required: ['profile_id'] },
    examples: [{ profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4', dry_run: true }],
  });
export type AccountProfileRequest = z.output<typeof accountProfileRequest>;

export const mergeRequest = z.strictObject({
  into: profileId.meta({ description: 'The other profile.' }),
  acknowledge_conflicts: acknowledged,
  reason,
  dry_run: dryRun,
});
export type MergeRequest = z.output<typeof mergeRequest>;

export const splitRequest = z.strictObject({
  account_ids: z
    .array(z.string().min(1).max(600))
    .min(1, 'must name at least one account')
    .max(MAX_SPLIT_ACCOUNTS)
    .meta({ description: 'Ids or refs of the accounts that leave the profile together.' }),
  reason,
  dry_run: dryRun,
});
export type SplitRequest = z.output<typeof splitRequest>;

export const revertRequest = z.strictObject({ reason, dry_run: dryRun });
export type RevertRequest = z.output<typeof revertRequest>;

export const byProfile = z.object({
  id: z.string().meta({
    description: 'Id of the profile.',
    examples: ['prof_01k9z3m8q4v7x2c5n6b8a1s3d4'],
  }),
});

export const byEntry = byProfile.extend({
  n: z.string().meta({ description: 'Id of the entry.', examples: ['42'] }),
});

const arrangement = z
  .array(
    z.object({
      profile_id: z.string(),
      match: z.enum(['strong', 'weak', 'manual', 'mixed', 'none']),
      account_ids: z.array(z.string()).max(MAX_CHOICE_ACCOUNTS),
    }),
  )
  .max(MAX_CHOICE_ACCOUNTS);

export const choiceSchema = z
  .object({
    type: z.literal('profile_choice'),
    dry_run: z.boolean(),
    profile_id: z.string().meta({
      description:
        'The profile of the account, of the accounts that left, or of all after a merge. With `dry_run`, what it would be.',
    }),
    entry: z.object({ profile_id: z.string(), id: z.string() }).nullable().meta({
      description:
        'The entry of the history that reverts it. Null: nothing changed, or it was a dry run.',
    }),
    moved: z
      .array(
        z.object({
          account_id: z.string(),
          ref: z.string(),
          from: z.string(),
          to: z.string(),
        }),
      )
      .max(MAX_CHOICE_ACCOUNTS)
      .meta({ description: 'The accounts whose profile has another id now.' }),
    before: arrangement.meta({ description: 'The affected profiles before.' }),
    after: arrangement.meta({ description: 'The profiles of the same accounts afterwards.' }),
    profile: profileSchema.nullable().meta({
      description: 'The profile of `profile_id` as it is now. Null with `dry_run`.',
    }),
  })
  .meta({
    id: 'ProfileChoice',
    examples: [
      {
        type: 'profile_choice',
        dry_run: false,
        profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
        entry: { profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4', id: '42' },
        moved: [
          {
            account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d5',
            ref: 'outfame:acc_7Gx2kLm9Qr',
            from: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d5',
            to: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
          },
        ],
        before: [
          {
            profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
            match: 'none',
            account_ids: ['acct_01k9z3m8q4v7x2c5n6b8a1s3d4'],
          },
          {
            profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d5',
            match: 'none',
            account_ids: ['acct_01k9z3m8q4v7x2c5n6b8a1s3d5'],
          },
        ],
        after: [
          {
            profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
            match: 'manual',
            account_ids: ['acct_01k9z3m8q4v7x2c5n6b8a1s3d4', 'acct_01k9z3m8q4v7x2c5n6b8a1s3d5'],
          },
        ],
        profile: PROFILE_EXAMPLE,
      },
    ],
  });
/** What a choice did, without the resulting profile. */
export type ChoiceAnswer = Omit<z.input<typeof choiceSchema>, 'profile'>;

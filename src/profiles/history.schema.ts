import { z } from 'zod';
import { timestamp } from '../http/page.js';
import { MAX_MEMBERS, recordOf } from '../model/index.js';

/** What one change rests on. */
export const MAX_HISTORY_EVIDENCE = 1_000;

/** One change of who belongs to a profile. */
export const profileChangeSchema = z
  .object({
    id: z.string().meta({ description: 'The number of the entry.' }),
    type: z.literal('profile_change'),
    profile_id: z.string().meta({
      description: 'The profile it happened to: this one, or one that was merged into it since.',
    }),
    action: z.enum(['linked', 'split', 'merged', 'released', 'reverted']),
    /** Null: of the profile as a whole. */
    account_id: z.string().nullable(),
    rule: z.string(),
    evidence: z.array(recordOf(z.string(), z.unknown(), MAX_MEMBERS)).max(MAX_HISTORY_EVIDENCE),
    /** Null: Rollcall itself, at nobody's request. */
    actor: z.object({ key_id: z.string(), name: z.string().nullable() }).nullable(),
    request_id: z.string().nullable(),
    reason: z.string().nullable(),
    reverted_by: z.string().nullable().meta({ description: 'The entry that reverted it.' }),
    at: timestamp,
  })
  .meta({
    id: 'ProfileChange',
    examples: [
      {
        id: '42',
        type: 'profile_change',
        profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
        action: 'linked',
        account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d5',
        rule: 'same_handle',
        evidence: [
          {
            account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d5',
            platform_user_id: null,
            username: 'yourhandle',
          },
          {
            account_id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
            platform_user_id: '17841400123456789',
            username: 'yourhandle',
          },
        ],
        actor: null,
        request_id: null,
        reason: null,
        reverted_by: null,
        at: '2026-02-08T07:10:03.000Z',
      },
    ],
  });

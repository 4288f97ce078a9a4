import { z } from 'zod';
import { timestamp } from '../http/page.js';
import { MAX_MEMBERS, recordOf } from '../model/index.js';
import { FINDING_KINDS, FINDINGS, type FindingKindName, SEVERITIES } from './finding-kinds.js';

/** Accounts that one finding shows; a profile rarely has a tenth of it. */
export const MAX_FINDING_ACCOUNTS = 100;

/** A finding as its row holds it; times as RFC 3339. */
export interface FindingRow {
  readonly id: string;
  readonly kind: FindingKindName;
  readonly profileId: string;
  readonly platform: string;
  readonly providers: readonly string[];
  readonly details: object;
  readonly since: string;
  readonly closedAt: string | null;
  readonly dismissedAt: string | null;
  readonly dismissedById: string | null;
  readonly dismissedByName: string | null;
  readonly dismissedReason: string | null;
  readonly accountCount: number;
  /** The first of them, but for those whose connection was deleted. */
  readonly accounts: readonly FindingAccount[];
}

/** An account that a finding is about. */
interface FindingAccount {
  readonly id: string;
  readonly ref: string;
  readonly provider: string;
  readonly username: string | null;
}

export const findingSchema = z
  .object({
    id: z.string(),
    type: z.literal('finding'),
    kind: z.enum(FINDING_KINDS),
    severity: z.enum(SEVERITIES),
    profile_id: z.string(),
    platform: z.string(),
    accounts: z
      .array(
        z.object({
          id: z.string(),
          ref: z.string(),
          provider: z.string(),
          username: z.string().nullable(),
        }),
      )
      .max(MAX_FINDING_ACCOUNTS)
      .meta({ description: `The oldest ${MAX_FINDING_ACCOUNTS} accounts that it is about.` }),
    account_count: z.int(),
    since: timestamp.meta({
      description: 'Since when it holds, if the facts show it; otherwise when it was found.',
    }),
    next_step: z.object({ code: z.string(), message: z.string() }),
    details: recordOf(z.string(), z.unknown(), MAX_MEMBERS).meta({
      description: 'The facts; with other facts or accounts it is another finding.',
    }),
    state: z.enum(['open', 'dismissed', 'closed']),
    dismissed: z
      .object({
        reason: z.string(),
        by: z.object({ key_id: z.string(), name: z.string() }),
        at: timestamp,
      })
      .nullable(),
    closed_at: timestamp.nullable(),
  })
  .meta({
    id: 'Finding',
    examples: [
      {
        id: 'find_01k9z3m8q4v7x2c5n6b8a1s3d4',
        type: 'finding',
        kind: 'two_publishers',
        severity: FINDINGS.two_publishers.severity,
        profile_id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
        platform: 'instagram',
        accounts: [
          {
            id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4',
            ref: 'octopost:acc_abc123',
            provider: 'octopost',
            username: 'yourbrand',
          },
          {
            id: 'acct_01k9z3m8q4v7x2c5n6b8a1s3d5',
            ref: 'socialsyncer:instagram/17841400123456789',
            provider: 'socialsyncer',
            username: 'yourbrand',
          },
        ],
        account_count: 2,
        since: '2026-02-09T11:45:22.000Z',
        next_step: FINDINGS.two_publishers.nextStep,
        details: { providers: ['octopost', 'socialsyncer'] },
        state: 'open',
        dismissed: null,
        closed_at: null,
      },
    ],
  });

/** A row as the API answers it. */
export function toAnswer(row: FindingRow): z.input<typeof findingSchema> {
  const { severity, nextStep } = FINDINGS[row.kind];
  const { dismissedAt, dismissedById, dismissedByName, dismissedReason } = row;
  const isOpen = dismissedAt === null ? 'open' : 'dismissed';
  return {
    id: row.id,
    type: 'finding',
    kind: row.kind,
    severity,
    profile_id: row.profileId,
    platform: row.platform,
    accounts: [...row.accounts],
    account_count: row.accountCount,
    since: row.since,
    next_step: nextStep,
    details: { ...row.details },
    state: row.closedAt === null ? isOpen : 'closed',
    dismissed:
      dismissedAt === null
        ? null
        : {
            reason: dismissedReason ?? '',
            by: { key_id: dismissedById ?? '', name: dismissedByName ?? '' },
            at: dismissedAt,
          },
    closed_at: row.closedAt,
  };
}

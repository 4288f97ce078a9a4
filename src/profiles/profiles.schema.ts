import { z } from 'zod';
import { timestamp } from '../http/page.js';
import {
  ACCOUNT_STATUSES,
  HEALTH_FAULTS,
  HEALTH_REASONS,
  HEALTH_STATUSES,
  ROLES,
} from '../model/index.js';
import { CONFLICT_FIELDS } from './conflicts.js';
import { CONFIDENCES, GRANT_BROKEN, SAYINGS } from './corroborated-health.js';
import { MAX_PROFILE_MEMBERS } from './member-facts.js';
import { MATCHES } from './profile-filter.js';
import { PROFILE_EXAMPLE } from './profiles.example.js';

const MAX_CANDIDATES = 1_000;
const MAX_PROVIDERS = 100;
const MAX_EVIDENCE = 4;

const memberMatch = z.enum(['strong', 'weak', 'manual', 'none']);
const memberRule = z.enum(['own_id', 'same_id', 'same_handle', 'manual', 'alone']);

const sourced = <Value extends z.ZodType>(value: Value) =>
  z.object({
    value,
    provider: z.string(),
    account_id: z.string(),
    observed_at: timestamp,
  });
const asOf = { as_of: timestamp.nullable() };

/** A fact, with whose word it is and what other accounts say. */
function fact<Value extends z.ZodType>(value: Value) {
  const { value: _value, ...source } = sourced(value).shape;
  return z.object({
    value: value.nullable(),
    provider: source.provider.nullable(),
    account_id: source.account_id.nullable(),
    observed_at: source.observed_at.nullable(),
    alternatives: z.array(sourced(value)).max(MAX_PROFILE_MEMBERS),
  });
}

/** A fact that its provider took at a time of its own. */
function figure<Value extends z.ZodType>(value: Value) {
  return fact(value).extend({
    ...asOf,
    alternatives: z.array(sourced(value).extend(asOf)).max(MAX_PROFILE_MEMBERS),
  });
}

const text = fact(z.string()).meta({ id: 'ProfileText' });
const count = figure(z.int()).meta({ id: 'ProfileCount' });
const rate = figure(z.number()).meta({ id: 'ProfileRate' });

const health = z.object({
  status: z.enum(HEALTH_STATUSES),
  reason: z.enum([...HEALTH_REASONS, GRANT_BROKEN]).nullable(),
  confidence: z.enum(CONFIDENCES).meta({
    description:
      '`high`: two providers say so, no account contradicts it, and all accounts could be checked; `low`: nothing supports it, or no account contradicts a broken grant; otherwise `medium`.',
  }),
  evidence: z
    .array(
      z.object({
        account_id: z.string(),
        provider: z.string(),
        role: z.enum(ROLES),
        says: z.enum(SAYINGS),
        status: z.enum(HEALTH_STATUSES),
        reason: z.enum(HEALTH_REASONS).nullable(),
        fault: z.enum(HEALTH_FAULTS).nullable(),
        since: timestamp,
        checked_at: timestamp,
      }),
    )
    .max(MAX_PROFILE_MEMBERS)
    .meta({ description: 'What each account says about the profile, the dead ones first.' }),
});

const member = z.object({
  account: z.object({
    id: z.string(),
    ref: z.string(),
    provider: z.string(),
    username: z.string().nullable(),
    status: z.enum(ACCOUNT_STATUSES),
    health: z.object({
      status: z.enum(HEALTH_STATUSES),
      reason: z.enum(HEALTH_REASONS).nullable(),
      fault: z.enum(HEALTH_FAULTS).nullable(),
      since: timestamp,
      checked_at: timestamp,
    }),
  }),
  match: memberMatch,
  rule: memberRule.meta({
    description:
      "What ties it to the profile. `own_id`: other accounts are found by this account's id. `alone`: it is the only account.",
  }),
  linked_to: z.string().nullable().meta({ description: 'The account that it is tied to.' }),
  evidence: z
    .array(
      z.object({
        account_id: z.string(),
        field: z.enum(['platform_user_id', 'username', 'must_link']),
        value: z.string(),
        observed_at: timestamp,
      }),
    )
    .max(MAX_EVIDENCE),
  stale: z.boolean().meta({
    description:
      'Whether only a handle ties it, and one of the two accounts was not checked for three sweep intervals.',
  }),
});

/** A profile: one identity on one platform, as the accounts of all providers together show it. */
export const profileSchema = z
  .object({
    id: z.string(),
    type: z.literal('profile'),
    platform: z.string(),
    match: z.enum(MATCHES),
    candidates: z.array(z.string()).max(MAX_CANDIDATES).meta({
      description: 'Profiles that it may belong to and that contradict each other.',
    }),
    username: text,
    platform_user_id: text,
    display_name: text,
    avatar_url: text,
    profile_url: text,
    is_verified: fact(z.boolean()),
    health,
    metrics: z.object({
      followers: count,
      following: count,
      posts: count,
      views: count,
      likes: count,
      comments: count,
      shares: count,
      saves: count,
      engagement_rate: rate,
      growth_rate_30d: rate,
    }),
    conflicts: z
      .array(
        z.object({
          field: z.enum(CONFLICT_FIELDS),
          values: z
            .array(
              sourced(z.union([z.string(), z.number()])).extend({ as_of: asOf.as_of.optional() }),
            )
            .max(MAX_PROFILE_MEMBERS),
          since: timestamp,
        }),
      )
      .max(CONFLICT_FIELDS.length),
    providers: z.array(z.string()).max(MAX_PROVIDERS),
    provider_count: z.int(),
    account_count: z.int(),
    members: z.array(member).max(MAX_PROFILE_MEMBERS),
    created_at: timestamp,
    updated_at: timestamp.meta({
      description:
        'When one of its accounts last changed, joined or left it, as far as the key sees them.',
    }),
  })
  .meta({ id: 'Profile', examples: [PROFILE_EXAMPLE] });

/** A former id of a profile, and the profile that has its accounts now. */
export const redirectSchema = z
  .object({
    id: z.string(),
    type: z.literal('profile'),
    merged_into: z.string(),
    merged_at: timestamp,
  })
  .meta({
    id: 'ProfileRedirect',
    examples: [
      {
        id: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d5',
        type: 'profile',
        merged_into: 'prof_01k9z3m8q4v7x2c5n6b8a1s3d4',
        merged_at: '2026-02-08T07:10:03.000Z',
      },
    ],
  });

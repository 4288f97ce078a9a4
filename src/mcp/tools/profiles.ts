import { z } from 'zod';
import type { components } from '../../client/index.js';
import { HEALTH_STATUSES } from '../../model/index.js';
import { defineTool, NOT_AUDITED, READS, type Tool } from '../define-tool.js';
import {
  count,
  given,
  page,
  pagedBy,
  pageOf,
  paging,
  shown,
  text,
  time,
  total,
  totalOf,
  untrusted,
} from '../shapes.js';
import { plain, plainJson, plainOrNull } from '../untrusted.js';
import { required } from './accounts.js';

type Profile = components['schemas']['Profile'];
const MATCHES = ['strong', 'weak', 'manual', 'mixed', 'none'] as const;

const profileShape = z.object({
  id: text,
  platform: text,
  username: text.nullable(),
  match: z.enum(MATCHES).describe('How the accounts of the profile are tied together.'),
  providers: z.array(text),
  account_count: count,
  health: z.object({ status: z.enum(HEALTH_STATUSES), reason: text.nullable(), confidence: text }),
  followers: count.nullable(),
  conflicts: count.describe('Fields in which its accounts contradict each other.'),
  updated_at: time,
  untrusted: untrusted({ display_name: text.nullable() }),
});
function profileOf(profile: Profile): z.input<typeof profileShape> {
  const { status, reason, confidence } = profile.health;
  return {
    id: profile.id,
    platform: plain(profile.platform),
    username: plainOrNull(profile.username.value),
    match: profile.match,
    providers: profile.providers,
    account_count: profile.account_count,
    health: { status, reason, confidence },
    followers: profile.metrics.followers.value,
    conflicts: profile.conflicts.length,
    updated_at: profile.updated_at,
    untrusted: { display_name: plainOrNull(profile.display_name.value) },
  };
}

const find = defineTool({
  name: 'profiles_find',
  title: 'Find profiles',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary: 'Finds profiles: one identity on one platform, seen through one or more accounts.',
  useWhen: [
    'see which accounts at several providers are the same identity',
    'find profiles that several providers hold, or whose facts conflict',
  ],
  examples: ['{"q": "northwind"}', '{"provider": ["outfame", "creatoraudit"]} held by both'],
  input: z.strictObject({
    q: z.string().min(1).max(200).optional().describe('Part of a username or display name.'),
    platform: z.array(z.string().min(1).max(64)).max(20).optional(),
    provider: z.array(z.string().min(1).max(64)).max(20).optional().describe('All must hold it.'),
    provider_count: z.int().min(1).optional(),
    match: z.array(z.enum(MATCHES)).optional(),
    health: z.array(z.enum(HEALTH_STATUSES)).optional(),
    has_conflicts: z.boolean().optional(),
    ...paging,
  }),
  output: z.object({ profiles: z.array(profileShape), ...page, ...total }),
  handle: async ({ limit, cursor, ...asked }, { api }) => {
    const query = { ...given(asked), ...pagedBy({ limit, cursor }) };
    const { data: answer } = await api.GET('/v1/profiles', { params: { query } });
    const { data, pagination } = required(answer);
    return {
      says: shown(data.length, 'profile', pagination),
      next: '`profile_get` with an `id`.',
      data: { profiles: data.map(profileOf), ...pageOf(pagination), ...totalOf(pagination) },
    };
  },
});

const get = defineTool({
  name: 'profile_get',
  title: 'Get one profile',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary: 'Shows one profile: its accounts, what ties them together, and what contradicts.',
  useWhen: [
    'see through which accounts and providers an identity is held',
    'judge whether accounts belong together before they are disconnected as one',
  ],
  examples: ['{"profile_id": "prof_01k9z3m8q4v7x2c5n6b8a1s3d4"}'],
  notes: ['Members with `match` `weak` share only a name and may be somebody else.'],
  input: z.strictObject({ profile_id: z.string().min(1).max(200) }),
  output: z.object({
    profile: profileShape.extend({
      members: z.array(
        z.object({
          account_id: text,
          ref: text,
          provider: text,
          username: text.nullable(),
          status: text,
          health: text,
          match: text,
          rule: text,
          stale: z.boolean(),
        }),
      ),
      candidates: z.array(text).describe('Other profiles that it may belong to.'),
      untrusted: untrusted({
        display_name: text.nullable(),
        conflicts: z.array(z.record(text, z.unknown())),
      }),
    }),
  }),
  handle: async ({ profile_id: id }, { api }) => {
    const { data: answer } = await api.GET('/v1/profiles/{id}', { params: { path: { id } } });
    const profile = required(answer).data as Profile;
    const short = profileOf(profile);
    return {
      says: `One profile. Its health is \`${profile.health.status}\`.`,
      next: '`account_health` with the `account_id` of a member.',
      data: {
        profile: {
          ...short,
          members: profile.members.map(({ account, match, rule, stale }) => ({
            account_id: account.id,
            ref: account.ref,
            provider: account.provider,
            username: plainOrNull(account.username),
            status: account.status,
            health: account.health.status,
            ...{ match, rule, stale },
          })),
          candidates: profile.candidates,
          untrusted: {
            ...short.untrusted,
            conflicts: plainJson(profile.conflicts) as Record<string, unknown>[],
          },
        },
      },
    };
  },
});

export const profileTools: readonly Tool[] = [find, get];

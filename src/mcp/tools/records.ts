import { z } from 'zod';
import { defineTool, NOT_AUDITED, READS, type Tool } from '../define-tool.js';
import {
  count,
  factsOf,
  factsShape,
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
import { plain, plainOrNull } from '../untrusted.js';
import { required } from './accounts.js';

const moment = z.string().max(64).optional().describe('A time, RFC 3339.');
const several = z.array(z.string().min(1).max(200)).max(50).optional();

const EVENT_KINDS = [
  'account.*',
  'connection.*',
  'disconnect.*',
  'finding.*',
  'gateway.*',
  'profile.*',
  'provider.*',
  'webhook.*',
] as const;

const events = defineTool({
  name: 'events_list',
  title: 'List events',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary:
    'Lists what has happened in the team or to one account, oldest or newest first, up to 90 days back.',
  useWhen: ['see what happened to accounts, connections and disconnects', 'follow what happens'],
  examples: [
    '{"type": ["account.*"]}',
    '{"account_id": "acct_01k9z3m8q4v7x2c5n6b8a1s3d4", "order_direction": "desc"}',
    '{"after": "<next_cursor of the answer before>"}',
  ],
  notes: ['For changes of health alone, `health_changes` is shorter.'],
  input: z.strictObject({
    type: z.array(z.enum(EVENT_KINDS)).optional(),
    account_id: z.string().max(2_000).optional().describe('An account: its id or its ref.'),
    order_direction: z.enum(['asc', 'desc']).optional().describe('`desc`: newest first.'),
    after: z.string().max(4_000).optional().describe('`next_cursor` of the answer before.'),
    limit: paging.limit,
  }),
  output: z.object({
    events: z.array(
      z.object({
        id: text,
        type: text,
        at: time,
        account_id: text.nullable(),
        untrusted: untrusted({ data: factsShape }),
      }),
    ),
    ...page,
  }),
  handle: async (asked, { api }) => {
    const { data: answer } = await api.GET('/v1/events', { params: { query: given(asked) } });
    const { data, pagination } = required(answer);
    return {
      says: shown(data.length, 'event', { has_next: false, next_cursor: null }),
      next: 'pass `next_cursor` as `after`, with the same order, to go on.',
      data: {
        events: data.map(({ id, type, timestamp, account_id, data: facts }) => ({
          ...{ id, type, at: timestamp, account_id },
          untrusted: { data: factsOf(facts) },
        })),
        ...pageOf(pagination),
      },
    };
  },
});

const audit = defineTool({
  name: 'audit_search',
  title: 'Search the audit log',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary: 'Searches who did what to which account, connection or key, newest first.',
  useWhen: ['find out who changed or disconnected something, and when', 'see what a key has done'],
  examples: [
    '{"target_id": ["acct_01k9z3m8q4v7x2c5n6b8a1s3d4"]}',
    '{"action": ["account.paused"]}',
  ],
  input: z.strictObject({
    action: several,
    target_type: several,
    target_id: several,
    key_id: several,
    request_id: z.string().min(1).max(200).optional(),
    since: moment,
    until: moment,
    ...paging,
  }),
  output: z.object({
    entries: z.array(
      z.object({
        id: text,
        at: time,
        action: text,
        target_type: text,
        target_id: text,
        key_id: text.nullable().describe('Null: Rollcall itself.'),
        request_id: text.nullable(),
        untrusted: untrusted({
          key_name: text.nullable(),
          reason: text.nullable(),
          before: factsShape,
          after: factsShape,
        }),
      }),
    ),
    ...page,
    ...total,
  }),
  handle: async ({ limit, cursor, ...asked }, { api }) => {
    const query = { ...given(asked), ...pagedBy({ limit, cursor }) };
    const { data: answer } = await api.GET('/v1/audit', { params: { query } });
    const { data, pagination } = required(answer);
    return {
      says: shown(data.length, 'audit entry', pagination).replace('entrys', 'entries'),
      data: {
        entries: data.map(({ id, at, action, target, actor, request_id, ...rest }) => ({
          ...{ id, at, action, target_type: target.type, target_id: target.id, request_id },
          key_id: actor?.key_id ?? null,
          untrusted: {
            key_name: plainOrNull(actor?.name),
            reason: plainOrNull(rest.reason),
            before: factsOf(rest.before),
            after: factsOf(rest.after),
          },
        })),
        ...pageOf(pagination),
        ...totalOf(pagination),
      },
    };
  },
});

const FINDING_KINDS = [
  'two_publishers',
  'tracked_twice',
  'single_provider',
  'engagement_beside_publishing',
  'stale_weak_link',
  'handle_taken_over',
] as const;

const findings = defineTool({
  name: 'findings_list',
  title: 'List findings',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary:
    'Lists irregularities in how accounts are held: held twice, by one provider only, and so on.',
  useWhen: ['find accounts that are held twice, or a name that was taken over'],
  examples: ['{}', '{"kind": ["handle_taken_over"]}'],
  input: z.strictObject({
    kind: z.array(z.enum(FINDING_KINDS)).optional(),
    state: z
      .array(z.enum(['open', 'dismissed', 'closed']))
      .optional()
      .describe('Open findings when left out.'),
    profile_id: several,
    provider: several,
    platform: several,
    ...paging,
  }),
  output: z.object({
    findings: z.array(
      z.object({
        id: text,
        kind: text,
        severity: text,
        state: text,
        profile_id: text,
        platform: text,
        since: time,
        next_step: text,
        accounts: z.array(z.object({ id: text, ref: text, provider: text })),
        account_count: count,
        untrusted: untrusted({ details: factsShape }),
      }),
    ),
    ...page,
    ...total,
  }),
  handle: async ({ limit, cursor, ...asked }, { api }) => {
    const query = { ...given(asked), ...pagedBy({ limit, cursor }) };
    const { data: answer } = await api.GET('/v1/findings', { params: { query } });
    const { data, pagination } = required(answer);
    return {
      says: shown(data.length, 'finding', pagination),
      next: '`profile_get` with a `profile_id`.',
      data: {
        findings: data.map((finding) => ({
          id: finding.id,
          kind: finding.kind,
          severity: finding.severity,
          state: finding.state,
          profile_id: finding.profile_id,
          platform: plain(finding.platform),
          since: finding.since,
          next_step: finding.next_step.code,
          accounts: finding.accounts.map(({ id, ref, provider }) => ({ id, ref, provider })),
          account_count: finding.account_count,
          untrusted: { details: factsOf(finding.details) },
        })),
        ...pageOf(pagination),
        ...totalOf(pagination),
      },
    };
  },
});

export const recordTools: readonly Tool[] = [events, audit, findings];

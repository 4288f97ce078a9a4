import { z } from 'zod';
import { HEALTH_STATUSES, NEXT_STEPS } from '../../model/index.js';
import { defineTool, NOT_AUDITED, READS, type Tool } from '../define-tool.js';
import { REASONS } from '../reasons.js';
import {
  changeOf,
  changeShape,
  count,
  counted,
  given,
  healthOf,
  healthShape,
  namesOf,
  page,
  pageOf,
  paging,
  shown,
  text,
  time,
  untrusted,
} from '../shapes.js';
import { plain } from '../untrusted.js';
import { accountFilter, accountReference, required } from './accounts.js';

/** Transitions that a diagnosis shows, newest last. */
const MAX_TRANSITIONS = 10;

/** What to do, by the gateway's one word for it. */
const STEPS: Readonly<Record<(typeof NEXT_STEPS)[number], string>> = {
  none: 'Nothing needs to be done.',
  wait: 'Wait: it resolves by itself.',
  retry: 'Check again with `account_probe`.',
  reconnect: 'The account holder must connect the account again at the provider.',
  resume: 'The account is paused: a person may resume it.',
  check_credentials: 'An administrator must check the key of the connection.',
  contact_provider:
    'Contact the provider: neither the account holder nor the gateway can change it.',
};
const FAULTS = {
  account: 'the account itself or its holder',
  connection: 'the connection: the key that the team has at the provider',
  provider: 'the provider',
  gateway: 'this gateway',
} as const;

const diagnosis = z.object({
  status: z.enum(HEALTH_STATUSES),
  cause: text.describe('What the reason means.'),
  reason: healthShape.shape.reason,
  whose_fault: text.nullable(),
  fault: healthShape.shape.fault,
  next_step: z.enum(NEXT_STEPS),
  what_to_do: text,
  since: time,
  checked_at: time,
});

const accountHealth = defineTool({
  name: 'account_health',
  title: 'Diagnose an account',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary:
    'Shows why an account is not healthy: the cause, the evidence, whose fault it is, what to do.',
  useWhen: [
    'explain to a person what is wrong with an account and what to do about it',
    'see since when, and what it was before',
  ],
  examples: ['{"account": "acct_01k9z3m8q4v7x2c5n6b8a1s3d4"}'],
  notes: ['It shows the result of the last check; `account_probe` checks again.'],
  input: z.strictObject({ account: accountReference }),
  output: z.object({
    account: z.object({
      id: text,
      ref: text,
      provider: text,
      platform: text,
      username: text.nullable(),
      status: text,
    }),
    diagnosis,
    evidence: z.object({
      transitions: z.array(changeShape).describe('The latest ones, oldest first.'),
      uptime_percent: z.object({
        day: z.number().nullable(),
        week: z.number().nullable(),
        month: z.number().nullable(),
      }),
      mean_time_to_recovery_seconds: z.number().nullable(),
      provider: z.object({
        status: text,
        since: time.nullable(),
        incident_since: time.nullable(),
      }),
    }),
    untrusted: untrusted({ recommendations: z.array(text) }),
  }),
  handle: async ({ account: id }, { api }) => {
    const { data: answer } = await api.GET('/v1/accounts/{id}/health', {
      params: { path: { id } },
    });
    const { health, history, uptime, ...account } = required(answer).data;
    const { data: asked } = await api.GET('/v1/providers/{provider}', {
      params: { path: { provider: account.provider } },
    });
    const { state } = required(asked).data;
    const { reason, fault, status, next_step, since, checked_at } = healthOf(health);
    const cause = reason === null ? 'No problem is known.' : REASONS[reason];
    return {
      says: `The account is \`${status}\`. ${cause} ${fault === null ? '' : `At fault: ${FAULTS[fault]}. `}${STEPS[next_step]}`,
      data: {
        account: { ...namesOf(account), status: account.status },
        diagnosis: {
          ...{ status, cause, reason, fault, next_step, since, checked_at },
          whose_fault: fault === null ? null : FAULTS[fault],
          what_to_do: STEPS[next_step],
        },
        evidence: {
          transitions: [...history]
            .sort((one, other) => one.at.localeCompare(other.at))
            .slice(-MAX_TRANSITIONS)
            .map(changeOf),
          uptime_percent: { day: uptime['24h'], week: uptime['7d'], month: uptime['30d'] },
          mean_time_to_recovery_seconds: account.mean_time_to_recovery_seconds,
          provider: {
            status: state.status,
            since: state.since,
            incident_since: state.incident?.opened_at ?? null,
          },
        },
        untrusted: { recommendations: health.recommendations.map(({ message }) => plain(message)) },
      },
    };
  },
});

const healthSummary = defineTool({
  name: 'health_summary',
  title: 'Summarize health',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary: 'Counts accounts by their health, over all accounts or those of a filter.',
  useWhen: ['count how many accounts are healthy', 'compare a provider or brand with all accounts'],
  examples: ['{}', '{"provider": ["octopost"]}'],
  input: z.strictObject(accountFilter),
  output: z.object({
    summary: z.object({
      total: count,
      healthy: count,
      warning: count,
      unhealthy: count,
      unknown: count,
    }),
  }),
  handle: async (asked, { api }) => {
    const query = { ...given(asked), limit: 1 };
    const { data: answer } = await api.GET('/v1/accounts/health', { params: { query } });
    const { summary } = required(answer);
    return {
      says: `Of ${counted(summary.total, 'account')}: ${summary.healthy} healthy, ${summary.warning} with a warning, ${summary.unhealthy} unhealthy, ${summary.unknown} unknown.`,
      next: '`accounts_find` with `health` lists them.',
      data: { summary },
    };
  },
});

const healthChanges = defineTool({
  name: 'health_changes',
  title: 'List changes of health',
  requiredScope: 'read',
  audit: NOT_AUDITED,
  hints: READS,
  summary: 'Lists how the health of accounts has changed, oldest first.',
  useWhen: ['see what went wrong since a time', 'follow changes: pass `next_cursor` as `since`'],
  examples: ['{"since": "2026-02-09T08:00:00Z"}'],
  input: z.strictObject({
    since: z.string().max(4_000).optional().describe('A time (RFC 3339), or `next_cursor`.'),
    limit: paging.limit,
  }),
  output: z.object({
    changes: z.array(changeShape.extend({ account_id: text, ref: text.nullable() })),
    ...page,
  }),
  handle: async (asked, { api }) => {
    const { data: answer } = await api.GET('/v1/health/changes', {
      params: { query: given(asked) },
    });
    const { data, pagination } = required(answer);
    return {
      says: shown(data.length, 'change', { has_next: false, next_cursor: null }),
      next: 'pass `next_cursor` as `since` for later changes; `account_health` diagnoses one account.',
      data: {
        changes: data.map((change) => ({
          ...changeOf(change),
          account_id: change.account_id,
          ref: change.ref,
        })),
        ...pageOf(pagination),
      },
    };
  },
});

export const healthTools: readonly Tool[] = [accountHealth, healthSummary, healthChanges];

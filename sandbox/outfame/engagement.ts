import { decodeCursor, encodeCursor } from '../cursor.js';
import { scatter } from '../deterministic.js';
import { type Answer, type Fields, isObject, type Question, timestamp } from '../message.js';
import type { Call, Route } from '../provider.js';
import { accountOrRefuse } from './accounts.js';
import { jsonBody, pageLimit, refused } from './fault.js';

const DAY_MS = 86_400_000;
const ACTIONS_PER_DAY = 240;
const ACTION_TYPES = ['like', 'follow', 'comment', 'story_view'];
const ACTION_STATUSES = ['completed', 'completed', 'completed', 'skipped', 'failed', 'pending'];
const SOURCES = ['hashtag:fitness', 'competitor:rival_brand', 'location:Los Angeles, CA'];

/** Pause and resume: every conflict is a 400 (Outfame docs, Engagement reference). */
function pause({ question, accounts, now }: Call): Answer {
  const id = bodyAccountId(question);
  const { status } = accountOrRefuse(accounts, id);
  refuseInSetup(status);
  if (status === 'paused') throw refused(400, 'already_paused', 'Engagement is already paused.');
  if (status === 'suspended') throw suspended();
  const paused_at = timestamp(now);
  accounts.put(id, { status: 'paused', updated_at: paused_at });
  return {
    status: 200,
    body: { account_id: id, status: 'paused', paused_at, queued_actions_cancelled: 12 },
  };
}

function resume({ question, accounts, now }: Call): Answer {
  const id = bodyAccountId(question);
  const { status } = accountOrRefuse(accounts, id);
  refuseInSetup(status);
  if (status === 'active') throw refused(400, 'already_active', 'Engagement is already active.');
  if (status === 'suspended') throw suspended();
  const resumed_at = timestamp(now);
  accounts.put(id, { status: 'active', updated_at: resumed_at });
  return { status: 200, body: { account_id: id, status: 'active', resumed_at } };
}

function bodyAccountId(question: Question): string {
  const { account_id } = jsonBody(question);
  if (typeof account_id !== 'string')
    throw refused(400, 'invalid_request', 'account_id is required.');
  return account_id;
}

function refuseInSetup(status: unknown): void {
  if (status === 'setup')
    throw refused(400, 'account_in_setup', 'The account is still being validated.');
}

function suspended(): Error {
  return refused(400, 'account_suspended', 'The account is suspended. Contact support.');
}

function queryAccountId(question: Question): string {
  const id = question.query.get('account_id');
  if (id === null) throw refused(400, 'invalid_request', 'account_id is required.');
  return id;
}

/** The log of one day, newest first. What the day has not reached yet is not there. */
function activity({ question, accounts, now }: Call): Answer {
  const id = queryAccountId(question);
  accountOrRefuse(accounts, id);
  const limit = pageLimit(question, 50, 200);
  const type = question.query.get('type');
  const date = question.query.get('date') ?? now.toISOString().slice(0, 10);
  const midnight = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(midnight)) throw refused(400, 'invalid_request', 'date must be an ISO date.');
  if (type !== null && !ACTION_TYPES.includes(type))
    throw refused(400, 'invalid_request', 'type is none of the four.');

  const boundTo = JSON.stringify([id, type, date]);
  const cursor = question.query.get('cursor');
  const place = cursor === null ? undefined : decodeCursor(cursor.replace(/^cur_/, ''), boundTo);
  if (cursor !== null && !place)
    throw refused(400, 'invalid_cursor', 'The cursor is not valid for this list.');

  const past = Math.floor((now.getTime() - midnight) / (DAY_MS / ACTIONS_PER_DAY));
  const count = Math.max(0, Math.min(ACTIONS_PER_DAY, past));
  const indices = Array.from({ length: count }, (_, back) => count - 1 - back)
    .filter((index) => place === undefined || index < place.position)
    .filter((index) => type === null || ACTION_TYPES[index % ACTION_TYPES.length] === type);
  const page = indices.slice(0, limit);
  const data = page.map((index) => action(midnight, index));
  // On the last page `next_cursor` is left out here and null in the account list: neither is
  // documented, a caller bears both.
  if (indices.length <= limit) return { status: 200, body: { data, has_more: false } };
  const next_cursor = `cur_${encodeCursor({ rank: 0, position: page.at(-1) ?? 0 }, boundTo)}`;
  return { status: 200, body: { data, has_more: true, next_cursor } };
}

function action(midnight: number, index: number): Fields {
  const chosen = scatter(index + midnight / DAY_MS, 1_000);
  return {
    id: `act_${(midnight / DAY_MS).toString(36)}${String(index).padStart(4, '0')}`,
    type: ACTION_TYPES[index % ACTION_TYPES.length],
    target_username: `follower_${chosen}`,
    target_post_id: `Cx${chosen}AbC`,
    source: SOURCES[chosen % SOURCES.length],
    quality_score: chosen / 1_000,
    status: ACTION_STATUSES[chosen % ACTION_STATUSES.length],
    performed_at: timestamp(new Date(midnight + index * (DAY_MS / ACTIONS_PER_DAY))),
  };
}

/**
 * Today's counters; they start again at midnight UTC. The rates here are fractions, unlike those of
 * the account.
 */
function stats({ question, accounts, now }: Call): Answer {
  const id = queryAccountId(question);
  const account = accountOrRefuse(accounts, id);
  const date = now.toISOString().slice(0, 10);
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const dayPart = (now.getTime() - midnight) / DAY_MS;
  const limits = Object.entries(isObject(account.daily_limits) ? account.daily_limits : {});
  const actions = Object.fromEntries(
    limits.map(([name, value]) => {
      const limit = Number(value);
      const performed = account.status === 'active' ? Math.floor(limit * dayPart) : 0;
      return [name, { performed, limit, remaining: limit - performed }];
    }),
  );
  const body = {
    account_id: id,
    date,
    status: account.status,
    actions,
    total_actions_today: Object.values(actions).reduce(
      (total, { performed }) => total + performed,
      0,
    ),
    conversion_rates: {
      like_to_follow_back: 0.048,
      follow_to_follow_back: 0.22,
      comment_to_follow_back: 0.15,
      story_view_to_follow_back: 0.031,
    },
    avg_quality_score: 0.84,
    next_action_at:
      account.status === 'active' ? timestamp(new Date(now.getTime() + 180_000)) : null,
    resets_at: timestamp(new Date(midnight + DAY_MS)),
  };
  return { status: 200, body };
}

/** Outfame docs, Engagement reference. */
export const engagementRoutes: readonly Route[] = [
  { method: 'POST', path: '/engagement/pause', handle: pause },
  { method: 'POST', path: '/engagement/resume', handle: resume },
  { method: 'GET', path: '/engagement/activity', handle: activity },
  { method: 'GET', path: '/engagement/stats', handle: stats },
];

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Accounts } from '../accounts.js';
import { type Answer, type Fields, Refused } from '../message.js';
import type { Call, Route } from '../provider.js';
import { list } from './list.js';
import { notFound, problem } from './problem.js';
import { blankAccount, CREATORS, refreshed } from './seed.js';
import { CreateAccount, jsonBody, UpdateAccount, valid } from './validate.js';

/**
 * What CreatorAudit's documents leave open, decided here: an id that is no UUID → 422; PATCH → 200
 * with the account; DELETE → 204 with no body, then 404; tracking the same profile anew gives a new
 * id; a handle counts as tracked without regard to case.
 */
export function accountRoutes(): readonly Route[] {
  const createOnce = idempotent(create);
  return [
    { method: 'GET', path: '/accounts', handle: list },
    { method: 'POST', path: '/accounts', handle: createOnce },
    {
      method: 'GET',
      path: '/accounts/{id}',
      handle: (call) => ({ status: 200, body: { data: found(call).account } }),
    },
    { method: 'PATCH', path: '/accounts/{id}', handle: update },
    { method: 'DELETE', path: '/accounts/{id}', handle: remove },
  ];
}

const IdOnly = z.object({ id: z.uuid() });
/** Handles that the first refresh will find private or gone: creation takes them all the same. */
const UNREACHABLE_HANDLE = /^(missing|private)_/;
const IDEMPOTENCY_WINDOW_MS = 600_000;

function found({ params, accounts }: Call): { id: string; account: Fields } {
  const { id } = valid(IdOnly, params);
  const account = accounts.get(id);
  if (!account) throw notFound('Account');
  return { id, account };
}

function create({ question, accounts, settings, now }: Call): Answer {
  const wanted = jsonBody(question, CreateAccount);
  const creator_name = creatorName(wanted.creator_id);
  if (isTracked(accounts, wanted.platform, wanted.username)) {
    throw new Refused(problem(409, 'CONFLICT', 'Conflict', 'Account is already tracked.'));
  }
  if (settings.account_limit !== null && accounts.size >= settings.account_limit) {
    throw new Refused(problem(403, 'QUOTA_EXCEEDED', 'Forbidden', 'Account quota exceeded.'));
  }
  const id = newId(accounts.createdCount);
  const account = { ...blankAccount(id, now), ...wanted, creator_name };
  accounts.put(id, account);
  const firstRefresh = new Date(now.getTime() + settings.setup_ms);
  const finding = UNREACHABLE_HANDLE.test(wanted.username)
    ? { is_unavailable: true }
    : refreshed(wanted.platform, accounts.createdCount, firstRefresh);
  accounts.putLater(id, finding, firstRefresh);
  const location = `${question.origin}/creatoraudit/v2/accounts/${id}`;
  return { status: 201, headers: { Location: location }, body: { data: account } };
}

function update(call: Call): Answer {
  const { id, account } = found(call);
  const changes = jsonBody(call.question, UpdateAccount);
  const fields = {
    ...changes,
    ...('creator_id' in changes && { creator_name: creatorName(changes.creator_id) }),
    ...('max_recent_posts_per_account' in changes && {
      effective_max_recent_posts_per_account: changes.max_recent_posts_per_account ?? 100,
    }),
    ...('post_lookback_days' in changes && {
      effective_post_lookback_days: changes.post_lookback_days ?? 90,
    }),
  };
  call.accounts.put(id, fields);
  return { status: 200, body: { data: { ...account, ...fields } } };
}

function remove(call: Call): Answer {
  call.accounts.remove(found(call).id);
  return { status: 204 };
}

function creatorName(creatorId: string | null | undefined): string | null {
  if (creatorId === null || creatorId === undefined) return null;
  const name = CREATORS.get(creatorId);
  if (name === undefined) throw notFound('Creator');
  return name;
}

function isTracked(accounts: Accounts, platform: string, username: string): boolean {
  for (const { account } of accounts.walk('newest_first')) {
    if (
      account.platform === platform &&
      String(account.username).toLowerCase() === username.toLowerCase()
    )
      return true;
  }
  return false;
}

function newId(serial: number): string {
  const hex = createHash('sha256').update(`creatoraudit ${serial}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * The same `Idempotency-Key` within ten minutes gets the same answer: in this process only, as the
 * vendor says of its own.
 */
function idempotent(handle: Route['handle']): Route['handle'] {
  const answers = new Map<string, { readonly answer: Answer; readonly until: number }>();
  return (call) => {
    const key = call.question.headers['idempotency-key'];
    if (typeof key !== 'string') return handle(call);
    const former = answers.get(key);
    if (former && former.until > call.now.getTime()) return former.answer;
    const answer = handle(call);
    answers.set(key, { answer, until: call.now.getTime() + IDEMPOTENCY_WINDOW_MS });
    return answer;
  };
}

import { createHash } from 'node:crypto';
import type { Accounts } from '../accounts.js';
import { decodeCursor, encodeCursor } from '../cursor.js';
import { type Answer, type Fields, isObject, timestamp } from '../message.js';
import type { Call, Route } from '../provider.js';
import { accountNotFound, jsonBody, pageLimit, refused } from './fault.js';
import { blankAccount } from './seed.js';

const PLATFORMS: readonly unknown[] = ['instagram', 'tiktok'];
const STATUSES: readonly unknown[] = ['setup', 'active', 'paused', 'suspended'];
const HANDLE = /^[A-Za-z0-9._]{1,30}$/;
/** Handles that Outfame will not find: it refuses those that do not exist or are private. */
const UNREACHABLE_HANDLE = /^(missing|private)_/;

export function accountOrRefuse(accounts: Accounts, id: string): Fields {
  const account = accounts.get(id);
  if (!account) throw accountNotFound(id);
  return account;
}

/** A list item: the published sample leaves these three out, and a caller must bear it. */
function summary({ following_count, targeting_config, daily_limits, ...rest }: Fields): Fields {
  return rest;
}

function list({ question, accounts }: Call): Answer {
  const limit = pageLimit(question, 20, 100);
  const platform = question.query.get('platform');
  const status = question.query.get('status');
  if (platform !== null && !PLATFORMS.includes(platform))
    throw refused(400, 'invalid_platform', 'platform must be instagram or tiktok.');
  if (status !== null && !STATUSES.includes(status))
    throw refused(400, 'invalid_request', 'status must be setup, active, paused or suspended.');

  const boundTo = JSON.stringify([platform, status]);
  const cursor = question.query.get('cursor');
  const place = cursor === null ? undefined : decodeCursor(cursor.replace(/^cur_/, ''), boundTo);
  if (cursor !== null && !place)
    throw refused(400, 'invalid_cursor', 'The cursor is not valid for this list.');

  const page: Fields[] = [];
  let last = 0;
  for (const { account, position } of accounts.walk('newest_first', place?.position)) {
    if (platform !== null && account.platform !== platform) continue;
    if (status !== null && account.status !== status) continue;
    if (page.length === limit) {
      const next_cursor = `cur_${encodeCursor({ rank: 0, position: last }, boundTo)}`;
      return { status: 200, body: { data: page, has_more: true, next_cursor } };
    }
    page.push(summary(account));
    last = position;
  }
  return { status: 200, body: { data: page, has_more: false, next_cursor: null } };
}

function create({ question, accounts, settings, now }: Call): Answer {
  const {
    instagram_username: username,
    platform,
    targeting_config,
    daily_limits,
  } = jsonBody(question);
  if (!PLATFORMS.includes(platform))
    throw refused(400, 'invalid_platform', 'platform must be instagram or tiktok.');
  if (typeof username !== 'string' || !HANDLE.test(username) || UNREACHABLE_HANDLE.test(username)) {
    throw refused(400, 'invalid_username', 'The handle does not exist or is a private account.');
  }
  if (settings.account_limit !== null && accounts.size >= settings.account_limit) {
    throw refused(403, 'account_limit_reached', 'Your plan allows no more accounts.');
  }
  if (isHeld(accounts, username))
    throw refused(
      409,
      'account_already_exists',
      'The handle is already connected to your organization.',
    );

  const id = `acc_${createHash('sha256').update(`outfame ${accounts.createdCount}`).digest('hex').slice(0, 10)}`;
  const blank = blankAccount(id, now);
  const account = {
    ...blank,
    instagram_username: username,
    platform,
    status: 'setup',
    ...(isObject(targeting_config) && {
      targeting_config: { ...Object(blank.targeting_config), ...targeting_config },
    }),
    ...(isObject(daily_limits) && {
      daily_limits: { ...Object(blank.daily_limits), ...daily_limits },
    }),
  };
  accounts.put(id, account);
  accounts.putLater(id, { status: 'active' }, new Date(now.getTime() + settings.setup_ms));
  return { status: 201, body: account };
}

/**
 * One handle, one account, whatever the platform: the stricter reading of "already connected to the
 * organization".
 */
function isHeld(accounts: Accounts, username: string): boolean {
  for (const { account } of accounts.walk('newest_first')) {
    if (String(account.instagram_username).toLowerCase() === username.toLowerCase()) return true;
  }
  return false;
}

/**
 * Nested objects are replaced whole: the merge depth is not documented, and a caller that relies on
 * merging must be caught.
 */
function update({ question, params, accounts, now }: Call): Answer {
  const id = params.id ?? '';
  const account = accountOrRefuse(accounts, id);
  const changes = jsonBody(question);
  for (const [name, value] of Object.entries(changes)) {
    if (name !== 'targeting_config' && name !== 'daily_limits')
      throw refused(400, 'invalid_request', `${name} cannot be changed.`);
    if (!isObject(value)) throw refused(400, 'invalid_request', `${name} must be an object.`);
  }
  const fields = { ...changes, updated_at: timestamp(now) };
  accounts.put(id, fields);
  return { status: 200, body: { ...account, ...fields } };
}

function remove({ params, accounts }: Call): Answer {
  const id = params.id ?? '';
  if (!accounts.remove(id)) throw accountNotFound(id);
  return { status: 200, body: { id, deleted: true } };
}

/** Outfame docs, Accounts reference. */
export const accountRoutes: readonly Route[] = [
  { method: 'GET', path: '/accounts', handle: list },
  { method: 'POST', path: '/accounts', handle: create },
  {
    method: 'GET',
    path: '/accounts/{id}',
    handle: ({ params, accounts }) => ({
      status: 200,
      body: accountOrRefuse(accounts, params.id ?? ''),
    }),
  },
  { method: 'PATCH', path: '/accounts/{id}', handle: update },
  { method: 'DELETE', path: '/accounts/{id}', handle: remove },
];

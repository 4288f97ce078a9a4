import { membersOf, withMembers } from '../support/raw-json.js';
import type { Answer, Received } from './scripted-provider.js';

export type ProviderName = 'outfame' | 'creatoraudit' | 'socialsyncer' | 'octopost';

/** An account as its provider keeps it: JSON text, so that every byte of it is what it was. */
export interface Held {
  readonly item: string;
  /** What the bulk health report tells of it, where the provider has one. */
  readonly health: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;
type Accounts = Map<string, Held>;

/** Fields of SocialSyncer's health report, and those that both of its lists tell. */
const HEALTH_FIELDS: readonly string[] = ['health', 'tokenValid', 'permissions', 'recommendations'];
const SHARED_FIELDS: readonly string[] = ['platform', 'accountId', 'username'];

/** Ids as each provider forms them, a different one for each number below 65,536. */
export function idOf(provider: ProviderName, number: number): string {
  const hex = number.toString(16).padStart(4, '0');
  return {
    outfame: `acc_${number}`,
    creatoraudit: `3c90c3cc-0d44-4b50-8888-8dd25736${hex}`,
    socialsyncer: `${['instagram', 'tiktok', 'X'][number % 3]}/1784${hex}`,
    octopost: `acc_${number}`,
  }[provider];
}

/** An account as the provider documents it, healthy in all respects. */
export function accountTexts(provider: ProviderName, id: string): Held {
  const [item, health] = GOOD[provider](id);
  return { item: JSON.stringify(item), health: health && JSON.stringify(health) };
}

/** The account with `part` and then `rawPart` (members as JSON text) in place of its own. */
export function textsWith(
  provider: ProviderName,
  { item, health }: Held,
  part: Fields,
  rawPart: string,
): Held {
  const given = new Map([...membersOf(JSON.stringify(part)), ...membersOf(`{${rawPart}}`)]);
  const only = (keep: (name: string) => boolean) =>
    new Map([...given].filter(([name]) => keep(name)));
  if (health === undefined || provider !== 'socialsyncer')
    return { item: withMembers(item, given), health };
  return {
    item: withMembers(
      item,
      only((name) => !HEALTH_FIELDS.includes(name)),
    ),
    health: withMembers(
      health,
      only((name) => HEALTH_FIELDS.includes(name) || SHARED_FIELDS.includes(name)),
    ),
  };
}

const GOOD: Record<ProviderName, (id: string) => readonly [Fields, Fields?]> = {
  outfame: (id) => [
    {
      id,
      instagram_username: `${id}_handle`,
      platform: 'instagram',
      status: 'active',
      followers_count: 14_832,
      following_count: 1205,
      engagement_rate: 4.17,
      growth_rate: 12.5,
      targeting_config: { hashtags: ['coffee'], filters: { gender: 'all', language: null } },
      daily_limits: { likes: 150, follows: 60, comments: 20, story_views: 200 },
      created_at: '2026-01-15T08:30:00Z',
      updated_at: '2026-02-09T11:45:22Z',
    },
  ],
  creatoraudit: (id) => [
    {
      id,
      type: 'account',
      platform: 'instagram',
      username: `user_${id.slice(0, 8)}`,
      name: 'Harbor Kitchen',
      profile_pic_url: 'https://cdn.example/p.jpg',
      is_verified: false,
      is_active: true,
      is_unavailable: false,
      creator_id: null,
      category: 'food',
      metadata: { note: 'plain' },
      added_at: '2026-01-10T05:31:56Z',
      last_scrape_time: new Date(Date.now() - 3_600_000).toISOString(),
      scrape_interval_hours: 24,
      follower_count: 1200,
      following_count: 80,
      profile_post_count: 64,
      view_count: 90_210,
      like_count: 4100,
      comment_count: 320,
      share_count: 150,
      saved_count: 12,
      max_recent_posts_per_account: null,
      post_lookback_days: null,
    },
  ],
  socialsyncer: (id) => {
    const [platform = '', accountId] = id.split('/');
    const pair = { platform, accountId, username: `name_${accountId}` };
    return [
      { ...pair, connectedAt: '2026-01-15T10:10:00Z' },
      {
        ...pair,
        health: 'healthy',
        tokenValid: true,
        permissions: ['read', 'publish'],
        recommendations: [],
      },
    ];
  },
  octopost: (id) => [
    {
      id,
      platform: 'twitter',
      platform_user_id: `10${[...id].map((letter) => letter.charCodeAt(0)).join('')}`,
      username: `${id}_handle`,
      display_name: `The ${id}`,
      avatar_url: 'https://cdn.example/a.jpg',
      is_active: true,
      connected_at: '2026-03-01T10:00:00Z',
      last_used_at: null,
    },
  ],
};

/** How each provider answers by its reference, over the accounts it holds. */
export const PROVIDER_FORMATS: Record<
  ProviderName,
  (request: Received, held: Accounts, pageSize: number) => Answer
> = {
  outfame: (request, held, pageSize) => {
    const one = ofOne(request, held, {
      missing: FAULTS.outfame,
      show: (item) => item,
      deleted: (id) => ({ body: { id, deleted: true } }),
    });
    if (one) return one;
    if (request.path.startsWith('/engagement/')) return switchEngagement(request, held);
    const { items, next } = pageOf(request, held, pageSize);
    const more = next === null ? '' : `,"next_cursor":"${next}"`;
    return { raw: `{"data":[${items}],"has_more":${next !== null}${more}}` };
  },

  creatoraudit: (request, held, pageSize) => {
    if (request.path === '/whoami')
      return { body: { data: { type: 'whoami', organization_id: 'org_1', api_key_name: 'k' } } };
    const one = ofOne(request, held, {
      missing: FAULTS.creatoraudit,
      show: (item) => `{"data":${item}}`,
      deleted: () => ({ status: 204 }),
    });
    if (one) return one;
    const { items, next, limit } = pageOf(request, held, pageSize);
    const cursor = next === null ? 'null' : `"${next}"`;
    const paging = `{"next_cursor":${cursor},"has_next":${next !== null},"limit":${limit}}`;
    return { raw: `{"data":[${items}],"pagination":${paging},"filters":{}}` };
  },

  socialsyncer: ({ method, path, query }, held) => {
    const id = path.replace('/accounts/', '').split('/').map(decodeURIComponent).join('/');
    if (method === 'DELETE')
      return held.delete(id) ? { body: { deleted: true } } : FAULTS.socialsyncer;
    const wanted = query.get('platform');
    const isWanted = ([key]: [string, Held]) => wanted === null || key.startsWith(`${wanted}/`);
    const texts = [...held].filter(isWanted).map(([, account]) => account);
    const told = texts.flatMap(({ item, health }) =>
      path.endsWith('/health') ? [health] : [item],
    );
    return { raw: `{"accounts":[${told.filter((text) => text !== undefined)}]}` };
  },

  octopost: (request, held) =>
    ofOne(request, held, {
      missing: FAULTS.octopost,
      show: (item) => item,
      deleted: () => ({ status: 204 }),
    }) ?? { raw: `{"accounts":[${[...held.values()].map(({ item }) => item)}]}` },
};

/** What each provider says of an account that it does not hold. */
export const FAULTS: Record<ProviderName, Answer> = {
  outfame: {
    status: 404,
    body: { error: { code: 'account_not_found', message: 'No account has this id.' } },
  },
  creatoraudit: {
    status: 404,
    headers: [['content-type', 'application/problem+json']],
    body: {
      type: 'urn:creatoraudit:error:not-found',
      title: 'Not Found',
      status: 404,
      detail: 'Account not found.',
      code: 'NOT_FOUND',
    },
  },
  socialsyncer: { status: 404, body: { error: 'Account not found', code: 'NOT_FOUND' } },
  octopost: { status: 404, body: { error: 'Account not found', code: 'not_found' } },
};

/** Calls on one account: read it, change it, delete it. */
function ofOne(
  { method, path, body }: Received,
  held: Accounts,
  manner: {
    readonly missing: Answer;
    readonly show: (item: string) => string;
    readonly deleted: (id: string) => Answer;
  },
): Answer | undefined {
  const encoded = /^\/accounts\/([^/]+)$/.exec(path)?.[1];
  if (encoded === undefined) return undefined;
  const id = decodeURIComponent(encoded);
  const account = held.get(id);
  if (!account) return manner.missing;
  if (method === 'DELETE') {
    held.delete(id);
    return manner.deleted(id);
  }
  const item = method === 'PATCH' ? withMembers(account.item, membersOf(body)) : account.item;
  held.set(id, { ...account, item });
  return { raw: manner.show(item) };
}

function switchEngagement({ path, body }: Received, held: Accounts): Answer {
  const id = (JSON.parse(body) as { account_id: string }).account_id;
  const account = held.get(id);
  if (!account) return FAULTS.outfame;
  const status = path.endsWith('/pause') ? 'paused' : 'active';
  const part = new Map([['status', JSON.stringify(status)]]);
  held.set(id, { ...account, item: withMembers(account.item, part) });
  return { body: { account_id: id, status } };
}

function pageOf({ query }: Received, held: Accounts, pageSize: number) {
  const limit = Math.min(pageSize, Number(query.get('limit') ?? pageSize));
  const start = Number(query.get('cursor')?.slice('cur_'.length) ?? 0);
  const platform = query.get('platform');
  const wanted = [...held.values()].filter(
    ({ item }) => platform === null || JSON.parse(item).platform === platform,
  );
  const items = wanted.slice(start, start + limit).map(({ item }) => item);
  const end = start + limit;
  return { items, limit, next: end < wanted.length ? `cur_${end}` : null };
}

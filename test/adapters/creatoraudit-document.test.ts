import { accountSchema } from '../../adapters/creatoraudit/schema.js';
import { expect, test } from '../support/jest.js';
import type { Faithful } from './creatoraudit-document.js';

test('the schema reads an account that is typed by the provider document', () => {
  const documented: Faithful = {
    id: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
    platform: 'instagram',
    username: 'creatoraudit',
    name: null,
    profile_pic_url: null,
    profile_pic_url_original: null,
    is_verified: false,
    is_active: null,
    is_unavailable: false,
    creator_id: null,
    category: null,
    metadata: null,
    added_at: null,
    last_scrape_time: null,
    scrape_interval_hours: 24,
    follower_count: 0,
    following_count: 0,
    profile_post_count: 0,
    view_count: 0,
    like_count: 0,
    comment_count: 0,
    share_count: 0,
    saved_count: null,
    max_recent_posts_per_account: null,
    post_lookback_days: null,
  };
  expect(accountSchema.parse(documented)).toStrictEqual(documented);
});

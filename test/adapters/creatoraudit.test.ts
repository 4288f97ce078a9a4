import { creatoraudit } from '../../adapters/creatoraudit/index.js';
import { NO_METRICS } from '../../src/model/index.js';
import { describe, expect, test } from '../support/jest.js';
import { answer, expectState, faultCode, look, noParameter, OBSERVED_AT } from './support.js';

const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number) => new Date(OBSERVED_AT.getTime() - hours * HOUR_MS).toISOString();

const account = {
  id: '3c90c3cc-0d44-4b50-8888-8dd25736052a',
  platform: 'tiktok',
  username: 'creatoraudit',
  is_verified: false,
  is_active: true,
  is_unavailable: false,
  last_scrape_time: hoursAgo(1),
  scrape_interval_hours: 24,
  follower_count: 1200,
  view_count: 1000,
  like_count: 40,
  comment_count: 3,
  share_count: 2,
};

describe('CreatorAudit: the status and health table, first matching row first', () => {
  const never = { last_scrape_time: null };
  const old = { last_scrape_time: hoursAgo(1000) };
  test.each([
    [
      'is_unavailable',
      { is_unavailable: true },
      ['unavailable', 'unhealthy', 'profile_unavailable', 'account'],
    ],
    [
      'is_unavailable before all else',
      { is_unavailable: true, is_active: false, ...never },
      ['unavailable', 'unhealthy', 'profile_unavailable', 'account'],
    ],
    ['is_active false', { is_active: false }, ['paused', 'warning', 'account_paused', 'account']],
    [
      'is_active false before never scraped',
      { is_active: false, ...never },
      ['paused', 'warning', 'account_paused', 'account'],
    ],
    [
      'is_active false before stale',
      { is_active: false, ...old },
      ['paused', 'warning', 'account_paused', 'account'],
    ],
    ['last_scrape_time null', never, ['setup', 'unknown', 'setup_pending', null]],
    ['last scrape older than 2 intervals', old, ['active', 'warning', 'data_stale', 'provider']],
    ['is_active true', {}, ['active', 'healthy', null, null]],
    ['is_active null', { is_active: null }, ['active', 'healthy', null, null]],
  ] as const)('%s', (_, facts, state) => {
    expectState(look(creatoraudit, { ...account, ...facts }), state);
  });

  test.each([
    [6, 12, 'healthy'],
    [6, 12.001, 'warning'],
    [undefined, 48, 'healthy'],
    [undefined, 48.001, 'warning'],
    [720, 1439, 'healthy'],
  ])('with an interval of %s h a scrape %s h ago is %s', (interval, age, health) => {
    const wire = { ...account, scrape_interval_hours: interval, last_scrape_time: hoursAgo(age) };
    expect(look(creatoraudit, wire).verdict.status).toBe(health);
  });
});

describe('CreatorAudit: quirks', () => {
  test('zero is not data: every metric is null until the first scrape, and so is the badge', () => {
    const { metrics, isVerified } = look(creatoraudit, {
      ...account,
      follower_count: 0,
      last_scrape_time: null,
    });
    expect(metrics).toStrictEqual(NO_METRICS);
    expect(isVerified).toBeNull();
  });

  test('zero is data after the first scrape', () => {
    expect(look(creatoraudit, { ...account, follower_count: 0 }).metrics.followers).toBe(0);
  });

  test('the engagement rate is (likes + comments + shares) / views in percent', () => {
    const rate = (counts: object) =>
      look(creatoraudit, { ...account, ...counts }).metrics.engagementRate;
    expect(rate({})).toBe(4.5);
    expect(rate({ view_count: 3, like_count: 1, comment_count: 0, share_count: 0 })).toBe(33.3333);
    expect(rate({ view_count: 0 })).toBeNull();
    expect(rate({ share_count: null })).toBeNull();
  });

  test('is_active is nullable and null is neither paused nor unavailable', () => {
    expect(look(creatoraudit, { ...account, is_active: null }).status).toBe('active');
  });

  test('a disabled key is 403 FORBIDDEN or 401: both reject the credential; a missing scope does not', () => {
    expect(faultCode(creatoraudit, { code: 'FORBIDDEN' })).toBe('credential_rejected');
    expect(faultCode(creatoraudit, { code: 'UNAUTHORIZED' })).toBe('credential_rejected');
    expect(faultCode(creatoraudit, { code: 'INSUFFICIENT_SCOPE' })).toBe('permission_denied');
    expect(faultCode(creatoraudit, { code: 'QUOTA_EXCEEDED' })).toBe('quota_exceeded');
  });

  test('samples drop the code of a problem: the status decides then', () => {
    expect(faultCode(creatoraudit, { status: 404, detail: 'Account not found.' })).toBeNull();
  });

  test('the refresh interval is a setting of the account, 24 h where it is not told', () => {
    expect(look(creatoraudit, { ...account, scrape_interval_hours: 6 }).settings).toHaveProperty(
      'scrape_interval_hours',
      6,
    );
    expect(
      look(creatoraudit, { ...account, scrape_interval_hours: undefined }).settings,
    ).toHaveProperty('scrape_interval_hours', 24);
  });

  test('a scrape time that cannot be read is not taken for "never"', () => {
    const observed = look(creatoraudit, {
      ...account,
      last_scrape_time: '02/06/2026',
      like_count: 0,
    });
    expectState(observed, [null, 'unknown', 'answer_unreadable', 'provider']);
    // A zero may be the default of an account that was never refreshed.
    expect(observed.metrics).toMatchObject({ followers: 1200, likes: null, asOf: null });
  });

  test.each(['0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '0001-01-01T00:00:00+02:00'])(
    'a scrape time of %s stands for "never"',
    (last_scrape_time) => {
      const observed = look(creatoraudit, { ...account, last_scrape_time, follower_count: 0 });
      expectState(observed, ['setup', 'unknown', 'setup_pending', null]);
      expect(observed.metrics).toStrictEqual(NO_METRICS);
    },
  );

  test.each([
    ['is_unavailable', { is_unavailable: 'perhaps', is_active: false }, null],
    ['is_active', { is_active: 'perhaps' }, null],
    ['is_active beside a graver fact', { is_active: 'perhaps', is_unavailable: 1 }, 'unavailable'],
    ['the interval of a fresh account', { scrape_interval_hours: 'daily' }, 'active'],
    [
      'the interval of an old one',
      { scrape_interval_hours: 'daily', last_scrape_time: hoursAgo(100) },
      null,
    ],
  ])('%s unreadable leaves open what comes after it', (_, facts, status) => {
    const observed = look(creatoraudit, { ...account, ...facts });
    expect(observed.status).toBe(status);
    expect(observed.verdict.reason === 'answer_unreadable').toBe(status === null);
  });

  test.each([null, {}, { data: { id: account.id } }, 'deleted'])(
    'delete and pause accept any success, with body %j',
    (body) => {
      expect(answer(creatoraudit.operations.disconnect, body, { id: account.id })).toBe(true);
      expect(answer(creatoraudit.operations.pause, body, { id: account.id })).toBe(true);
    },
  );

  test('an input handle is sent without @, its case kept', () => {
    const request = creatoraudit.operations.create?.request(
      {
        platform: 'tiktok',
        username: '@Creator',
        settings: {},
      },
      noParameter,
    );
    expect(request?.body).toStrictEqual({ platform: 'tiktok', username: 'Creator' });
  });
});

describe('CreatorAudit: settings', () => {
  const accepts = (settings: unknown) => creatoraudit.settings?.safeParse(settings).success;
  const tags = (count: number, length = 1) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`tag${index}`, 'x'.repeat(length)]),
    );

  test('the documented bounds hold', () => {
    for (const hours of [6, 720]) expect(accepts({ scrape_interval_hours: hours })).toBe(true);
    for (const hours of [5, 721, 24.5, null])
      expect(accepts({ scrape_interval_hours: hours })).toBe(false);
    expect([
      accepts({ category: 'c'.repeat(128) }),
      accepts({ category: 'c'.repeat(129) }),
    ]).toStrictEqual([true, false]);
    expect([
      accepts({ metadata: tags(20, 255) }),
      accepts({ metadata: tags(21) }),
      accepts({ metadata: tags(1, 256) }),
    ]).toStrictEqual([true, false, false]);
    expect([
      accepts({ metadata: { ['k'.repeat(256)]: 1 } }),
      accepts({ creator_id: 'jo' }),
    ]).toStrictEqual([false, false]);
  });

  test('what the provider gave as settings may be sent back whole', () => {
    expect(accepts(look(creatoraudit, account).settings)).toBe(true);
  });

  test('create takes fewer settings than update', () => {
    expect(accepts({ post_lookback_days: 30 })).toBe(true);
    expect(creatoraudit.createSettings?.safeParse({ post_lookback_days: 30 }).success).toBe(false);
    expect(creatoraudit.createSettings?.safeParse({ category: 'tech' }).success).toBe(true);
  });
});

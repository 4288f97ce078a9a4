import { outfame } from '../../adapters/outfame/index.js';
import { describe, expect, test } from '../support/jest.js';
import { answer, expectState, faultCode, look, noParameter, observe } from './support.js';

const account = {
  id: 'acc_7Gx2kLm9Qr',
  instagram_username: 'yourhandle',
  platform: 'instagram',
  status: 'active',
  followers_count: 14832,
  following_count: 1205,
  engagement_rate: 4.17,
  growth_rate: 12.5,
  targeting_config: { hashtags: ['fitness'] },
  daily_limits: { likes: 150 },
  created_at: '2026-01-15T08:30:00Z',
  updated_at: '2026-02-09T11:45:22Z',
};
const firstPage = { cursor: undefined, limit: 100, platform: undefined };

describe('Outfame: the status and health table', () => {
  test.each([
    ['setup', ['setup', 'unknown', 'setup_pending', null]],
    ['active', ['active', 'healthy', null, null]],
    ['paused', ['paused', 'warning', 'account_paused', 'account']],
    ['suspended', ['suspended', 'unhealthy', 'account_suspended', 'account']],
  ] as const)('%s', (status, state) => {
    expectState(look(outfame, { ...account, status }), state);
    expect(look(outfame, { ...account, status }).providerStatus).toBe(status);
  });
});

describe('Outfame: a status that cannot be read', () => {
  test('keeps its word, and says nothing of the account', () => {
    const { account: observed, degraded } = observe(outfame, { ...account, status: 'limited' });
    expectState(observed, [null, 'unknown', 'answer_unreadable', 'provider']);
    expect(observed.providerStatus).toBe('limited');
    expect(degraded).toStrictEqual([{ field: 'status', example: 'limited' }]);
  });

  test('is none in other letters', () => {
    expectState(look(outfame, { ...account, status: ' Active' }), [
      'active',
      'healthy',
      null,
      null,
    ]);
  });
});

describe('Outfame: quirks', () => {
  test('instagram_username holds TikTok handles too: the platform decides', () => {
    const { username, platform, profileUrl } = look(outfame, { ...account, platform: 'tiktok' });
    expect([platform, username, profileUrl]).toStrictEqual([
      'tiktok',
      'yourhandle',
      'https://www.tiktok.com/@yourhandle',
    ]);
  });

  test('list items may be summaries: settings and following are unknown, not empty and not 0', () => {
    const { following_count, targeting_config, daily_limits, ...summary } = account;
    const { settings, metrics } = look(outfame, summary);
    expect(settings).toBeNull();
    expect(metrics).toMatchObject({ followers: 14832, following: null });
  });

  test('a part of the settings that is not told is left out of them', () => {
    expect(look(outfame, { ...account, daily_limits: null }).settings).toStrictEqual({
      targeting_config: { hashtags: ['fitness'] },
    });
  });

  test('account rates are percents and stay so; conversion rates and quality scores are fractions and stay so', () => {
    expect(look(outfame, account).metrics).toMatchObject({
      engagementRate: 4.17,
      growthRate30d: 12.5,
    });
    const stats = {
      date: '2026-02-09',
      actions: {},
      conversion_rates: { like_to_follow_back: 0.048 },
      avg_quality_score: 0.84,
    };
    expect(answer(outfame.operations.stats, stats, { id: account.id })).toMatchObject({
      conversionRates: { like_to_follow_back: 0.048 },
      averageQualityScore: 0.84,
    });
  });

  test('the metrics are as of updated_at, the last sync', () => {
    expect(look(outfame, account).metrics.asOf).toBe('2026-02-09T11:45:22Z');
  });

  test.each([{ next_cursor: null }, {}, { next_cursor: '' }, { next_cursor: 'cur_old' }])(
    'has_more false ends the list, with %j',
    (rest) => {
      expect(
        answer(outfame.operations.list, { data: [account], has_more: false, ...rest }, firstPage),
      ).toEqual({
        items: [account],
        next: undefined,
      });
    },
  );

  test.each([{ next_cursor: null }, {}, { next_cursor: '' }])(
    'has_more true with %j is an invalid answer, not an end',
    (rest) => {
      expect(() =>
        answer(outfame.operations.list, { data: [account], has_more: true, ...rest }, firstPage),
      ).toThrow('missing although has_more is true');
    },
  );

  test('state conflicts are 400 and the plan cap is 403: the code decides', () => {
    expect(faultCode(outfame, { error: { code: 'already_paused' } })).toBe('already_so');
    expect(faultCode(outfame, { error: { code: 'already_active' } })).toBe('already_so');
    expect(faultCode(outfame, { error: { code: 'account_in_setup' } })).toBe('state_conflict');
    expect(faultCode(outfame, { error: { code: 'account_suspended' } })).toBe('state_conflict');
    expect(faultCode(outfame, { error: { code: 'account_limit_reached' } })).toBe('quota_exceeded');
  });

  test('the error envelope is proven for 429 only: any other shape is left to the status', () => {
    for (const body of [
      null,
      'Unauthorized',
      {},
      { error: 'text' },
      { error: {} },
      { error: { code: 'no_such_code' } },
    ]) {
      expect(faultCode(outfame, body)).toBeNull();
    }
  });

  test('an input handle is sent without @ and spaces around it', () => {
    const request = outfame.operations.create?.request(
      {
        platform: 'tiktok',
        username: ' @NewHandle ',
        settings: {},
      },
      noParameter,
    );
    expect(request?.body).toStrictEqual({ platform: 'tiktok', instagram_username: 'NewHandle' });
  });

  test('settings cannot overrule what account is created', () => {
    const settings = { platform: 'tiktok', instagram_username: 'other' };
    const request = outfame.operations.create?.request(
      {
        platform: 'instagram',
        username: 'mine',
        settings,
      },
      noParameter,
    );
    expect(request?.body).toStrictEqual({ platform: 'instagram', instagram_username: 'mine' });
  });

  test('timestamps with offsets and fractions become UTC; what is no time is null', () => {
    const times = { created_at: '2026-01-15T10:30:00.250+02:00', updated_at: 'soon' };
    expect(look(outfame, { ...account, ...times })).toMatchObject({
      connectedAt: '2026-01-15T08:30:00.250Z',
      providerUpdatedAt: null,
    });
  });

  test('the delete is irreversible and destroys data', () => {
    expect(outfame.disconnectEffect).toMatchObject({
      destroysData: true,
      revokesToken: false,
      reversible: false,
    });
  });
});

describe('Outfame: settings', () => {
  const accepts = (settings: unknown) => outfame.settings?.safeParse(settings).success;
  const names = (count: number) => Array.from({ length: count }, (_, index) => `name${index}`);

  test('the documented bounds hold', () => {
    for (const [field, most] of [
      ['competitor_accounts', 20],
      ['hashtags', 30],
      ['interests', 15],
    ] as const) {
      expect(accepts({ targeting_config: { [field]: names(most) } })).toBe(true);
      expect(accepts({ targeting_config: { [field]: names(most + 1) } })).toBe(false);
    }
    const places = (radius: number, count = 1) => ({
      targeting_config: { locations: names(count).map((name) => ({ name, radius_km: radius })) },
    });
    expect([accepts(places(1)), accepts(places(200)), accepts(places(50, 10))]).toStrictEqual([
      true,
      true,
      true,
    ]);
    expect([accepts(places(0)), accepts(places(201)), accepts(places(50, 11))]).toStrictEqual([
      false,
      false,
      false,
    ]);
  });

  test('unknown keys are refused at every level', () => {
    for (const settings of [
      { status: 'active' },
      { daily_limits: { like: 1 } },
      { targeting_config: { tags: [] } },
      { targeting_config: { filters: { age: 1 } } },
      { targeting_config: { filters: { age_range: { from: 1 } } } },
    ]) {
      expect(accepts(settings)).toBe(false);
    }
  });
});

import { socialsyncer } from '../../adapters/socialsyncer/index.js';
import { describe, expect, test } from '../support/jest.js';
import { answer, expectState, look, noParameter } from './support.js';

const listed = {
  platform: 'instagram',
  accountId: '17841400123456789',
  username: 'mybusiness',
  connectedAt: '2026-01-15T10:00:00Z',
};
const healthy = {
  health: 'healthy',
  tokenValid: true,
  permissions: ['instagram_basic'],
  recommendations: [],
};
const account = { ...listed, ...healthy };

describe('SocialSyncer: the status and health table, first matching row first', () => {
  test.each([
    [
      'tokenValid false',
      { tokenValid: false },
      ['reconnect_required', 'unhealthy', 'token_invalid', 'account'],
    ],
    [
      'tokenValid false with a warning',
      { tokenValid: false, health: 'warning' },
      ['reconnect_required', 'unhealthy', 'token_invalid', 'account'],
    ],
    ['healthy', {}, ['active', 'healthy', null, null]],
    ['warning', { health: 'warning' }, ['active', 'warning', 'provider_warning', 'account']],
    [
      'a word not seen before',
      { health: 'degraded' },
      ['active', 'warning', 'provider_warning', 'account'],
    ],
  ] as const)('%s', (_, facts, state) => {
    expectState(look(socialsyncer, { ...account, ...facts }), state);
  });

  test.each([
    ['a word in other letters', { health: ' HEALTHY ' }, ['active', 'healthy', null, null]],
    [
      'a token flag as text beside a broken list',
      { tokenValid: 'false', health: 'error', recommendations: [{ text: 'Reconnect' }] },
      ['reconnect_required', 'unhealthy', 'token_invalid', 'account'],
    ],
    [
      'a token flag that cannot be read',
      { tokenValid: 'maybe' },
      [null, 'unknown', 'answer_unreadable', 'provider'],
    ],
    [
      'a health word that cannot be read',
      { health: { status: 'healthy' } },
      [null, 'unknown', 'answer_unreadable', 'provider'],
    ],
    [
      'a warning that names the expiry',
      { health: 'warning', recommendations: ['Token expires in 1 day.'] },
      ['active', 'warning', 'token_expiring', 'account'],
    ],
    [
      'a warning that denies an expiry',
      { health: 'warning', recommendations: ['Token does not expire.'] },
      ['active', 'warning', 'provider_warning', 'account'],
    ],
    [
      'healthy, whatever the prose says',
      { recommendations: ['Token expires in 3 days.'] },
      ['active', 'healthy', null, null],
    ],
  ] as const)('%s', (_, facts, state) => {
    expectState(look(socialsyncer, { ...account, ...facts }), state);
  });

  test('an account that bulk health leaves out is listed, and its health unknown', () => {
    expectState(look(socialsyncer, listed), [null, 'unknown', 'not_told', null]);
    expect(look(socialsyncer, listed)).toMatchObject({
      tokenValid: null,
      permissions: null,
      advice: [],
    });
  });
});

describe('SocialSyncer: quirks', () => {
  test('identity is the pair of network and id, in the ref and in the path', () => {
    expect(look(socialsyncer, account).providerAccountId).toBe('instagram/17841400123456789');
    const request = socialsyncer.operations.disconnect?.request(
      {
        id: 'instagram/17841400123456789',
      },
      noParameter,
    );
    expect(request?.path).toBe('/accounts/instagram/17841400123456789');
  });

  test('an id splits at its first slash: the rest is the network id, encoded whole', () => {
    expect(
      socialsyncer.operations.disconnect?.request({ id: 'tiktok/a/../b.c' }, noParameter).path,
    ).toBe('/accounts/tiktok/a%2F..%2Fb.c');
  });

  test('17-digit ids stay strings; a number is taken while JSON carried all its digits', () => {
    expect(look(socialsyncer, account).platformUserId).toBe('17841400123456789');
    expect(look(socialsyncer, { ...account, accountId: 1234567890 }).platformUserId).toBe(
      '1234567890',
    );
    expect(
      socialsyncer.account.schema.safeParse(
        JSON.parse('{"platform":"instagram","accountId":17841400123456789}'),
      ).success,
    ).toBe(false);
  });

  test.each([
    ['mybusiness', 'mybusiness', null],
    ['@mybusiness', 'mybusiness', null],
    ['@@my', '@my', null],
    ['My Business Page', null, 'My Business Page'],
    ['', null, null],
    ['@', null, '@'],
  ])('username %j is handle %j or title %j', (wire, username, displayName) => {
    expect(look(socialsyncer, { ...account, username: wire })).toMatchObject({
      username,
      displayName,
    });
  });

  test('the health vocabulary is open: the provider word is kept', () => {
    expect(look(socialsyncer, { ...account, health: 'degraded' }).providerStatus).toBe('degraded');
  });

  test('token expiry is prose: it becomes advice, never a date', () => {
    const recommendations = ['Token expires in 3 days. Consider reconnecting.'];
    expect(look(socialsyncer, { ...account, health: 'warning', recommendations })).toMatchObject({
      advice: recommendations,
      tokenExpiresAt: null,
    });
  });

  test('connectedAt is the only timestamp', () => {
    expect(look(socialsyncer, account)).toMatchObject({
      connectedAt: '2026-01-15T10:00:00Z',
      lastUsedAt: null,
      providerUpdatedAt: null,
    });
  });

  test('list and health items join on platform and id, and on nothing else', () => {
    const { joinKey } = socialsyncer.account;
    expect(joinKey?.({ ...healthy, platform: 'instagram', accountId: '17841400123456789' })).toBe(
      joinKey?.(listed),
    );
    expect(joinKey?.({ ...listed, platform: 'threads' })).not.toBe(joinKey?.(listed));
    expect([
      joinKey?.({ platform: 'instagram' }),
      joinKey?.(null),
      joinKey?.({ ...listed, accountId: 1.5 }),
    ]).toStrictEqual([undefined, undefined, undefined]);
    expect(joinKey?.({ ...listed, platform: 'Instagram' })).toBe(joinKey?.(listed));
    expect(joinKey?.({ platform: 'x', accountId: 5 })).toBe('x/5');
  });

  test('the answer of a completed connect names the account by the pair', () => {
    const flow = { platform: 'instagram', code: 'c', redirectUrl: 'https://yourapp.com/callback' };
    const body = { platform: 'instagram', username: 'mybusiness', accountId: '17841400123456789' };
    expect(answer(socialsyncer.operations.connectComplete, body, flow)).toStrictEqual({
      id: 'instagram/17841400123456789',
    });
    expect(
      answer(socialsyncer.operations.connectComplete, { ...body, accountId: 1234567890 }, flow),
    ).toStrictEqual({ id: 'instagram/1234567890' });
  });

  test('the API is at socialsyncerapi.com, the documentation at social-syncer-api.com', () => {
    expect([
      new URL(socialsyncer.baseUrl).hostname,
      new URL(socialsyncer.docs).hostname,
    ]).toStrictEqual(['api.socialsyncerapi.com', 'social-syncer-api.com']);
  });

  test('the network is twitter, and its handle has an address', () => {
    expect(
      look(socialsyncer, { ...account, platform: 'twitter', username: '@mybusiness' }).profileUrl,
    ).toBe('https://x.com/mybusiness');
  });

  test('the delete revokes the token at the network', () => {
    expect(socialsyncer.disconnectEffect).toMatchObject({
      revokesToken: true,
      destroysData: false,
      reversible: false,
    });
  });
});

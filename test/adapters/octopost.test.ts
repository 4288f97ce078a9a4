import { octopost } from '../../adapters/octopost/index.js';
import { describe, expect, test } from '../support/jest.js';
import { answer, expectState, faultCode, look, observe } from './support.js';

const account = {
  id: 'acc_abc123',
  platform: 'twitter',
  platform_user_id: '1234567890',
  username: 'octopost',
  display_name: 'Octopost',
  avatar_url: null,
  is_active: true,
  connected_at: '2026-03-15T10:00:00Z',
  last_used_at: null,
};

describe('Octopost: the status and health table', () => {
  test('is_active false', () => {
    expectState(look(octopost, { ...account, is_active: false }), [
      'reconnect_required',
      'unhealthy',
      'token_invalid',
      'account',
    ]);
  });

  test('is_active true', () => {
    expectState(look(octopost, account), ['active', 'healthy', null, null]);
  });
});

describe('Octopost: fields that cannot be read', () => {
  test.each([null, undefined, 'maybe', 2, {}])('is_active %j tells nothing', (is_active) => {
    const observed = look(octopost, { ...account, is_active });
    expectState(observed, [null, 'unknown', 'answer_unreadable', 'provider']);
    expect(observed.tokenValid).toBeNull();
  });

  test('half a surrogate pair is cleaned from a name, and told', () => {
    const { account: observed, degraded } = observe(octopost, {
      ...account,
      display_name: 'Acme \ud83d',
    });
    expect(observed.displayName).toBe('Acme \ufffd');
    expect(degraded).toStrictEqual([{ field: 'display_name', example: 'Acme \ufffd' }]);
  });
});

describe('Octopost: quirks', () => {
  test('Content-Type goes with every request, GET and DELETE too', () => {
    expect(octopost.headers).toStrictEqual({ 'Content-Type': 'application/json' });
  });

  test('is_active tells of the token, not of a pause', () => {
    expect(look(octopost, { ...account, is_active: false }).tokenValid).toBe(false);
    expect(look(octopost, account).tokenValid).toBe(true);
  });

  test.each(['discord', 'slack', 'telegram', 'Orkut'])(
    'the platform list drifts: %s is accepted',
    (platform) => {
      expect(look(octopost, { ...account, platform })).toMatchObject({
        platform: platform.toLowerCase(),
        profileUrl: null,
      });
    },
  );

  test.each(['did:plc:abc123', 'urn:li:person:abc', '17841400123456789', 'a/b.c'])(
    'platform_user_id %s stays as it is',
    (userId) => {
      expect(look(octopost, { ...account, platform_user_id: userId }).platformUserId).toBe(userId);
    },
  );

  test.each(['octopost', 'octopost.bsky.social', 'octo@mastodon.social'])(
    'username %s is not split',
    (username) => {
      expect(look(octopost, { ...account, username }).username).toBe(username);
    },
  );

  test('display_name may be empty: the username stands in', () => {
    expect(look(octopost, { ...account, display_name: '' }).displayName).toBe('octopost');
  });

  test('error texts are prose: the code decides, and a 403 does not reject the key', () => {
    expect(
      faultCode(octopost, {
        error: 'API key does not have permission for this action',
        code: 'forbidden',
      }),
    ).toBe('permission_denied');
    expect(faultCode(octopost, { error: 'rate_limited', code: 'something_new' })).toBeNull();
  });

  test('the wait after 429 is read from details.retry_after, not from reset_at', () => {
    const body = {
      error: 'Slow down.',
      code: 'rate_limited',
      details: { reset_at: '2024-04-03T13:21:00Z', retry_after: 45 },
    };
    expect(
      octopost.errorBody.read(octopost.errorBody.schema.parse(body), {}).retryAfterSeconds,
    ).toBe(45);
  });

  test('a delete answers 204 without a body', () => {
    expect(answer(octopost.operations.disconnect, null, { id: account.id })).toBe(true);
  });

  test('the delete revokes tokens and cannot be undone over the API', () => {
    expect(octopost.disconnectEffect).toMatchObject({ revokesToken: true, reversible: false });
    expect(octopost.connect?.flow).toBe('dashboard');
  });

  test('there are no pages, so that an answer may be larger than others', () => {
    expect(
      answer(octopost.operations.list, { accounts: [account] }, { cursor: undefined, limit: 1 })
        .next,
    ).toBeUndefined();
    expect(octopost.limits.pageSize).toBeUndefined();
  });

  test('never used is null', () => {
    expect(look(octopost, account).lastUsedAt).toBeNull();
  });
});

import { describe, expect, test } from '../support/jest.js';
import { useWorlds } from './world.js';

const worlds = useWorlds();
const ID = 'instagram/17841400123456789';

async function healthOf(part: object) {
  const world = await worlds.open('socialsyncer');
  world.provider.put(ID, { ...part });
  await world.sweep();
  return (await world.account(ID)).health;
}

describe('8 prose', () => {
  test('a token that does not expire', async () => {
    const health = await healthOf({ recommendations: ['Token does not expire.'] });
    expect(health).toMatchObject({ status: 'healthy', reason: null });
  });

  test.each([
    'Token expires in 3 days. Consider reconnecting.',
    'Your token expired and was refreshed.',
    'Reconnect the account, the token is invalid.',
    'Permission publish is missing.',
    'This account has been suspended.',
  ])('%j outranks no structured verdict', async (text) => {
    const health = await healthOf({ health: 'healthy', recommendations: [text] });
    expect(health).toMatchObject({ status: 'healthy', reason: null, fault: null });
  });

  test('prose does not soften a token that is invalid', async () => {
    const health = await healthOf({
      health: 'healthy',
      tokenValid: false,
      recommendations: ['All is fine. Token expires in 3 days.'],
    });
    expect(health).toMatchObject({ status: 'unhealthy', reason: 'token_invalid' });
  });

  test.each([
    'Token expires in 3 days. Consider reconnecting.',
    'Token expires in 1 day.',
    'token will expire in 12 hours',
    'Access token is expiring in 2 weeks',
    'The TOKEN EXPIRES within 24 hours.',
    'Your access token expires in 45 minutes.',
    'Token expires in 1 month',
  ])('a warning that says %j is token_expiring', async (text) => {
    const health = await healthOf({ health: 'warning', recommendations: [text] });
    expect(health).toMatchObject({ status: 'warning', reason: 'token_expiring', fault: 'account' });
  });

  test.each([
    'Token does not expire.',
    'Token doesn’t expire.',
    'The token never expires.',
    'Token won’t expire in 3 days.',
    'Token was refreshed; it no longer expires in 3 days.',
    'Token refreshed, expires in 60 days.',
    'Non-expiring token in use.',
    'No token expiry is known.',
    'Post limit reached.',
    'Your subscription expires in 3 days.',
    'Stories expire in 24 hours.',
  ])('a warning that says %j is a warning', async (text) => {
    const health = await healthOf({ health: 'warning', recommendations: [text] });
    expect(health).toMatchObject({
      status: 'warning',
      reason: 'provider_warning',
      fault: 'account',
    });
  });

  test('what a provider says is passed on as it says it', async () => {
    const text = 'Token expires in 3 days. Consider reconnecting.';
    const health = await healthOf({ health: 'healthy', recommendations: [text] });
    expect(JSON.stringify(health.recommendations)).toContain(text);
    expect(health.token_expires_at).toBeNull();
  });
});

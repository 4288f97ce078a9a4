import { zernio } from '../../adapters/zernio/index.js';
import type { ProviderConnection } from '../../src/providers/index.js';
import {
  engineFor,
  failureOf,
  json,
  type SmallProvider,
  startSmallProvider,
} from '../providers/small-provider.js';
import { afterEach, beforeEach, expect, test } from '../support/jest.js';

let provider: SmallProvider;
beforeEach(async () => {
  provider = await startSmallProvider();
});
afterEach(() => provider.close());

const ID = '66f0a1b2c3d4e5f600000001';

test('Zernio: what only the health report shows is no whole account, and not gone', async () => {
  const { providers } = engineFor(provider, { readAttempts: 1 }, { adapters: [zernio] });
  const connection: ProviderConnection = {
    id: 'c',
    provider: 'zernio',
    credentials: { api_key: 'sk_0123456789abcdef' },
    baseUrl: provider.baseUrl,
  };
  const health = [{ accountId: ID, status: 'healthy', tokenValid: true }];
  let reported: readonly object[] = health;
  provider.answer((request, response) => {
    const accounts = request.url?.endsWith('/health') ? reported : [];
    json(200, { accounts, hasAnalyticsAccess: true })(request, response);
  });
  const quarantined = [];
  for await (const page of providers.walk(connection, {})) quarantined.push(...page.quarantined);
  expect(quarantined).toEqual([{ id: ID, reason: 'health report: _id: is not an id' }]);
  expect(await failureOf(providers.lookUp(connection, { id: ID }, {}))).toMatchObject({
    code: 'invalid_answer',
  });
  reported = [];
  expect(await providers.lookUp(connection, { id: ID }, {})).toBeNull();
  await providers.close();
});

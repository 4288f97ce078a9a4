import { postiz } from '../../adapters/postiz/index.js';
import {
  engineFor,
  failureOf,
  json,
  type SmallProvider,
  startSmallProvider,
} from '../providers/small-provider.js';
import { afterEach, beforeEach, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';

let provider: SmallProvider;
beforeEach(async () => {
  provider = await startSmallProvider();
});
afterEach(() => provider.close());

test('Postiz is asked 30 times an hour where its headers say nothing, with the bare key', async () => {
  const clock = manualClock(Date.now(), { skip: true });
  const { providers } = engineFor(provider, {}, { adapters: [postiz], clock });
  const connection = {
    id: 'c',
    provider: 'postiz',
    credentials: { api_key: 'bare' },
    baseUrl: provider.baseUrl,
  };
  provider.answer(json(200, []));
  const look = () => providers.list(connection, { cursor: null }, {});
  for (let call = 0; call < 3; call += 1) await look();
  expect(await failureOf(look())).toMatchObject({ code: 'rate_limited', status: null });
  expect(provider.requests).toHaveLength(3);
  expect(provider.requests[0]?.headers.authorization).toBe('bare');
  // An hour's sweeps go through, one after the other.
  const startedAt = clock.now().getTime();
  for (let sweep = 0; sweep < 30; sweep += 1)
    for await (const { accounts } of providers.walk(connection, {})) expect(accounts).toEqual([]);
  expect(clock.now().getTime() - startedAt).toBeGreaterThan(3_600_000);
  await providers.close();
});

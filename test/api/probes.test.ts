import { Probes } from '../../src/accounts/probes.js';
import { ProcessLease } from '../../src/database/process-lease.js';
import { ProviderError } from '../../src/model/index.js';
import { createRegistry } from '../../src/providers/index.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';

/** Whoever waits for the look of another sleeps by it. */
const clock = manualClock(Date.now());
let gateway: Gateway;
let replicas: { readonly probes: Probes; readonly lease: ProcessLease }[];
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.connect('outfame');
  replicas = [1, 2].map(() => {
    const lease = new ProcessLease(gateway.database);
    return { lease, probes: new Probes(gateway.database, lease, clock) };
  });
  for (const { lease } of replicas) await lease.renew();
});
afterAll(async () => {
  for (const { lease } of replicas) await lease.end();
  await gateway.stop();
});

const outfame = () => {
  const adapter = createRegistry().require('outfame');
  return adapter;
};

test('probes of one account at the same time are one request on all replicas, and share how it ends', async () => {
  for (const fails of [false, true]) {
    let looks = 0;
    let isOver = false;
    const before = clock.sleeps.length;
    const look = async () => {
      looks++;
      await waitFor('the five others to wait', () => clock.sleeps.length - before, {
        until: (count) => count === 5,
      });
      isOver = true;
      if (fails) throw new ProviderError('outfame', 'unavailable', 'Outfame is down.');
    };
    const account = { id: `acct_${fails}`, connection_id: 'conn_shared' };
    const calls = Array.from({ length: 6 }, (_, number) =>
      replicas[number % 2]?.probes.run(account, outfame(), look),
    );
    const settled = Promise.allSettled(calls);
    await waitFor('the look', () => isOver);
    const ends = await waitFor('the others to hear of it', () => {
      clock.advance(1_000);
      return Promise.race([settled, undefined]);
    });
    expect(looks).toBe(1);
    expect(new Set(ends.map(({ status }) => status))).toEqual(
      new Set([fails ? 'rejected' : 'fulfilled']),
    );
  }
});

test('the ration of a connection is told in headers, and refuses with Retry-After when it is used up', async () => {
  // Rations are by the minute: one that ends meanwhile begins another.
  await waitFor('a minute with seconds left', () => new Date().getUTCSeconds() < 45);
  const { headers } = await gateway.root.post('/v1/accounts/outfame:acc_7Gx2kLm9Qr/probe');
  expect([headers.get('x-probe-limit'), headers.get('x-probe-remaining')]).toEqual(['50', '49']);
  await gateway.database.pool.query(
    `UPDATE probe_rations SET used = 50, minute = date_trunc('minute', now())`,
  );
  const refused = await gateway.root.post('/v1/accounts/outfame:acc_7Gx2kLm9Qr/probe');
  expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
});

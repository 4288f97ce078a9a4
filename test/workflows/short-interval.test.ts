import { PROVIDER_NAMES } from '../../sandbox/index.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type GatewayProcess, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

const INTERVAL_SECONDS = 5;
const SWEEPS = 5;
/** Callers are rate limited. */
const LOOK_EVERY_MS = 500;

let folder: string;
let gateway: GatewayProcess;
beforeAll(async () => {
  folder = await makeFolder();
  gateway = await startProcess({
    DATA_DIR: folder,
    SWEEP_INTERVAL_SECONDS: String(INTERVAL_SECONDS),
  });
});
afterAll(async () => {
  await gateway.end('SIGTERM');
  await removeFolder(folder);
});

const list = async (path: string) => (await gateway.root.get(path)).body.data;

test('an interval of five seconds is kept, and no verdict grows old meanwhile', async () => {
  const connections: { id: string; provider: string }[] = await list('/v1/connections');
  expect(connections.map(({ provider }) => provider).sort()).toEqual([...PROVIDER_NAMES].sort());
  for (const { id, provider } of connections) {
    const sweeps = await waitFor(
      `${SWEEPS} sweeps of ${provider}`,
      async () =>
        (await list(`/v1/connections/${id}/sweeps?limit=200`))
          .filter(({ finished_at }: { finished_at: string | null }) => finished_at !== null)
          .reverse(),
      { everyMs: LOOK_EVERY_MS, until: (ended) => ended.length >= SWEEPS },
    );
    expect([provider, sweeps.map(({ state }: { state: string }) => state)]).toEqual([
      provider,
      sweeps.map(() => 'succeeded'),
    ]);
    const begun = sweeps.map(({ created_at }: { created_at: string }) => Date.parse(created_at));
    const gaps = begun.slice(1).map((at: number, index: number) => at - begun[index]);
    const median = gaps.sort((left: number, right: number) => left - right)[gaps.length >> 1];
    // Its interval, a tenth of jitter and the tick; every third tick of five seconds is past this.
    expect(median).toBeLessThan(2 * INTERVAL_SECONDS * 1000);
  }
  const changes = await list('/v1/health/changes?limit=200');
  expect(
    changes.filter(({ reason }: { reason: string | null }) => reason === 'provider_unreachable'),
  ).toEqual([]);
  const unreachable = '/v1/accounts/health?reason=provider_unreachable&include_total=true';
  expect((await gateway.root.get(unreachable)).body.pagination.total_count).toBe(0);
});

import { RunLeases } from '../../src/sweeps/run-lease.repository.js';
import { useWorlds, type World } from '../evidence/world.js';
import { describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** A batch of them is written before the last page is asked for. */
const ACCOUNTS = 620;
const PAGE_SIZE = 100;

const worlds = useWorlds();
const pool = () => worlds.gateway().database.pool;
const count = async (of: string) =>
  (await pool().query<{ n: number }>(`SELECT count(*)::int AS n FROM ${of}`)).rows[0]?.n;
const rowsLeft = async () => [
  await count('sweep_runs'),
  await count('sweep_observed'),
  await count('sweep_staged'),
];
const isEmpty = { until: (rows: readonly unknown[]) => rows.every((number) => number === 0) };

/** Sweeps, and does something while the provider is asked for the last page. */
async function sweepAndMeanwhile(
  world: World,
  meanwhile: (world: World) => Promise<unknown>,
): Promise<{ readonly ended: unknown; readonly walks: number }> {
  let go = () => {};
  const gate = new Promise<void>((open) => {
    go = open;
  });
  let walks = 0;
  let isAsked = false;
  world.provider.when('GET /accounts', async ({ query }, usual) => {
    if (!query.has('cursor')) walks += 1;
    const answer = usual();
    if (!isAsked && String(answer.raw).includes('"has_more":false')) {
      isAsked = true;
      await gate;
    }
    return answer;
  });
  const ended = world.sweep();
  try {
    await waitFor('the last page to be asked for', () => isAsked);
    await waitFor('what was read to be written', () => count('sweep_observed'));
    await meanwhile(world);
  } finally {
    go();
  }
  return { ended: await ended, walks };
}

/** This process is taken for gone, and another one has begun a sweep. */
async function beginElsewhere({ connectionId }: World): Promise<void> {
  const other = new RunLeases(pool(), 'rollcall other');
  expect(await other.begin('swp_of_another', connectionId)).toBeUndefined();
  await pool().query(`UPDATE sweep_runs SET holder = 'rollcall gone'`);
  // The run that is replaced may be in the middle of a transaction.
  await waitFor('the other run to begin', () => other.begin('swp_of_another', connectionId));
}

const ids = Array.from({ length: ACCOUNTS }, (_, number) => `acc_${number}`);

describe('a run', () => {
  test.each([
    [
      'that lost what it had seen in a crash of the database begins again',
      () => worlds.gateway().asOwner('TRUNCATE sweep_runs, sweep_observed, sweep_staged'),
      2,
    ],
    ['whose sweep another process has begun anew writes nothing more', beginElsewhere, 2],
    [
      'that is under way keeps what it has seen',
      () => worlds.gateway().app.recurringJobs.runNamed('sweeps.prune'),
      1,
    ],
  ])('%s, and nothing of it stays', async (_what, meanwhile, walks) => {
    const world = await worlds.open('outfame', ids, { pageSize: PAGE_SIZE });
    const swept = await sweepAndMeanwhile(world, meanwhile);
    const ended = { state: 'succeeded', seen: ACCOUNTS, unchanged: ACCOUNTS, vanished: 0 };
    expect(swept).toMatchObject({ walks, ended });
    expect(
      await count(`accounts WHERE connection_id = '${world.connectionId}' AND status = 'active'`),
    ).toBe(ACCOUNTS);
    await worlds.gateway().app.recurringJobs.runNamed('sweeps.prune');
    await waitFor('nothing of the run to be left', rowsLeft, isEmpty);
  });

  test('of a killed process whose sweep has ended since is cleared', async () => {
    await pool().query(
      `WITH run AS (
         INSERT INTO sweep_runs VALUES (gen_random_uuid(), 'swp_ended', 'conn_gone') RETURNING id),
       seen AS (INSERT INTO sweep_observed (run_id, provider_account_id) SELECT id, 'one' FROM run)
       INSERT INTO sweep_staged SELECT id, 1, 'one', '', now(), '{}' FROM run`,
    );
    expect(await rowsLeft()).toEqual([1, 1, 1]);
    await worlds.gateway().app.recurringJobs.runNamed('sweeps.prune');
    expect(await rowsLeft()).toEqual([0, 0, 0]);
  });
});

import fc from 'fast-check';
import pg from 'pg';
import { newId } from '../../src/lib/ids.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { RowsTeam } from '../support/rows-team.js';

const SEED = 20261126;
const clock = shiftedClock();
let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ clock });
});
afterAll(() => gateway.stop());

async function examine(): Promise<void> {
  for (const job of ['profiles.settle', 'findings.examine'])
    expect(await gateway.app.recurringJobs.runNamed(job)).toBe(true);
}

/** What is open, without what differs from one finding of the same to the next. */
async function open({ client }: RowsTeam): Promise<string[]> {
  const { data } = (await client.get('/v1/findings?limit=200')).body;
  return data
    .map(({ kind, profile_id, accounts, details }: Record<string, unknown>) =>
      JSON.stringify({ kind, profile_id, accounts, details }),
    )
    .sort();
}

test(`what is found of changes is what a look at everything finds (seed ${SEED})`, async () => {
  const team = await RowsTeam.begin(gateway, clock.now);
  const held: string[] = [];
  const pick = (at: number) => held[at % held.length];
  const id = (number: number) => `1784140000000000${number % 3}`;
  const name = (number: number) => ['acme', 'lumen', 'harbor'][number % 3] ?? '';
  const writes: Record<string, (value: number) => Promise<unknown>> = {
    hold: async (value) => {
      const provider = ['octopost', 'postiz', 'creatoraudit', 'outfame'][value % 4] ?? '';
      const connection = `${provider} ${(value >> 2) % 2}`;
      const known = (value >> 5) % 2 === 0 ? { platform_user_id: id(value >> 6) } : {};
      held.push(await team.hold(provider, name(value >> 3), { connection, ...known }));
    },
    rename: (value) => {
      const username = name(value >> 5);
      return team.change(pick(value) ?? '', { username, username_key: username });
    },
    lose: (value) =>
      team.change(pick(value) ?? '', { status: 'reconnect_required', health_status: 'unhealthy' }),
    regain: (value) =>
      team.change(pick(value) ?? '', { status: 'active', health_status: 'healthy' }),
    end: (value) => team.end(pick(value) ?? ''),
  };
  const kinds = fc.constantFrom('hold', 'hold', ...Object.keys(writes));
  const steps = fc.sample(fc.tuple(kinds, fc.nat({ max: 511 })), { numRuns: 48, seed: SEED });
  const seen = new Set<string>();
  for (const [at, [kind, value]] of steps.entries()) {
    await writes[held.length === 0 ? 'hold' : kind]?.(value);
    await examine();
    if (at % 6 !== 5) continue;
    const found = await open(team);
    for (const finding of found) seen.add(JSON.parse(finding).kind);
    await gateway.database.prisma.finding.deleteMany();
    clock.advance(6 * 60_000);
    await examine();
    expect([at, await open(team)]).toEqual([at, found]);
  }
  expect([...seen].sort()).toEqual([
    'engagement_beside_publishing',
    'handle_taken_over',
    'tracked_twice',
    'two_publishers',
  ]);
});

test('one process at a time examines a team, and what it leaves is found later', async () => {
  const team = await RowsTeam.begin(gateway, clock.now);
  await team.hold('octopost', 'acme');
  await examine();
  await team.hold('postiz', 'acme');
  const other = new pg.Client(gateway.connection);
  await other.connect();
  await other.query('BEGIN');
  await other.query('SELECT FROM finding_passes WHERE team_id = $1 FOR UPDATE', [team.id]);
  await examine();
  expect(await open(team)).toEqual([]);
  await other.query('ROLLBACK');
  await other.end();
  await examine();
  expect(await open(team)).toHaveLength(1);
});

test('a team waits while one of its connections is read for the first time', async () => {
  const team = await RowsTeam.begin(gateway, clock.now);
  for (const provider of ['octopost', 'postiz']) await team.hold(provider, 'acme');
  const { sweep } = gateway.database.prisma;
  const connectionId = await team.connect('postiz');
  const now = clock.now();
  const data = {
    ...{ id: newId('swp'), teamId: team.id, connectionId, state: 'running' },
    ...{ createdAt: now, startedAt: now },
    // Not due, so that no process takes it.
    dueAt: new Date(now.getTime() + 3_600_000),
  };
  await sweep.create({ data });
  await examine();
  expect(await open(team)).toEqual([]);
  await sweep.update({ where: { id: data.id }, data: { state: 'succeeded' } });
  await examine();
  expect(await open(team)).toHaveLength(1);
});

test('a team from before is examined as a whole, and one that fails keeps no other waiting', async () => {
  const teams: RowsTeam[] = [];
  for (let count = 0; count < 3; count++) {
    const team = await RowsTeam.begin(gateway, clock.now);
    for (const provider of ['octopost', 'postiz']) await team.hold(provider, 'acme');
    teams.push(team);
  }
  const [before, broken, last] = teams as [RowsTeam, RowsTeam, RowsTeam];
  expect(await gateway.app.recurringJobs.runNamed('profiles.settle')).toBe(true);
  const { pool } = gateway.database;
  await pool.query('DELETE FROM finding_touches WHERE team_id = $1', [before.id]);
  await pool.query(
    `INSERT INTO finding_passes (team_id, due_at, counts) VALUES ($1, '1970-01-01', '{}'), ($2, now(), 'null')`,
    [before.id, broken.id],
  );
  expect(await gateway.app.recurringJobs.runNamed('findings.examine')).toBe(false);
  for (const team of [before, last]) expect(await open(team)).toHaveLength(1);
  await pool.query(`UPDATE finding_passes SET counts = '{}' WHERE team_id = $1`, [broken.id]);
  await examine();
  expect(await open(broken)).toHaveLength(1);
});

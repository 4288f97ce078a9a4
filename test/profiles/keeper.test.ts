import fc from 'fast-check';
import type pg from 'pg';
import { type Database, openDatabase } from '../../src/database/index.js';
import { withTransaction } from '../../src/database/transact.js';
import { newId, profileIdOf } from '../../src/lib/ids.js';
import { idScope } from '../../src/model/index.js';
import { MembersRepository } from '../../src/profiles/members.repository.js';
import { lockTeam } from '../../src/profiles/neighbours.repository.js';
import { type ProfileConstraint, partition } from '../../src/profiles/partition.js';
import { ProfileKeeper } from '../../src/profiles/profile-keeper.js';
import { touchAccounts } from '../../src/profiles/touches.repository.js';
import { createRegistry } from '../../src/providers/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { manualClock } from '../support/manual-clock.js';

const SEED = Number(process.env.PROFILES_SEED ?? 20261126);
const HISTORIES = Number(process.env.PROFILES_HISTORIES ?? 100);
const PROVIDERS = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'] as const;
const HANDLES = [null, 'harbor', 'pine', 'user', 'dune'] as const;
const USER_IDS = [null, '17841400000000001', '17841400000000002', '7', '8'] as const;
const AT = new Date('2026-03-10T12:00:00Z');

const registry = createRegistry();
const idScopeOf = (provider: string, platform: string) =>
  idScope(registry.require(provider), platform);

let testDatabase: TestDatabase;
let database: Database;
let replicas: readonly [ProfileKeeper, ProfileKeeper];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 4 });
  const keeper = () =>
    new ProfileKeeper({
      database,
      clock: manualClock(AT.getTime()),
      idScopeOf,
      members: new MembersRepository(registry),
    });
  replicas = [keeper(), keeper()];
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const BY_SWEEPS = ['add', 'add', 'add', 'rename', 'identify', 'end', 'return', 'remove'] as const;
const BY_HAND = ['must_link', 'cannot_link', 'release'] as const;

/** What happens to one account; accounts are named by when they came. */
const step = fc.record({
  what: fc.constantFrom(...BY_SWEEPS, ...BY_HAND),
  which: fc.nat(11),
  other: fc.nat(11),
  provider: fc.constantFrom(...PROVIDERS),
  platform: fc.constantFrom('instagram', 'instagram', 'tiktok'),
  handle: fc.constantFrom(...HANDLES),
  userId: fc.constantFrom(...USER_IDS),
  health: fc.constantFrom('healthy', 'warning', 'unhealthy', 'unknown'),
  reason: fc.constantFrom(null, 'token_invalid', 'of_a_newer_release'),
  fault: fc.constantFrom(null, 'account', 'connection'),
  /** Otherwise the recurring job does. */
  settles: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
/** Where nobody chooses, new accounts that share nothing are decided on by themselves. */
const stepBySweeps = fc
  .tuple(step, fc.constantFrom('add', 'add', ...BY_SWEEPS))
  .map(([one, what]): Step => ({ ...one, what }));

const first = (what: Step['what'], other = 0): Step => ({
  ...{ what, which: 0, other, provider: 'outfame', platform: 'instagram' },
  ...{ handle: null, userId: null, health: 'healthy', fault: null, reason: null, settles: true },
});
/** Two that a choice alone ties together, of which the older one's row goes. */
const BEREFT = [
  first('add'),
  first('add'),
  first('must_link', 1),
  first('rename'),
  first('remove'),
];

/** A team's accounts, as the test knows them. */
class Team {
  readonly id = newId('team');
  private readonly ids: string[] = [];

  async create(): Promise<void> {
    await database.pool.query(`INSERT INTO teams (id, name) VALUES ($1, 'profiles')`, [this.id]);
    for (const provider of PROVIDERS)
      await database.pool.query(
        `INSERT INTO connections (id, team_id, provider, name, credentials, sweep_interval_seconds)
         VALUES ($1, $2, $3, $3, '', 300)`,
        [this.connection(provider), this.id, provider],
      );
  }

  /** @param keeper of the replica that does it */
  async take(one: Step, keeper: ProfileKeeper): Promise<void> {
    const added = one.what === 'add' ? newId('acct') : undefined;
    if (added !== undefined) this.ids.push(added);
    await withTransaction(database.pool, async (client) => {
      // As those do who choose.
      if (/link|release/.test(one.what)) await lockTeam(client, this.id);
      await this.write(client, one, added);
      if (one.settles) await keeper.settle(client, AT);
    });
  }

  private async write(client: pg.ClientBase, one: Step, added: string | undefined): Promise<void> {
    const id = added ?? this.ids[one.which % this.ids.length];
    const other = this.ids[one.other % this.ids.length];
    if (id === undefined || other === undefined) return;
    const set = (assignment: string, value: unknown) =>
      client.query(
        `UPDATE accounts SET ${assignment}, updated_at = updated_at + interval '1 second'
         WHERE id = $1 AND $2::text IS NOT DISTINCT FROM $2`,
        [id, value],
      );
    switch (one.what) {
      case 'add':
        await client.query(
          `INSERT INTO accounts (id, profile_id, team_id, connection_id, provider,
             provider_account_id, platform, platform_user_id, username, username_key, status,
             health_status, health_fault, health_reason, health_since, checked_at, remote_data, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $1, $6, $7, $8, $8, 'active', $10, $11, $12, $9, $9, '{}', $9, $9)`,
          [
            ...[id, profileIdOf(id), this.id, this.connection(one.provider), one.provider],
            ...[one.platform, one.userId, one.handle, AT, one.health, one.fault, one.reason],
          ],
        );
        return;
      case 'rename':
        await set('username = $2, username_key = $2', one.handle);
        return;
      case 'identify':
        await set('platform_user_id = $2', one.userId);
        return;
      case 'end':
        await set(`status = 'disconnected'`, null);
        return;
      case 'return':
        await set(`status = 'active'`, null);
        return;
      case 'remove':
        await client.query('DELETE FROM accounts WHERE id = $1', [id]);
        return;
      case 'release':
        await client.query(
          `DELETE FROM profile_constraints WHERE team_id = $1 AND $2 IN (one_account_id, other_account_id)`,
          [this.id, id],
        );
        await touchAccounts(client, this.id, this.ids);
        return;
      default:
        await this.choose(client, one.what, id, other);
    }
  }

  private async choose(client: pg.ClientBase, kind: string, id: string, other: string) {
    const [one, two] = [id, other].sort();
    if (one === two) return;
    await client.query(
      `INSERT INTO profile_constraints (team_id, one_provider, one_account_id, other_provider,
         other_account_id, kind, created_at)
       SELECT $1, a.provider, a.id, b.provider, b.id, $4, $5 FROM accounts a, accounts b
       WHERE a.id = $2 AND b.id = $3
       ON CONFLICT (team_id, one_provider, one_account_id, other_provider, other_account_id)
       DO UPDATE SET kind = EXCLUDED.kind, number = nextval('profile_constraints_number_seq')`,
      [this.id, one, two, kind, AT],
    );
    await touchAccounts(client, this.id, [id, other]);
  }

  private connection(provider: string): string {
    return `conn_${provider}_${this.id}`;
  }

  /** Its live accounts by profile, as they are held. */
  async held(): Promise<Record<string, string[]>> {
    const { rows } = await database.pool.query<{ id: string; members: string[] }>(
      `SELECT profile_id AS id, array_agg(id ORDER BY id) AS members FROM accounts
       WHERE team_id = $1 AND status <> 'disconnected' GROUP BY 1`,
      [this.id],
    );
    return Object.fromEntries(rows.map(({ id, members }) => [id, members]));
  }

  /** The same, decided at once over everything. */
  async wanted(): Promise<Record<string, string[]>> {
    const { rows: accounts } = await database.pool.query(
      `SELECT id, provider, provider_account_id AS "providerAccountId", platform,
         platform_user_id AS "platformUserId", username_key AS handle,
         status <> 'disconnected' AS "isLive" FROM accounts WHERE team_id = $1`,
      [this.id],
    );
    const { rows: choices } = await database.pool.query(
      'SELECT * FROM profile_constraints WHERE team_id = $1 ORDER BY number DESC',
      [this.id],
    );
    const constraints = choices.map(
      (row): ProfileConstraint => ({
        kind: row.kind,
        one: { provider: row.one_provider, providerAccountId: row.one_account_id },
        other: { provider: row.other_provider, providerAccountId: row.other_account_id },
      }),
    );
    const groups = ['instagram', 'tiktok'].flatMap((platform) =>
      partition(
        accounts
          .filter((account) => account.platform === platform)
          .map((account) => ({ ...account, idScope: idScopeOf(account.provider, platform) })),
        constraints,
      ),
    );
    return Object.fromEntries(
      groups.map(({ id, members }) => [id, members.map(({ accountId }) => accountId).sort()]),
    );
  }
}

describe(`what writers leave is what everything at once would give (seed ${SEED})`, () => {
  test.each([
    { whose: 'sweeps and people', steps: step, examples: [[BEREFT]] as [Step[]][] },
    { whose: 'sweeps alone', steps: stepBySweeps, examples: [] as [Step[]][] },
  ])(`${HISTORIES} random histories of $whose on two replicas`, async ({ steps, examples }) => {
    await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 4, maxLength: 24 }), happen), {
      seed: SEED,
      numRuns: HISTORIES,
      examples,
    });
    // Writers that wait for one another in a circle fail, once they have failed often enough.
    const { rows } = await database.pool.query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
    );
    expect(rows).toEqual([{ deadlocks: 0 }]);
  });
});

/** A new team's history, two steps at a time. */
async function happen(steps: readonly Step[]): Promise<void> {
  const team = new Team();
  await team.create();
  for (let from = 0; from < steps.length; from += 2) {
    const pair = steps.slice(from, from + 2);
    await Promise.all(pair.map((one, index) => team.take(one, replicas[index === 0 ? 0 : 1])));
  }
  await Promise.all(replicas.map((keeper) => keeper.settleLeft()));
  expect(await team.held()).toEqual(await team.wanted());
  await expectSummedUp(team.id);
}

/**
 * Each profile has a row, which is as it would be if its accounts were summed up once more, and
 * every redirect leads to an id that is none.
 */
async function expectSummedUp(teamId: string): Promise<void> {
  const before = await rowsOf(teamId);
  await database.pool.query(
    `INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids)
     SELECT $1, '{}', '{}', '{}', '{}', array_agg(id) FROM profiles WHERE team_id = $1 HAVING count(*) > 0`,
    [teamId],
  );
  await replicas[0].settleLeft();
  expect(await rowsOf(teamId)).toEqual(before);
  const { rows: wrong } = await database.pool.query(
    `SELECT COALESCE(p.id, a.profile_id) AS id, p.account_count, a.accounts
     FROM (SELECT * FROM profiles WHERE team_id = $1) p
     FULL JOIN (
       SELECT profile_id, count(*)::int AS accounts FROM accounts
       WHERE team_id = $1 AND status <> 'disconnected' GROUP BY 1) a ON a.profile_id = p.id
     WHERE p.account_count IS DISTINCT FROM a.accounts
       OR p.followers_bucket IS DISTINCT FROM followers_bucket(p.followers)`,
    [teamId],
  );
  expect(wrong).toEqual([]);
  const { rows: chains } = await database.pool.query(
    `SELECT r.id FROM profile_redirects r WHERE r.team_id = $1 AND (
       EXISTS (SELECT FROM profile_redirects n WHERE n.id = r.merged_into)
       OR EXISTS (SELECT FROM profiles p WHERE p.id = r.id))`,
    [teamId],
  );
  expect(chains).toEqual([]);
}

async function rowsOf(teamId: string): Promise<object[]> {
  const { rows } = await database.pool.query(
    'SELECT * FROM profiles WHERE team_id = $1 ORDER BY id',
    [teamId],
  );
  return rows;
}

import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { RowsTeam } from '../support/rows-team.js';

const clock = shiftedClock();
let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({ clock });
});
afterAll(() => gateway.stop());

/** What a copy holds of a profile. */
interface Held {
  readonly id: string;
  readonly updated_at: string;
  readonly match: string;
  readonly providers: readonly string[];
  readonly accounts: readonly string[];
}

const heldOf = ({ id, updated_at, match, providers, members }: Reply['body']): Held => ({
  ...{ id, updated_at, match, providers },
  accounts: members.map(({ account }: Reply['body']) => account.id),
});

async function read(client: Client, path: string) {
  const { status, body } = await client.get(path);
  expect([path, status]).toEqual([path, 200]);
  return body;
}

/** Profiles as somebody holds them who asks for what changed, and for nothing else. */
class Copy {
  private held: ReadonlyMap<string, Held> = new Map();
  private since = '2020-01-01T00:00:00.000Z';

  constructor(private readonly client: Client) {}

  /** @returns the ids of the profiles that it was told of */
  async update(): Promise<string[]> {
    const { since } = this;
    this.since = clock.now().toISOString();
    const changed = `limit=200&updated_since=${since}`;
    const { data, merged } = await read(this.client, `/v1/profiles?include=merged&${changed}`);
    const told: Held[] = data.map(heldOf);
    const ended = await read(this.client, `/v1/accounts?status=disconnected&${changed}`);
    const elsewhere = new Set([
      ...told.flatMap(({ accounts }) => accounts),
      ...ended.data.map(({ id }: { id: string }) => id),
    ]);
    const joined = new Set(merged.map(({ id }: { id: string }) => id));
    const kept = [...this.held.values()].filter(
      ({ id, accounts }) => !joined.has(id) && !accounts.every((one) => elsewhere.has(one)),
    );
    this.held = new Map([...kept, ...told].map((profile) => [profile.id, profile]));
    return told.map(({ id }) => id);
  }

  /** By id, as the list is by default. */
  get profiles(): Held[] {
    return [...this.held.values()].sort((one, other) => (one.id < other.id ? 1 : -1));
  }
}

const listed = async (client: Client): Promise<Held[]> =>
  (await read(client, '/v1/profiles?limit=200')).data
    .map(heldOf)
    .sort((one: Held, other: Held) => (one.id < other.id ? 1 : -1));

/** A profile of four accounts, the oldest of which a restricted key does not see, and another one. */
async function begin() {
  const team = await RowsTeam.begin(gateway, clock.now);
  const id = { platform_user_id: '17841400000000001' };
  const oldest = await team.hold('octopost', 'acme', id);
  const measured = await team.hold('creatoraudit', 'acme');
  const grown = await team.hold('outfame', 'acme');
  const twin = await team.hold('postiz', 'acme', id);
  const other = await team.hold('postiz', 'other', { platform_user_id: '17841400000000002' });
  await settle();
  return { team, oldest, measured, grown, twin, other };
}
type Accounts = Awaited<ReturnType<typeof begin>>;

async function settle(): Promise<void> {
  expect(await gateway.app.recurringJobs.runNamed('profiles.settle')).toBe(true);
}

async function done(asked: Promise<Reply>) {
  const { status, body } = await asked;
  expect([status, body]).toEqual([200, expect.anything()]);
  return body.data;
}
const choose = ({ team }: Accounts, account: string, profile_id: string | null) =>
  done(
    team.client.send('PUT', `/v1/accounts/${account}/profile`, JSON.stringify({ profile_id }), {
      'Content-Type': 'application/json',
    }),
  );
const split = async ({ team }: Accounts, ...account_ids: string[]) => {
  const profile = await team.profileOf(account_ids[0] ?? '');
  return done(team.client.post(`/v1/profiles/${profile}/split`, { account_ids }));
};

const WAYS: readonly (readonly [string, (accounts: Accounts) => Promise<unknown>])[] = [
  ['that its handle ties is disconnected', ({ team, measured }) => team.end(measured)],
  ['that is the oldest is disconnected', ({ team, oldest }) => team.end(oldest)],
  [
    'whose id the profile bears is disconnected with the other that has it',
    ({ team, oldest, twin }) => Promise.all([oldest, twin].map((one) => team.end(one))),
  ],
  [
    'is the last to be disconnected',
    ({ team, oldest, measured, grown, twin }) =>
      Promise.all([oldest, measured, grown, twin].map((one) => team.end(one))),
  ],
  ['is given a profile of its own', (all) => choose(all, all.measured, null)],
  [
    'is moved to another profile',
    async (all) => choose(all, all.grown, await all.team.profileOf(all.other)),
  ],
  ['is split off with another one', (all) => split(all, all.measured, all.twin)],
  [
    'is split off and taken back',
    async (all) => {
      const { entry } = await split(all, all.measured, all.grown);
      clock.advance(60_000);
      const path = `/v1/profiles/${entry.profile_id}/history/${entry.id}/revert`;
      await done(all.team.client.post(path, {}));
    },
  ],
  [
    'has another handle',
    ({ team, measured }) => team.change(measured, { username: 'new', username_key: 'new' }),
  ],
  [
    'has another id',
    ({ team, twin }) => team.change(twin, { platform_user_id: '17841400000000009' }),
  ],
];

describe('a copy that asks for what changed is the list, after an account of a profile', () => {
  test.each(WAYS)('%s', async (_what, change) => {
    const all = await begin();
    const { team } = all;
    const whole = team.client;
    const some = await team.keyFor('creatoraudit', 'outfame', 'postiz');
    const copies = await Promise.all(
      [whole, some].map(async (client) => {
        const copy = new Copy(client);
        await copy.update();
        expect(copy.profiles).toEqual(await listed(client));
        return { client, copy };
      }),
    );
    clock.advance(60_000);
    await change(all);
    await settle();
    clock.advance(60_000);
    for (const { client, copy } of copies) {
      const before = new Map(copy.profiles.map((profile) => [profile.id, profile]));
      const told = await copy.update();
      const now = await listed(client);
      expect(copy.profiles).toEqual(now);
      for (const { id, updated_at } of now) {
        const was = before.get(id)?.updated_at ?? '';
        expect([id, updated_at > was]).toEqual([id, told.includes(id)]);
        const { data } = await read(client, `/v1/profiles/${id}`);
        expect([id, data.updated_at]).toEqual([id, updated_at]);
      }
    }
  });
});

test('a key that does not see the account that left is not told', async () => {
  const { team, oldest, measured } = await begin();
  const profile = await team.profileOf(measured);
  const some = await team.keyFor('creatoraudit', 'outfame', 'postiz');
  const [since, before] = [clock.now().toISOString(), await listed(some)];
  clock.advance(60_000);
  await team.end(oldest);
  await settle();
  const path = `/v1/profiles?updated_since=${since}`;
  expect((await read(some, path)).data).toEqual([]);
  expect(await listed(some)).toEqual(before);
  expect((await read(team.client, path)).data).toMatchObject([{ id: profile, provider_count: 3 }]);
});

test('profiles that are summed up again as they were keep their time', async () => {
  const { team, measured } = await begin();
  clock.advance(60_000);
  await team.end(measured);
  await settle();
  const before = await listed(team.client);
  clock.advance(60_000);
  await gateway.database.pool.query(
    `INSERT INTO profile_touches (team_id, account_ids, platforms, user_ids, handles, profile_ids)
     SELECT $1, '{}', '{}', '{}', '{}', array_agg(id) FROM profiles WHERE team_id = $1`,
    [team.id],
  );
  await settle();
  expect(await listed(team.client)).toEqual(before);
});

import type { Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
let connections: Record<'outfame' | 'socialsyncer' | 'octopost', string>;
let taken = 0;

beforeAll(async () => {
  gateway = await startGateway({ disconnects: { firstDelayMs: 10, longestDelayMs: 40 } });
  connections = {
    outfame: await gateway.connect('outfame'),
    socialsyncer: await gateway.connect('socialsyncer'),
    octopost: await gateway.connect('octopost'),
  };
});
afterAll(() => gateway.stop());

const sweep = () => Promise.all(Object.values(connections).map((id) => gateway.sweep(id)));

interface Person {
  readonly who: number;
  readonly handle: string;
  readonly outfame: string;
  readonly socialsyncer: string;
  readonly octopost: string;
}

/** Two providers show one platform id; Outfame shows the handle alone. */
async function person(oldest: keyof typeof connections = 'outfame'): Promise<Person> {
  taken += 1;
  const who = 20_000 + taken;
  const [handle, id] = [`client.${who}`, `17841400${who}0000`];
  const { sandbox } = gateway;
  sandbox.provider('outfame').putAccount(`acc_D${who}`, { instagram_username: handle });
  sandbox.provider('socialsyncer').putAccount(`instagram/${id}`, { username: handle });
  const fields = { platform: 'instagram', platform_user_id: id, username: handle };
  sandbox.provider('octopost').putAccount(`acc_E${who}`, fields);
  await gateway.sweep(connections[oldest]);
  await sweep();
  return {
    who,
    handle,
    outfame: `outfame:acc_D${who}`,
    socialsyncer: `socialsyncer:instagram/${id}`,
    octopost: `octopost:acc_E${who}`,
  };
}

const account = async (ref: string) =>
  (await gateway.root.get(`/v1/accounts/${encodeURIComponent(ref)}`)).body.data;
const profileOf = async (ref: string): Promise<string> => (await account(ref)).profile_id;
const post = (body: object) => gateway.root.post('/v1/disconnects', body);
const end = (id: string, headers = {}) => gateway.root.delete(`/v1/profiles/${id}`, headers);
const refsOf = (items: readonly { ref: string }[]) => items.map(({ ref }) => ref).sort();
const done = ({ status, body }: Reply) => {
  expect([status, body.detail]).toEqual([200, undefined]);
  return body.data;
};
const isHeld = (ref: string) => {
  const [provider = '', id = ''] = ref.split(/:(.*)/);
  return gateway.sandbox.provider(provider as 'outfame').account(id) !== undefined;
};

describe('DELETE /v1/profiles/{id}', () => {
  test('disconnects at every provider what an id ties, with one receipt; the weak stay', async () => {
    const one = await person();
    const id = await profileOf(one.outfame);
    const disconnect = done(await end(id));
    expect(disconnect.state).toBe('succeeded');
    expect(refsOf(disconnect.steps)).toEqual([one.octopost, one.socialsyncer].sort());
    expect(disconnect.steps.map((step: { profile_id: string }) => step.profile_id)).toEqual([
      id,
      id,
    ]);
    expect([one.outfame, one.octopost, one.socialsyncer].map(isHeld)).toEqual([true, false, false]);
    const receipt = done(await gateway.root.get(`/v1/disconnects/${disconnect.id}/receipt`));
    expect(refsOf(receipt.receipt.steps)).toEqual(refsOf(disconnect.steps));
    const listed = await gateway.root.get(`/v1/disconnects?profile_id=${id}`);
    expect(listed.body.data.map((found: { id: string }) => found.id)).toContain(disconnect.id);
    expect(disconnect.profile_id).toBe(id);
  });

  test.each(['outfame', 'octopost'] as const)(
    'again, with %s the oldest, is the same disconnect and reaches nobody else',
    async (oldest) => {
      const one = await person(oldest);
      const id = await profileOf(one.outfame);
      const first = done(await end(id));
      expect(refsOf(first.steps)).toEqual([one.octopost, one.socialsyncer].sort());
      expect(done(await end(id)).id).toBe(first.id);
      await sweep();
      expect(done(await end(id)).id).toBe(first.id);
      expect(isHeld(one.outfame)).toBe(true);
      // What is left is another profile, or the same one with another account: only a plan reaches it.
      const profile_id = await profileOf(one.outfame);
      if (profile_id === id) {
        const refused = await post({ profile_id });
        expect([refused.status, refused.body.errors[0].field]).toEqual([422, 'profile_id']);
      }
      const { plan_hash } = done(await post({ profile_id, include_weak: true, dry_run: true }));
      expect((await post({ profile_id, include_weak: true, plan_hash })).status).toBe(202);
    },
  );

  test('reaches no account that it holds but that ids and handles put elsewhere', async () => {
    const [one, two] = [await person(), await person()];
    const id = await profileOf(one.octopost);
    // As while a writer has left the decision to the job.
    await gateway.database.pool.query(
      `UPDATE accounts SET profile_id = $1 WHERE provider || ':' || provider_account_id = $2`,
      [id, two.octopost],
    );
    expect(refsOf(done(await end(id)).steps)).toEqual([one.octopost, one.socialsyncer].sort());
    expect(isHeld(two.octopost)).toBe(true);
  });

  test('of one account means that one, and again gives the same disconnect', async () => {
    taken += 1;
    gateway.sandbox.provider('octopost').putAccount(`acc_F${taken}`, { platform: 'bluesky' });
    await sweep();
    const ref = `octopost:acc_F${taken}`;
    const id = await profileOf(ref);
    const first = done(await end(id));
    expect(refsOf(first.steps)).toEqual([ref]);
    expect(done(await end(id)).id).toBe(first.id);
  });

  test('is refused for handles alone, former ids and what is not there', async () => {
    taken += 1;
    const handle = `weak.${taken}`;
    for (const id of [`acc_G${taken}`, `acc_H${taken}`])
      gateway.sandbox.provider('outfame').putAccount(id, { instagram_username: handle });
    await sweep();
    const weak = await profileOf(`outfame:acc_G${taken}`);
    expect(await profileOf(`outfame:acc_H${taken}`)).toBe(weak);
    const alone = await end(weak);
    expect([alone.status, alone.body.code]).toEqual([422, 'validation_error']);
    expect(alone.body.detail).toMatch(/include_weak/);
    expect((await end('prof_none')).status).toBe(404);

    const [one, other] = [await person(), await person()];
    const ids = [await profileOf(one.outfame), await profileOf(other.outfame)].sort();
    const [survivor = '', former = ''] = ids;
    const merging = { into: survivor, acknowledge_conflicts: ['platform_user_id'] };
    done(await gateway.root.post(`/v1/profiles/${former}/merge`, merging));
    const refused = await end(former);
    expect([refused.status, refused.body.code, refused.body.profile_id]).toEqual([
      409,
      'conflict',
      survivor,
    ]);
    expect((await end(survivor, { Prefer: 'respond-async' })).status).toBe(202);
  });

  test('is of one team', async () => {
    const one = await person();
    const { client } = await gateway.newTeam('others');
    const id = await profileOf(one.octopost);
    expect((await client.delete(`/v1/profiles/${id}`)).status).toBe(404);
    expect(isHeld(one.octopost)).toBe(true);
  });
});

describe('POST /v1/disconnects with profile_id', () => {
  test('plans who is excluded, and takes the weak with the hash of such a plan alone', async () => {
    const one = await person();
    const profile_id = await profileOf(one.outfame);
    const plan = done(await post({ profile_id, dry_run: true }));
    expect(refsOf(plan.accounts)).toEqual([one.octopost, one.socialsyncer].sort());
    expect(plan.excluded).toMatchObject([{ ref: one.outfame, reason: 'weak_match' }]);
    const whole = done(await post({ profile_id, dry_run: true, include_weak: true }));
    expect(whole.accounts).toHaveLength(3);
    expect(whole.plan_hash).not.toBe(plan.plan_hash);

    const without = await post({ profile_id, include_weak: true });
    expect([without.status, without.body.errors[0].field]).toEqual([422, 'plan_hash']);
    const other = await post({ profile_id, include_weak: true, plan_hash: plan.plan_hash });
    expect([other.status, other.body.code]).toEqual([422, 'plan_mismatch']);
    expect(other.body.errors).toEqual([
      {
        field: 'profile_id',
        message: `${one.outfame} has changed since the plan: included`,
      },
    ]);
    const run = await post({ profile_id, include_weak: true, plan_hash: whole.plan_hash });
    expect([run.status, run.body.data.summary.total]).toEqual([202, 3]);
  });

  test('refuses a plan whose accounts have joined or left since', async () => {
    const one = await person();
    const profile_id = await profileOf(one.outfame);
    const { plan_hash } = done(await post({ profile_id, dry_run: true }));
    const joins = `instagram/17841400${one.who}0000`;
    gateway.sandbox.provider('outfame').putAccount(`acc_J${one.who}`, {
      instagram_username: one.handle,
    });
    await sweep();
    const joined = await post({ profile_id, plan_hash });
    expect([joined.status, joined.body.code]).toEqual([422, 'plan_mismatch']);
    expect(joined.body.errors).toEqual([
      {
        field: 'profile_id',
        message: `outfame:acc_J${one.who} was added since the plan`,
      },
    ]);
    expect(isHeld(`socialsyncer:${joins}`)).toBe(true);
  });

  test.each([
    [{ profile_id: 'prof_none' }, 'profile_id'],
    [{ account_ids: ['outfame:acc_7Gx2kLm9Qr'], include_weak: true }, 'include_weak'],
  ])('refuses %j', async (body, field) => {
    const { status, body: problem } = await post({ ...body, dry_run: true });
    expect([status, problem.errors[0].field]).toEqual([422, field]);
  });
});

import type { Client, Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
let connections: Record<'outfame' | 'socialsyncer' | 'octopost', string>;
let taken = 0;

beforeAll(async () => {
  gateway = await startGateway();
  connections = {
    outfame: await gateway.connect('outfame'),
    socialsyncer: await gateway.connect('socialsyncer'),
    octopost: await gateway.connect('octopost'),
  };
});
afterAll(() => gateway.stop());

const sweep = async () => {
  await Promise.all(Object.values(connections).map((id) => gateway.sweep(id)));
};

/** A number that no other person of these tests has. */
function unused(): number {
  taken += 1;
  return 10_000 + taken;
}

/** Accounts of one handle: Outfame shows no ids, the others the same one. */
function put(handle: string, id: string, who: number) {
  const { sandbox } = gateway;
  return {
    outfame: () => {
      sandbox.provider('outfame').putAccount(`acc_P${who}`, { instagram_username: handle });
      return `outfame:acc_P${who}`;
    },
    socialsyncer: () => {
      sandbox.provider('socialsyncer').putAccount(`instagram/${id}`, { username: handle });
      return `socialsyncer:instagram/${id}`;
    },
    octopost: () => {
      const fields = { platform: 'instagram', platform_user_id: id, username: handle };
      sandbox.provider('octopost').putAccount(`acc_Q${who}`, fields);
      return `octopost:acc_Q${who}`;
    },
  };
}

interface Person {
  readonly handle: string;
  readonly platformId: string;
  /** Refs. */
  readonly outfame: string;
  readonly socialsyncer: string;
  readonly octopost: string;
}

/** A person whom all three providers hold: two with one id, one with the handle alone. */
function person(): Person {
  const who = unused();
  const [handle, platformId] = [`person.${who}`, `17841400${who}0000`];
  const at = put(handle, platformId, who);
  return {
    handle,
    platformId,
    outfame: at.outfame(),
    socialsyncer: at.socialsyncer(),
    octopost: at.octopost(),
  };
}

const account = async (ref: string) =>
  (await gateway.root.get(`/v1/accounts/${encodeURIComponent(ref)}`)).body.data;
const profileOf = async (ref: string): Promise<string> => (await account(ref)).profile_id;
const choose = (ref: string, body: object, client: Client = gateway.root, headers = {}) =>
  client.send('PUT', `/v1/accounts/${encodeURIComponent(ref)}/profile`, JSON.stringify(body), {
    'Content-Type': 'application/json',
    ...headers,
  });
const profilesOf = ({ outfame, socialsyncer, octopost }: Person) =>
  Promise.all([outfame, socialsyncer, octopost].map(profileOf));
const merge = (id: string, body: object, client: Client = gateway.root) =>
  client.post(`/v1/profiles/${id}/merge`, body);
const split = (id: string, body: object, client: Client = gateway.root) =>
  client.post(`/v1/profiles/${id}/split`, body);
const revert = (entry: { profile_id: string; id: string }, client: Client = gateway.root) =>
  client.post(`/v1/profiles/${entry.profile_id}/history/${entry.id}/revert`, {});
const done = ({ status, body }: Reply) => {
  expect([status, body.detail]).toEqual([200, undefined]);
  return body.data;
};
const refused = ({ status, body }: Reply) => [status, body.code];

async function restrictedTo(...providers: string[]): Promise<Client> {
  const { body } = await gateway.root.post('/v1/keys', {
    name: providers.join(),
    scopes: ['write'],
    providers,
  });
  return gateway.with(body.data.key);
}

/** All that a choice may write. */
async function written() {
  const tables = ['profile_constraints', 'profile_history', 'profile_touches', 'profile_redirects'];
  const counts = await Promise.all(
    [...tables, 'profiles', 'events', 'audit_events'].map(async (table) => {
      const { rows } = await gateway.database.pool.query(`SELECT count(*)::int FROM ${table}`);
      return [table, rows[0].count];
    }),
  );
  return Object.fromEntries(counts);
}

describe('PUT /v1/accounts/{id}/profile', () => {
  test('splits an account off, which alone moves, and takes it back', async () => {
    const one = person();
    await sweep();
    const [home, same, third] = await profilesOf(one);
    expect([same, third]).toEqual([home, home]);
    const parted = done(await choose(one.outfame, { profile_id: null, reason: 'a fan page' }));
    expect(parted.moved.length + parted.before.length).toBeGreaterThan(1);
    const [fan, ...others] = await profilesOf(one);
    expect(fan).not.toBe(others[0]);
    expect(others[1]).toBe(others[0]);
    expect(parted.profile_id).toBe(fan);

    const released = done(await choose(one.outfame, { mode: 'automatic' }));
    expect(new Set(await profilesOf(one))).toEqual(new Set([released.profile_id]));
    expect(done(await choose(one.outfame, { mode: 'automatic' })).entry).toBeNull();
  });

  test('moves an account to another profile; what it leaves stays together', async () => {
    const [one, other] = [person(), person()];
    await sweep();
    const target = await profileOf(other.socialsyncer);
    const body = { profile_id: target, acknowledge_conflicts: ['platform_user_id'] };
    const moved = done(await choose(one.octopost, body));
    const [left, alsoLeft, octopost] = await profilesOf(one);
    expect(alsoLeft).toBe(left);
    expect(octopost).not.toBe(left);
    expect(await profilesOf(other)).toEqual([octopost, octopost, octopost]);
    expect(moved.profile_id).toBe(octopost);
    expect(moved.after.map(({ profile_id }: { profile_id: string }) => profile_id).sort()).toEqual(
      [left, octopost].sort(),
    );
    await sweep();
    expect(await profileOf(one.octopost)).toBe(octopost);
  });

  test('refuses a contradiction, naming both ids, unless it is acknowledged', async () => {
    const [one, other] = [person(), person()];
    await sweep();
    const target = await profileOf(other.socialsyncer);
    const answer = await choose(one.socialsyncer, { profile_id: target });
    expect(refused(answer)).toEqual([409, 'conflict']);
    expect(answer.body.errors[0]).toEqual({
      field: 'platform_user_id',
      message: expect.stringMatching(`${one.platformId} of .*${other.platformId} of `),
    });
    // Outfame tells no id, so nothing contradicts.
    done(await choose(one.outfame, { profile_id: target }));
  });

  test('with dry_run shows the profiles before and after and writes nothing', async () => {
    const [one, other] = [person(), person()];
    await sweep();
    const target = await profileOf(other.outfame);
    const before = await written();
    const [home] = await profilesOf(one);
    const asked = { profile_id: target, dry_run: true };
    const planned = done(await choose(one.outfame, asked));
    expect(await written()).toEqual(before);
    expect(await profileOf(one.outfame)).toBe(home);
    const real = done(await choose(one.outfame, { profile_id: target }));
    expect(planned).toEqual({ ...real, entry: null, profile: null, dry_run: true });
    expect(real.profile.id).toBe(real.profile_id);
    expect((await written()).profile_constraints).toBeGreaterThan(before.profile_constraints);
  });

  test('outlives three sweeps, a disconnect and a reappearance', async () => {
    const one = person();
    await sweep();
    done(await choose(one.octopost, { profile_id: null }));
    const apart = async () => {
      const [outfame, socialsyncer, octopost] = await profilesOf(one);
      expect([socialsyncer, octopost === outfame]).toEqual([outfame, false]);
    };
    for (let times = 0; times < 3; times++) {
      await sweep();
      await apart();
    }
    const ended = await gateway.root.delete(`/v1/accounts/${encodeURIComponent(one.octopost)}`);
    expect([ended.status, ended.body.data.state]).toEqual([200, 'succeeded']);
    gateway.sandbox.provider('octopost').putAccount(one.octopost.split(':')[1] ?? '', {
      platform: 'instagram',
      platform_user_id: one.platformId,
      username: one.handle,
    });
    await sweep();
    expect((await account(one.octopost)).status).toBe('active');
    await apart();
    done(await choose(one.octopost, { mode: 'automatic' }));
    expect(new Set(await profilesOf(one)).size).toBe(1);
  });

  test('honours If-Match with the ETag of the account', async () => {
    const one = person();
    await sweep();
    const other = await profileOf('octopost:acc_jkl012');
    const away = { profile_id: other, acknowledge_conflicts: ['platform_user_id'] };
    const address = `/v1/accounts/${encodeURIComponent(one.octopost)}`;
    const etag = (await gateway.root.get(address)).headers.get('etag') ?? '';
    const stale = await choose(one.octopost, away, gateway.root, { 'If-Match': '"other"' });
    expect(refused(stale)).toEqual([412, 'precondition_failed']);
    done(await choose(one.octopost, away, gateway.root, { 'If-Match': etag }));
    const again = await choose(one.octopost, { mode: 'automatic' }, gateway.root, {
      'If-Match': etag,
    });
    expect(again.status).toBe(412);
  });

  test.each([
    [{}, 422],
    [{ profile_id: null, mode: 'automatic' }, 422],
    [{ mode: 'manual' }, 422],
    [{ profile_id: 'prof_none' }, 422],
    [{ profile_id: 7 }, 422],
    [{ profile_id: null, acknowledge_conflicts: ['username'] }, 422],
    [{ profile_id: null, acknowledge_conflicts: 'platform_user_id' }, 422],
    [{ profile_id: null, why: 'x' }, 422],
  ])('refuses %j', async (body, status) => {
    const answer = await choose('outfame:acc_7Gx2kLm9Qr', body);
    expect([answer.status, answer.body.code]).toEqual([status, 'validation_error']);
    expect(answer.body.errors).toHaveLength(1);
  });

  test('refuses a profile on another platform, and an account that is gone', async () => {
    const one = person();
    await sweep();
    const twitter = await profileOf('octopost:acc_abc123');
    const answer = await choose(one.outfame, { profile_id: twitter });
    expect([answer.status, answer.body.errors[0].field]).toEqual([422, 'profile_id']);
    gateway.sandbox.provider('outfame').removeAccount(one.outfame.split(':')[1] ?? '');
    const gone = await gateway.root.delete(`/v1/accounts/${encodeURIComponent(one.outfame)}`);
    expect(gone.status).toBe(200);
    const late = await choose(one.outfame, { profile_id: null });
    expect([late.status, late.body.code]).toEqual([409, 'conflict']);
  });
});

describe('POST /v1/profiles/{id}/merge and /split', () => {
  test('a merge keeps the older id whichever is named, and former ids refuse writes', async () => {
    const people = [person(), person(), person()];
    await sweep();
    const [a = '', b = '', c = ''] = await Promise.all(
      people.map(({ outfame }) => profileOf(outfame)),
    );
    const [oldest, ...younger] = [a, b, c].sort();
    const acknowledge_conflicts = ['platform_user_id'];
    const refusal = await merge(c, { into: b });
    expect(refused(refusal)).toEqual([409, 'conflict']);
    const first = done(await merge(c, { into: b, acknowledge_conflicts, reason: 'one person' }));
    expect(first.profile_id).toBe([b, c].sort()[0]);
    const second = done(await merge(a, { into: first.profile_id, acknowledge_conflicts }));
    expect(second.profile_id).toBe(oldest);
    for (const { outfame, socialsyncer, octopost } of people)
      expect(await Promise.all([outfame, socialsyncer, octopost].map(profileOf))).toEqual([
        oldest,
        oldest,
        oldest,
      ]);
    for (const former of younger)
      for (const answer of [
        await merge(former, { into: oldest }),
        await merge(oldest ?? '', { into: former }),
        await split(former, { account_ids: [people[0]?.outfame] }),
        await choose('outfame:acc_7Gx2kLm9Qr', { profile_id: former }),
      ]) {
        expect([answer.status, answer.body.code, answer.body.profile_id]).toEqual([
          409,
          'conflict',
          oldest,
        ]);
        expect(answer.body.detail).toContain(oldest);
      }
  });

  test('accounts that are split off leave together', async () => {
    const one = person();
    await sweep();
    const [home = ''] = await profilesOf(one);
    const account_ids = [(await account(one.octopost)).id, one.outfame];
    const planned = done(await split(home, { account_ids, dry_run: true }));
    const [unmoved] = await profilesOf(one);
    expect(unmoved).toBe(home);
    const parted = done(await split(home, { account_ids }));
    expect(parted.after).toEqual(planned.after);
    const [outfame, socialsyncer, octopost] = await profilesOf(one);
    expect(outfame).toBe(octopost);
    expect(outfame).not.toBe(socialsyncer);
    expect(parted.profile_id).toBe(outfame);
  });

  test('what people made one by way of an account that leaves stays one', async () => {
    const alone = [1, 2, 3, 4].map(unused);
    const refs = alone.map((who) => put(`alone.${who}`, '', who).outfame());
    await sweep();
    const accounts = await Promise.all(refs.map(account));
    accounts.sort((one, other) => (one.id < other.id ? -1 : 1));
    const [hub = '', two = '', three = '', other = ''] = accounts.map(({ ref }) => ref);
    for (const ref of [two, three])
      done(await merge(await profileOf(ref), { into: await profileOf(hub) }));
    for (const profile_id of [null, await profileOf(other)]) {
      const { entry } = done(await choose(hub, { profile_id }));
      const [left, also, away] = await Promise.all([two, three, hub].map(profileOf));
      expect([also, away === left]).toEqual([left, false]);
      done(await revert(entry));
    }
  });

  test('answers once for each Idempotency-Key', async () => {
    const one = person();
    await sweep();
    const [home = ''] = await profilesOf(one);
    const ask = () =>
      gateway.root.post(
        `/v1/profiles/${home}/split`,
        { account_ids: [one.outfame] },
        { 'Idempotency-Key': `split-${home}` },
      );
    const first = await ask();
    const { profile_history } = await written();
    const again = await ask();
    expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true']);
    expect((await written()).profile_history).toBe(profile_history);
  });

  test('refuses what is not there, or would leave nobody', async () => {
    const one = person();
    await sweep();
    const [home = ''] = await profilesOf(one);
    expect(refused(await merge(home, { into: home }))).toEqual([422, 'validation_error']);
    expect(refused(await merge(home, { into: 'prof_none' }))).toEqual([422, 'validation_error']);
    expect(refused(await merge('prof_none', { into: home }))).toEqual([404, 'not_found']);
    const stranger = await split(home, { account_ids: ['octopost:acc_abc123', one.outfame] });
    expect([stranger.status, stranger.body.errors]).toEqual([
      422,
      [
        {
          field: 'account_ids.0',
          message: 'octopost:acc_abc123 is not an account of the profile',
        },
      ],
    ]);
    const { outfame, socialsyncer, octopost } = one;
    const all = await split(home, { account_ids: [outfame, socialsyncer, octopost] });
    expect(refused(all)).toEqual([422, 'validation_error']);
  });

  test('are of one team, and for keys that see every account of the profiles', async () => {
    const one = person();
    await sweep();
    const [home = ''] = await profilesOf(one);
    const { client: stranger } = await gateway.newTeam('strangers');
    expect(refused(await split(home, { account_ids: [one.outfame] }, stranger))).toEqual([
      404,
      'not_found',
    ]);
    expect(refused(await choose(one.outfame, { profile_id: null }, stranger))).toEqual([
      404,
      'not_found',
    ]);
    const before = await written();
    const half = await restrictedTo('outfame');
    for (const answer of [
      await choose(one.outfame, { profile_id: null }, half),
      await split(home, { account_ids: [one.outfame] }, half),
      await choose('outfame:acc_7Gx2kLm9Qr', { profile_id: home }, half),
    ]) {
      expect(refused(answer)).toEqual([403, 'forbidden']);
      expect(answer.text).not.toMatch(/socialsyncer|octopost|17841400/);
    }
    const other = await restrictedTo('creatoraudit');
    expect(refused(await split(home, { account_ids: [one.outfame] }, other))).toEqual([
      404,
      'not_found',
    ]);
    expect({ ...(await written()), audit_events: 0 }).toEqual({ ...before, audit_events: 0 });
    const whole = await restrictedTo('outfame', 'socialsyncer', 'octopost');
    done(await split(home, { account_ids: [one.outfame] }, whole));
  });
});

describe('POST /v1/profiles/{id}/history/{n}/revert', () => {
  test('undoes a choice once, and a later one about the same accounts first', async () => {
    const one = person();
    await sweep();
    const [home] = await profilesOf(one);
    const first = done(await choose(one.outfame, { profile_id: null }));
    const second = done(await choose(one.outfame, { profile_id: await profileOf(one.octopost) }));
    const early = await revert({ profile_id: second.profile_id, id: first.entry.id });
    expect(refused(early)).toEqual([409, 'conflict']);
    expect(early.body.detail).toContain(`entry ${second.entry.id} of `);
    const back = done(await revert(second.entry));
    expect((await profilesOf(one)).filter((id) => id === back.profile_id)).toHaveLength(1);
    const twice = await revert(second.entry);
    expect(refused(twice)).toEqual([409, 'conflict']);
    expect(twice.body.detail).toContain('already');
    expect(done(await revert(first.entry)).profile_id).toBe(home);
    expect(await profilesOf(one)).toEqual([home, home, home]);
    const { rows } = await gateway.database.pool.query(
      'SELECT FROM profile_constraints WHERE one_account_id = $1 OR other_account_id = $1',
      [one.outfame.split(':')[1]],
    );
    expect(rows).toHaveLength(0);
  });

  test('refuses what nobody chose, and what is not there', async () => {
    const one = person();
    await sweep();
    const [home = ''] = await profilesOf(one);
    const { rows } = await gateway.database.pool.query(
      'SELECT number FROM profile_history WHERE profile_id = $1 ORDER BY number LIMIT 1',
      [home],
    );
    const automatic = await revert({ profile_id: home, id: rows[0].number });
    expect(refused(automatic)).toEqual([422, 'operation_not_supported']);
    for (const id of ['999999999', 'x'])
      expect(refused(await revert({ profile_id: home, id }))).toEqual([404, 'not_found']);
  });

  test('writes one entry and one audit event for each choice', async () => {
    const one = person();
    await sweep();
    const [home = ''] = await profilesOf(one);
    const parted = done(await split(home, { account_ids: [one.outfame], reason: 'not them' }));
    const { rows } = await gateway.database.pool.query(
      'SELECT action, rule, reason, key_id, choice FROM profile_history WHERE number = $1',
      [parted.entry.id],
    );
    expect(rows[0]).toMatchObject({ action: 'split', rule: 'manual', reason: 'not them' });
    expect(rows[0].key_id).toMatch(/^key_/);
    expect(rows[0].choice.added).toHaveLength(2);
    const audit = await gateway.root.get(`/v1/audit?target_id=${home}`);
    expect(audit.body.data).toHaveLength(1);
    expect(audit.body.data[0]).toMatchObject({ action: 'profile.split', reason: 'not them' });
  });
});

import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';

const HOUR_MS = 3_600_000;
const clock = shiftedClock();
let gateway: Gateway;
let owner: Client;
let refs: readonly string[];
let stranger: Client;
beforeAll(async () => {
  gateway = await startGateway({ clock });
  const [team, other] = [await gateway.newTeam('owner'), await gateway.newTeam('stranger')];
  owner = team.client;
  stranger = other.client;
  await gateway.connect('octopost', team.id);
  await gateway.connect('octopost', other.id);
  const { data } = (await owner.get('/v1/accounts?status=active')).body;
  refs = data.map(({ ref }: { ref: string }) => ref);
});
afterAll(() => gateway.stop());

interface Key {
  readonly id: string;
  readonly client: Client;
}
async function make(maker: Client, name: string, more: object = {}): Promise<Key> {
  const { data } = (await maker.post('/v1/keys', { name, scopes: ['admin'], ...more })).body;
  return { id: data.id, client: gateway.with(data.key) };
}
async function schedule(client: Client, ref: string | undefined): Promise<string> {
  const scheduled_at = new Date(clock.now().getTime() + HOUR_MS);
  return (await client.post('/v1/disconnects', { account_ids: [ref], scheduled_at })).body.data.id;
}
const read = async (client: Client, id: string) =>
  (await client.get(`/v1/disconnects/${id}`)).body.data;
const look = () => gateway.app.recurringJobs.runNamed('disconnects.start_due');
const ends = (client: Client, id: string) =>
  waitFor(`disconnect ${id} to end`, async () => (await read(client, id)).state, {
    until: (state) => state === 'succeeded',
  });
const eventsOf = async (client: Client) =>
  (await client.get('/v1/events?type=disconnect.*')).body.data;

test('a scheduled disconnect whose key was revoked waits for an administrator', async () => {
  const lost = await make(owner, 'lost');
  const mine = await schedule(lost.client, refs[0]);
  const kept = await schedule(owner, refs[1]);
  const theirs = await schedule(stranger, refs[0]);
  await look();
  expect((await read(owner, mine)).state).toBe('scheduled');
  await owner.delete(`/v1/keys/${lost.id}`);
  await look();
  await look();
  expect(await read(owner, mine)).toMatchObject({
    state: 'awaiting_approval',
    requested_by: { key_id: lost.id },
    approval: { reason: 'key_revoked', approved_by: null, approved_at: null },
    summary: { pending: 1 },
  });
  const waiting = await owner.get('/v1/disconnects?state=awaiting_approval');
  expect(waiting.body.data.map(({ id }: { id: string }) => id)).toEqual([mine]);

  clock.advance(2 * HOUR_MS);
  await look();
  await ends(owner, kept);
  await ends(stranger, theirs);
  expect((await owner.get(`/v1/accounts/${refs[0]}`)).body.data.status).toBe('active');

  const address = `/v1/disconnects/${mine}/approve`;
  const writer = await make(owner, 'writer', { scopes: ['write'] });
  const restricted = await make(owner, 'restricted', { providers: ['octopost'] });
  const hidden = await make(owner, 'hidden', { providers: ['outfame'] });
  const refused = await Promise.all(
    [lost, writer, restricted, hidden, { client: stranger }].map(({ client }) =>
      client.post(address),
    ),
  );
  expect(refused.map(({ status, body }) => [status, body.code])).toEqual([
    [401, 'unauthorized'],
    [403, 'insufficient_scope'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [404, 'not_found'],
  ]);
  expect((await read(owner, mine)).state).toBe('awaiting_approval');
  const both = await Promise.all([owner.post(address), gateway.root.post(address)]);
  expect(both.map(({ status }) => status)).toEqual([202, 404]);
  await ends(owner, mine);
  const me = (await owner.get('/v1/whoami')).body.data.key;
  expect((await read(owner, mine)).approval).toMatchObject({
    reason: 'key_revoked',
    approved_by: { key_id: me.id, name: me.name },
    approved_at: expect.any(String),
  });
  expect((await owner.post(address)).body.code).toBe('conflict');

  await gateway.settled();
  expect(await eventsOf(owner)).toMatchObject([
    {
      type: 'disconnect.awaiting_approval',
      data: { disconnect: { id: mine }, reason: 'key_revoked' },
    },
    {
      type: 'disconnect.approved',
      data: { disconnect: { id: mine }, approved_by: { key_id: me.id } },
    },
  ]);
  expect(await eventsOf(restricted.client)).toHaveLength(2);
  expect(await eventsOf(hidden.client)).toEqual([]);
  expect(await eventsOf(stranger)).toEqual([]);
  const audit = (await owner.get(`/v1/audit?target_id=${mine}`)).body.data;
  expect(audit).toMatchObject([
    { action: 'disconnect.finished' },
    { action: 'disconnect.approved', actor: { key_id: me.id } },
    { action: 'disconnect.awaiting_approval', actor: null },
    { action: 'disconnect.requested', actor: { key_id: lost.id } },
  ]);
});

test('one that is approved before its time starts then, unless the approving key is revoked too', async () => {
  const [asker, approver] = [await make(owner, 'asker'), await make(owner, 'approver')];
  const approved = await schedule(asker.client, refs[2]);
  const other = await schedule(owner, refs[3]);
  await owner.delete(`/v1/keys/${asker.id}`);
  await look();
  expect((await owner.post(`/v1/disconnects/${other}/approve`)).body.code).toBe('conflict');
  const first = await approver.client.post(`/v1/disconnects/${approved}/approve`);
  expect(first.body.data).toMatchObject({
    state: 'scheduled',
    approval: { reason: 'key_revoked' },
  });
  await look();
  expect((await read(owner, approved)).state).toBe('scheduled');

  await owner.delete(`/v1/keys/${approver.id}`);
  clock.advance(2 * HOUR_MS);
  await look();
  expect(await read(owner, approved)).toMatchObject({
    state: 'awaiting_approval',
    approval: { approved_by: null },
  });
  const cancelled = await owner.post(`/v1/disconnects/${approved}/cancel`);
  expect(cancelled.body.data).toMatchObject({ state: 'cancelled', summary: { cancelled: 1 } });
  expect((await owner.get(`/v1/accounts/${refs[2]}`)).body.data.status).toBe('active');
  await ends(owner, other);
});

test('one of a root key that another ROLLCALL_ROOT_KEY has ended waits too', async () => {
  const { id, name } = (await gateway.root.get('/v1/whoami')).body.data.team;
  expect(name).toBe('default');
  await gateway.connect('octopost');
  const [account] = (await gateway.root.get('/v1/accounts?status=active')).body.data;
  const scheduled = await schedule(gateway.root, account.ref);
  const admin = await make(gateway.root, 'admin');
  await gateway.database.prisma.apiKey.updateMany({
    where: { isRoot: true, teamId: id },
    data: { revokedAt: clock.now() },
  });
  await look();
  expect((await read(admin.client, scheduled)).state).toBe('awaiting_approval');
  // Not even a key that is good again approves what it asked for.
  await gateway.database.prisma.apiKey.updateMany({
    where: { isRoot: true, teamId: id },
    data: { revokedAt: null },
  });
  expect((await gateway.root.post(`/v1/disconnects/${scheduled}/approve`)).status).toBe(403);
  const approved = await admin.client.post(`/v1/disconnects/${scheduled}/approve`);
  expect(approved.body.data.state).toBe('scheduled');
});

import type { ProviderName } from '../../../sandbox/index.js';
import type { Reply } from '../../support/client.js';
import { type Gateway, startGateway } from '../../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../../support/jest.js';
import { makeDue, notYet } from '../../support/scheduled.js';
import { waitFor } from '../../support/wait.js';

let gateway: Gateway;
let taken = 0;

beforeAll(async () => {
  gateway = await startGateway({
    accounts: 100,
    disconnects: { firstDelayMs: 10, longestDelayMs: 40, pollMs: 50 },
  });
  await gateway.connect('outfame');
  await gateway.connect('creatoraudit');
});
afterAll(() => gateway.stop());

const provider = (name: ProviderName) => gateway.sandbox.provider(name);
/** An active account of Outfame that no other test uses. */
const fresh = () => {
  taken += 1;
  return `acc_S${String(taken).padStart(9, '0')}`;
};
const post = (body: object) => gateway.root.post('/v1/disconnects', body);
const account = async (ref: string) => (await gateway.root.get(`/v1/accounts/${ref}`)).body.data;
const finished = (id: string): Promise<Reply['body']> =>
  waitFor('the disconnect to finish', async () => {
    await gateway.app.recurringJobs.runAll();
    const { data } = (await gateway.root.get(`/v1/disconnects/${id}`)).body;
    return data.finished_at !== null && data;
  });
const eventsOf = async (id: string) => {
  await gateway.settled();
  const { data } = (await gateway.root.get(`/v1/events?account_id=${id}&limit=100`)).body;
  return data.map(({ type }: { type: string }) => type);
};
const query = (text: string, values: unknown[] = []) => gateway.database.pool.query(text, values);
const statements = async () =>
  (
    await query(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
  ).rows[0].waiting;

describe('a disconnect and the deletion of its connection', () => {
  test.each(['the disconnect', 'the deletion'])(
    'are never both accepted: %s first',
    async (first) => {
      const connection = await gateway.connect('octopost');
      const { body } = await gateway.root.get(`/v1/accounts?connection_id=${connection}&limit=1`);
      const id = body.data[0].id;
      // Both wait for the account until it is let go, one behind the other.
      const holder = await gateway.database.pool.connect();
      await holder.query('BEGIN');
      await holder.query('SELECT FROM accounts WHERE id = $1 FOR UPDATE', [id]);
      const requests = [
        () => post({ account_ids: [id] }),
        () => gateway.root.delete(`/v1/connections/${connection}`),
      ];
      if (first === 'the deletion') requests.reverse();
      const answers: Promise<Reply>[] = [];
      for (const [at, request] of requests.entries()) {
        answers.push(request());
        await waitFor(`request ${at + 1} to wait for the account`, statements, {
          until: (waiting) => waiting > at,
        });
      }
      await holder.query('COMMIT');
      holder.release();
      const replies = await Promise.all(answers);
      const accepted = replies.filter(({ status }) => status < 300);
      expect(replies.map(({ status }) => status)).toEqual(
        first === 'the deletion' ? [204, 422] : [202, 409],
      );
      expect(accepted).toHaveLength(1);
      const disconnect = accepted[0]?.body?.data?.id;
      if (disconnect !== undefined)
        expect(await finished(disconnect)).toMatchObject({ state: 'succeeded' });
      await gateway.root.delete(`/v1/connections/${connection}`);
    },
  );

  test('that a former release let be deleted ends, and says why', async () => {
    const connection = await gateway.connect('octopost');
    const { body } = await gateway.root.get(`/v1/accounts?connection_id=${connection}&limit=2`);
    const ids = body.data.map(({ id }: { id: string }) => id);
    const scheduled = await post({ account_ids: ids, scheduled_at: notYet() });
    await query('DELETE FROM connections WHERE id = $1', [connection]);
    await query(
      `UPDATE disconnect_steps SET next_attempt_at = now(), deadline_at = now() + interval '1 day'
       WHERE disconnect_id = $1`,
      [scheduled.body.data.id],
    );
    await query(`UPDATE disconnects SET state = 'running' WHERE id = $1`, [scheduled.body.data.id]);
    const { state, steps } = await finished(scheduled.body.data.id);
    expect(state).toBe('failed');
    for (const step of steps)
      expect(step).toMatchObject({
        state: 'failed',
        verified: 'unverifiable',
        last_error: { code: 'connection_deleted' },
      });
  });
});

describe('a ref that two connections hold', () => {
  test('names no account of a disconnect: it is asked which one is meant', async () => {
    const connections = [await gateway.connect('octopost'), await gateway.connect('octopost')];
    const ref = 'octopost:acc_def456';
    for (const more of [{}, { dry_run: true }]) {
      const refused = await post({ account_ids: [ref], ...more });
      expect(refused).toMatchObject({ status: 409, body: { code: 'ambiguous_reference' } });
      expect(refused.body.refs).toEqual([ref]);
    }
    const { data } = (await gateway.root.get('/v1/accounts?provider=octopost&limit=200')).body;
    const [one, other] = data
      .filter((held: { ref: string }) => held.ref === ref)
      .map(({ id }: { id: string }) => id);
    expect((await post({ account_ids: [one, ref] })).status).toBe(409);
    expect((await post({ account_ids: [one, one] })).status).toBe(422);
    const done = await finished((await post({ account_ids: [one] })).body.data.id);
    expect(done.summary).toMatchObject({ total: 1, succeeded: 1 });
    expect((await account(other)).disconnect_id).not.toBe(done.id);
    for (const id of connections) await gateway.root.delete(`/v1/connections/${id}`);
  });
});

describe('an account that somebody else has paused', () => {
  const failing = async (name: 'outfame' | 'creatoraudit', id: string) => {
    const fault = { method: 'DELETE', path: `/accounts/${id}`, times: 1 };
    provider(name).faults.add({ kind: 'forbidden', ...fault });
    const ended = await finished((await post({ account_ids: [`${name}:${id}`] })).body.data.id);
    expect(ended.state).toBe('failed');
    return ended.steps[0].evidence.map(({ call }: { call: string }) => call);
  };

  test('since it was last seen is not started by a disconnect that fails', async () => {
    const id = fresh();
    provider('outfame').putAccount(id, { status: 'paused' });
    expect(await failing('outfame', id)).toEqual(['look', 'delete']);
    expect(provider('outfame').account(id)).toMatchObject({ status: 'paused' });
  });

  test('at a provider that takes every pause for one is not started either', async () => {
    const { body } = await gateway.root.get('/v1/accounts?provider=creatoraudit&status=active');
    const id = body.data[0].provider_account_id;
    provider('creatoraudit').putAccount(id, { is_active: false });
    expect(await failing('creatoraudit', id)).not.toContain('resume');
    expect(provider('creatoraudit').account(id)).toMatchObject({ is_active: false });
  });

  test('not, is started again', async () => {
    const id = fresh();
    expect(await failing('outfame', id)).toContain('resume');
    expect(provider('outfame').account(id)).toMatchObject({ status: 'active' });
  });
});

describe('an account that another disconnect has ended', () => {
  test('is not started over by a retry, nor by one whose time comes', async () => {
    const id = fresh();
    const ref = `outfame:${id}`;
    provider('outfame').faults.add({
      kind: 'forbidden',
      method: 'DELETE',
      path: `/accounts/${id}`,
      times: 1,
    });
    const failed = await finished((await post({ account_ids: [ref] })).body.data.id);
    expect(failed.state).toBe('failed');
    const later = (await post({ account_ids: [ref], scheduled_at: notYet() })).body.data.id;
    const succeeded = await finished((await post({ account_ids: [ref] })).body.data.id);
    expect(succeeded.state).toBe('succeeded');
    const before = await account(ref);
    const events = await eventsOf(before.id);

    expect((await gateway.root.post(`/v1/disconnects/${failed.id}/retry`)).status).toBe(409);
    await makeDue(gateway, later);
    expect((await finished(later)).steps[0]).toMatchObject({
      state: 'succeeded',
      outcome: 'already_gone',
      verified: 'absent',
      verified_at: before.disconnected_at,
    });
    expect(await account(ref)).toEqual(before);
    expect(await eventsOf(before.id)).toEqual(events);
    expect(provider('outfame').counts().deletes[id]).toEqual({ calls: 2, effective: 1 });
  });
});

import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.connect('socialsyncer');
  await gateway.connect('outfame');
});
afterAll(() => gateway.stop());

const read = async (path: string) => (await gateway.root.get(path)).body;
const summary = async (query = '') => (await read(`/v1/accounts/health?${query}`)).summary;
const counted = async () => {
  const { rows } = await gateway.database.pool.query(
    `SELECT health_status AS status, count(*)::int AS total FROM accounts WHERE team_id = $1 AND status <> 'disconnected' GROUP BY 1`,
    [DEFAULT_TEAM_ID],
  );
  return Object.fromEntries(rows.map(({ status, total }) => [status, total]));
};
describe('the summary', () => {
  test('equals the accounts after every kind of write, before and after the counts are merged', async () => {
    const pauses = async () => gateway.root.post('/v1/accounts/outfame:acc_7Gx2kLm9Qr/pause');
    const disconnects = async () => gateway.root.delete('/v1/accounts/acc_Pau1Sed000');
    for (const write of [
      pauses,
      disconnects,
      () => gateway.app.recurringJobs.runAll(),
      async () => undefined,
    ]) {
      await write();
      expect(await summary()).toMatchObject(await counted());
    }
    const [connection] = (await read('/v1/connections')).data;
    const { total } = await summary(`connection_id=${connection.id}&platform=instagram`);
    expect(total).toBe(
      (await read(`/v1/accounts?connection_id=${connection.id}&platform=instagram&limit=200`)).data
        .length,
    );
    expect((await summary('q=a')).total).toBe(
      (await read('/v1/accounts?q=a&limit=200')).data.length,
    );
  });
});

describe('an account', () => {
  test("warns of a token that expires in the provider's words, with no date, and says where to reconnect", async () => {
    const { data } = await read('/v1/accounts/health?reason=token_expiring');
    expect(data).toEqual([expect.objectContaining({ ref: 'socialsyncer:twitter/1234567890' })]);
    expect(data[0].health).toMatchObject({
      status: 'warning',
      token_expires_at: null,
      recommendations: [
        {
          code: 'reconnect',
          message: 'Token expires in 3 days. Consider reconnecting.',
          url: '/v1/connect',
        },
      ],
    });
  });

  test('keeps what its provider said with each change; the feed of changes misses none', async () => {
    await gateway.settled();
    const before = (await read('/v1/health/changes')).pagination.next_cursor;
    await gateway.root.post('/v1/accounts/outfame:acc_7Gx2kLm9Qr/resume');
    await gateway.settled();
    const { data, pagination } = await read(`/v1/health/changes?since=${before}`);
    const change = {
      from: 'warning',
      to: 'healthy',
      reason: null,
      evidence: { provider_status: 'active' },
    };
    expect(data).toEqual([
      expect.objectContaining({
        ref: 'outfame:acc_7Gx2kLm9Qr',
        ...change,
        evidence: expect.objectContaining(change.evidence),
      }),
    ]);
    expect((await read(`/v1/health/changes?since=${pagination.next_cursor}`)).data).toEqual([]);
    expect(
      (await read('/v1/health/changes?since=2020-01-01T00:00:00Z')).data.length,
    ).toBeGreaterThan(1);
    const { history, mean_time_to_recovery_seconds } = (
      await read('/v1/accounts/outfame:acc_7Gx2kLm9Qr/health')
    ).data;
    expect(history[0]).toMatchObject({ from: 'warning', to: 'healthy', evidence: change.evidence });
    expect(mean_time_to_recovery_seconds).toBeNull();
  });

  test('has its changes of over 90 days ago summed up by the day; a cursor from before is refused', async () => {
    const reference = 'outfame:acc_7Gx2kLm9Qr';
    const { id, created_at } = (await read(`/v1/accounts/${reference}`)).data;
    const cursor = (await read('/v1/health/changes')).pagination.next_cursor;
    // The last change of all is kept: a reader who stands there has missed nothing.
    await gateway.root.post('/v1/accounts/outfame:acc_aCme1Fit00/pause');
    const day = new Date(Date.parse(created_at) - 100 * 86_400_000).toISOString().slice(0, 10);
    // Its two changes so far, an hour apart on one day.
    await gateway.database.pool.query(
      `UPDATE health_transitions SET at = ($2::timestamptz + CASE to_status WHEN 'healthy' THEN interval '1 hour' ELSE '0' END) WHERE account_id = $1`,
      [id, `${day}T10:00:00Z`],
    );
    const before = (await read(`/v1/accounts/${reference}/health`)).data;
    expect(before.history).toHaveLength(2);
    await gateway.app.recurringJobs.runAll();
    const { history, uptime } = (await read(`/v1/accounts/${reference}/health`)).data;
    const seconds = { healthy: 0, warning: 3600, unhealthy: 0, unknown: 0 };
    const summary = { transitions: 2, first_at: `${day}T10:00:00.000Z`, worst: 'warning', seconds };
    const newest = before.history[0];
    expect(history).toEqual([{ ...newest, from: 'healthy', at: `${day}T11:00:00.000Z`, summary }]);
    expect(uptime).toEqual(before.uptime);
    expect(await read(`/v1/health/changes?since=${cursor}`)).toMatchObject({
      status: 422,
      code: 'cursor_mismatch',
      errors: [{ field: 'since' }],
    });
  });
});

test('uptime is not told of a time in which the account was disconnected', async () => {
  const reference = 'outfame:acc_aCme1Fit00';
  const { id } = (await read(`/v1/accounts/${reference}`)).data;
  await gateway.root.delete(`/v1/accounts/${id}`, { Prefer: 'wait=20' });
  await gateway.database.pool.query(
    `UPDATE accounts SET created_at = now() - interval '60 days', health_since = created_at,
       disconnected_at = now() - interval '20 days' WHERE id = $1`,
    [id],
  );
  await gateway.database.pool.query('DELETE FROM health_transitions WHERE account_id = $1', [id]);
  const { status, uptime } = (await read(`/v1/accounts/${id}/health`)).data;
  expect({ status, uptime }).toEqual({
    status: 'disconnected',
    uptime: { '24h': null, '7d': null, '30d': 100 },
  });
});

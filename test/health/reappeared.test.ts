import { observed } from '../../bench/health-load.js';
import { writeObservations } from '../../src/accounts/observations.repository.js';
import { toRecord } from '../../src/accounts/record.js';
import { withTransaction } from '../../src/database/transact.js';
import { HEALTHY, type ObservedAccount, type Verdict } from '../../src/model/index.js';
import { createRegistry } from '../../src/providers/index.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let connections: readonly [string, string];
beforeAll(async () => {
  gateway = await startGateway();
  // Two connections with one key: both list the same accounts, and each of them is an account of
  // ours.
  connections = [await gateway.connect('octopost'), await gateway.connect('octopost')];
});
afterAll(() => gateway.stop());

const octopost = () => gateway.sandbox.provider('octopost');
const sweepBoth = async () => {
  for (const connection of connections) await gateway.sweep(connection);
};
const accountsOf = async (ref: string) => {
  const { rows } = await gateway.database.pool.query<{ id: string }>(
    'SELECT id FROM accounts WHERE provider_account_id = $1 ORDER BY connection_id',
    [ref],
  );
  return rows.map(({ id }) => id);
};
/** The types of the account's events, oldest first, without the looks that changed something. */
const story = async (accountId: string | undefined) => {
  const { rows } = await gateway.database.pool.query<{ type: string }>(
    'SELECT type FROM events WHERE account_id = $1 ORDER BY id',
    [accountId],
  );
  return rows.map(({ type }) => type).filter((type) => type !== 'account.updated');
};

describe('an account that comes back', () => {
  test('after it vanished at its provider is told of once on each of its connections', async () => {
    const before = octopost().account('acc_abc123');
    octopost().removeAccount('acc_abc123');
    await sweepBoth();
    octopost().putAccount('acc_abc123', { ...before });
    await sweepBoth();
    await sweepBoth();
    for (const id of await accountsOf('acc_abc123')) {
      expect((await gateway.root.post(`/v1/accounts/${id}/probe`)).status).toBe(200);
      expect(await story(id)).toEqual([
        'account.discovered',
        'account.vanished',
        'account.reappeared',
      ]);
    }
    await sweepBoth();
    for (const id of await accountsOf('acc_abc123')) expect(await story(id)).toHaveLength(3);
  });

  test('after we disconnected it is told of once, by whichever look is first', async () => {
    const before = octopost().account('acc_def456');
    const [ours, other] = await accountsOf('acc_def456');
    expect((await gateway.root.delete(`/v1/accounts/${ours}`)).status).toBe(200);
    await sweepBoth();
    octopost().putAccount('acc_def456', { ...before, connected_at: '2026-03-01T00:00:00Z' });
    await sweepBoth();
    await gateway.root.post(`/v1/accounts/${ours}/probe`);
    await sweepBoth();
    const ending = ['account.disconnecting', 'account.disconnected', 'account.reappeared'];
    expect(await story(ours)).toEqual(['account.discovered', ...ending]);
    expect(await story(other)).toEqual([
      'account.discovered',
      'account.vanished',
      'account.reappeared',
    ]);
  });

  test('and is seen by two looks at once is told of once, its change of health too', async () => {
    const { pool } = gateway.database;
    const owner = { id: connections[0], teamId: DEFAULT_TEAM_ID, provider: 'octopost' };
    const look = (
      verdict: Verdict,
      fields: Partial<Required<ObservedAccount>>,
      observedAt: Date,
    ) => {
      const adapter = createRegistry().require('octopost');
      return {
        records: [
          toRecord(
            {
              account: { ...observed(1, verdict), ...fields },
              degraded: [],
              remoteData: {},
              observedAt,
              coverage: 'whole',
            },
            adapter,
          ),
        ],
        observedAt,
      };
    };
    const write = ({ records, observedAt }: ReturnType<typeof look>) =>
      withTransaction(pool, (client) => writeObservations(client, owner, records, observedAt));

    await write(look(HEALTHY, {}, new Date(1000)));
    await pool.query(
      `UPDATE accounts SET status = 'disconnected', disconnected_at = $1 WHERE provider_account_id = 'acc_1'`,
      [new Date(2000)],
    );
    const back: Verdict = { status: 'unhealthy', reason: 'token_invalid', fault: 'account' };
    let second: Promise<unknown> | undefined;
    // The other one is not the first one's doing.
    const first = await pool.connect();
    try {
      await first.query('BEGIN');
      const { records, observedAt } = look(
        back,
        { displayName: 'as the list has it' },
        new Date(3000),
      );
      await writeObservations(first, owner, records, observedAt);
      second = write(look(back, { displayName: 'as a probe has it' }, new Date(3001)));
      await waitFor('the second write to wait for the first', async () => {
        const { rows } = await pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%incoming%'`,
        );
        return rows.length > 0;
      });
      await first.query('COMMIT');
    } finally {
      // Closed: where it failed its transaction is open.
      first.release(true);
    }
    await second;
    const [id] = await accountsOf('acc_1');
    expect(await story(id)).toEqual([
      'account.discovered',
      'account.reappeared',
      'account.health_changed',
    ]);
  });
});

import { apiDocument } from '../../support/api-document.js';
import { startChild } from '../../support/child.js';
import { clientOf } from '../../support/client.js';
import { type Gateway, startGateway } from '../../support/gateway.js';
import { afterEach, describe, expect, test } from '../../support/jest.js';
import { waitFor } from '../../support/wait.js';

/** More can be asked for: the faults are the same for any number. */
const ACCOUNTS = Number(process.env.CHAOS_ACCOUNTS ?? 40);
const LOST = 0.3;
const UNAVAILABLE = 0.2;
const NEVER_LOOKS = { pollMs: 3_600_000 };
const QUICK = { pollMs: 50, firstDelayMs: 20, longestDelayMs: 300 };

let gateway: Gateway;
const children: Awaited<ReturnType<typeof startChild>>[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
  await gateway.stop();
});

/**
 * A sandbox that loses 3 in 10 answers after the work and says 503 to 2 in 10, and a disconnect of
 * all accounts accepted.
 */
async function begin(): Promise<string> {
  gateway = await startGateway({ accounts: 2 * ACCOUNTS, disconnects: NEVER_LOOKS });
  await gateway.connect('outfame');
  const outfame = gateway.sandbox.provider('outfame');
  outfame.faults.add({ kind: 'lost_answer', probability: LOST });
  outfame.faults.add({
    kind: 'server_error',
    status: 503,
    retry_after: 0,
    probability: UNAVAILABLE / (1 - LOST),
  });
  await start();
  const refs = Array.from(
    { length: ACCOUNTS },
    (_, index) => `outfame:acc_S${String(index).padStart(9, '0')}`,
  );
  const client = clientOf(children[0]?.url ?? '', gateway.root.key, apiDocument);
  const { body } = await client.post('/v1/disconnects', { account_ids: refs });
  return body.data.id;
}

async function start(crashAt = '') {
  const child = await startChild(gateway, QUICK, crashAt);
  children.push(child);
  return child;
}

const disconnect = async (id: string) =>
  (await gateway.root.get(`/v1/disconnects/${id}`)).body.data;
/** Waits until such a share of the steps has succeeded. */
const succeeded = (share: number) =>
  waitFor(
    `${share} of the steps to succeed`,
    () => gateway.database.prisma.disconnectStep.count({ where: { state: 'succeeded' } }),
    { until: (count) => count >= share * ACCOUNTS },
  );

async function expectEachDeletedOnce(id: string): Promise<void> {
  const look = async () => {
    const { state, finished_at, summary } = await disconnect(id);
    return { state, finished_at, summary };
  };
  const finished = await waitFor('every step to finish', look, {
    everyMs: 200,
    ms: 300_000,
    until: ({ finished_at }) => finished_at !== null,
  });
  expect(finished).toMatchObject({
    state: 'succeeded',
    summary: { total: ACCOUNTS, succeeded: ACCOUNTS },
  });
  const counts = gateway.sandbox.provider('outfame').counts();
  const effective = Object.values(counts.deletes).map((count) => count.effective);
  expect(effective).toHaveLength(ACCOUNTS);
  expect(new Set(effective)).toEqual(new Set([1]));
  const { rows } = await gateway.database.pool.query(
    `SELECT status, count(*)::int AS total FROM accounts GROUP BY 1 ORDER BY 1`,
  );
  expect(rows).toContainEqual({ status: 'disconnected', total: ACCOUNTS });
  expect(rows.map(({ status }) => status)).not.toContain('disconnecting');
}

describe(`${ACCOUNTS} disconnects, 30 % of the answers lost after the work and 20 % 503`, () => {
  test('two kills: all end, with one effective delete each', async () => {
    const id = await begin();
    await succeeded(0.2);
    await children[0]?.kill();
    const second = await start();
    await succeeded(0.6);
    await second.kill();
    await start();
    await expectEachDeletedOnce(id);
  });

  test('two processes share the work: the same', async () => {
    const id = await begin();
    await start();
    const holders = new Set<string>();
    const look = async () => {
      const { rows } = await gateway.database.pool.query(
        'SELECT DISTINCT leased_by AS holder FROM disconnect_steps WHERE leased_by IS NOT NULL',
      );
      for (const { holder } of rows) holders.add(holder);
      return holders.size;
    };
    await waitFor('both processes to hold steps', look, { until: (size) => size === 2 });
    await expectEachDeletedOnce(id);
  });
});

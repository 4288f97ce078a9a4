import { BRISK, type Gateway, startGateway } from '../../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../../support/jest.js';
import { waitFor } from '../../support/wait.js';

const RUNS = 50;
let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({
    accounts: 2 * RUNS,
    // With a circuit that opens, one delete at a time would be tried.
    policies: { ...BRISK, breakerConsecutive: Number.MAX_SAFE_INTEGER, breakerShare: 2 },
    disconnects: { firstDelayMs: 1500, longestDelayMs: 1500 },
  });
  await gateway.connect('outfame');
});

afterAll(() => gateway.stop());

describe('an account that someone connected anew while its disconnect was under way', () => {
  test(`is left alone, ${RUNS} times of ${RUNS}`, async () => {
    const outfame = gateway.sandbox.provider('outfame');
    const ids = Array.from(
      { length: RUNS },
      (_, index) => `acc_S${String(index).padStart(9, '0')}`,
    );
    // Every other answer is lost after the work; the others never came to it.
    for (const [index, id] of ids.entries()) {
      const kind = index % 2 === 0 ? 'lost_answer' : 'server_error';
      outfame.faults.add({ kind, method: 'DELETE', path: `/accounts/${id}`, times: 1 });
    }
    const { body } = await gateway.root.post('/v1/disconnects', {
      account_ids: ids.map((id) => `outfame:${id}`),
    });
    const disconnect = async () =>
      (await gateway.root.get(`/v1/disconnects/${body.data.id}`)).body.data;

    const reconnected = new Set<string>();
    const reconnect = () => {
      const { deletes } = outfame.counts();
      for (const id of ids.filter(
        (candidate) => deletes[candidate] && !reconnected.has(candidate),
      )) {
        outfame.putAccount(id, { status: 'active', created_at: new Date().toISOString() });
        reconnected.add(id);
      }
      return reconnected.size;
    };
    await waitFor(`${RUNS} deletes`, reconnect, { everyMs: 5, until: (size) => size === RUNS });
    const { state, steps } = await waitFor('the disconnect to finish', disconnect, {
      until: ({ finished_at }) => finished_at !== null,
    });
    expect(state).toBe('failed');
    expect(
      steps.map(({ last_error }: { last_error: { code: string } }) => last_error.code),
    ).toEqual(ids.map(() => 'reconnected'));
    expect(ids.filter((id) => outfame.account(id)?.status !== 'active')).toEqual([]);
    expect(ids.map((id) => outfame.counts().deletes[id]?.calls)).toEqual(ids.map(() => 1));
  });
});

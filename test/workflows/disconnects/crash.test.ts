import { CRASH_POINTS, type CrashPoint } from '../../../src/disconnects/crash-points.js';
import { apiDocument } from '../../support/api-document.js';
import { type Child, startChild } from '../../support/child.js';
import { clientOf } from '../../support/client.js';
import { type Gateway, startGateway } from '../../support/gateway.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '../../support/jest.js';
import { makeDue, notYet } from '../../support/scheduled.js';
import { waitFor } from '../../support/wait.js';

/** The gateway of this process takes up what a killed one left, but nothing by itself. */
const SLOW_TO_LOOK = { pollMs: 3_600_000, firstDelayMs: 20, longestDelayMs: 100 };
const QUICK = { pollMs: 20, firstDelayMs: 20, longestDelayMs: 100 };

let gateway: Gateway;
let taken = 0;
let child: Child;

beforeAll(async () => {
  gateway = await startGateway({ accounts: 400, disconnects: SLOW_TO_LOOK });
  await gateway.connect('outfame');
});

afterEach(() => child.kill());
afterAll(() => gateway.stop());

const outfame = () => gateway.sandbox.provider('outfame');

/** An account that no other test uses; it is active. */
function freshAccount(): string {
  taken += 1;
  return `acc_S${String(taken).padStart(9, '0')}`;
}

/** What must be wrong at the provider for a step to pass the edge. */
function arrange(edge: Place, id: string): void {
  const path = `/accounts/${id}`;
  const refuse = () =>
    outfame().faults.add({ kind: 'forbidden', method: 'DELETE', path, times: 2 });
  if (edge === 'postpone' || edge === 'look')
    outfame().faults.add({ kind: 'lost_answer', method: 'DELETE', path, times: 1 });
  if (edge === 'note_resuming' || edge === 'resume' || edge === 'fail') refuse();
}

const FAILING: readonly Place[] = ['note_resuming', 'resume', 'fail'];

/** The acceptance is a commit like any other; all else is the worker's. */
type Place = 'commit' | CrashPoint;

async function ask(edge: Place, id: string): Promise<void> {
  const client = clientOf(child.url, gateway.root.key, apiDocument);
  const account_ids = [`outfame:${id}`];
  if (edge === 'start') {
    const { body } = await client.post('/v1/disconnects', { account_ids, scheduled_at: notYet() });
    await makeDue(gateway, body.data.id);
    return;
  }
  // The process may die before it answers.
  await client.post('/v1/disconnects', { account_ids }).catch(() => undefined);
}

const account = async (id: string) =>
  (await gateway.root.get(`/v1/accounts/outfame:${id}`)).body.data;
const claimsSuccess = async (id: string) => (await account(id)).status === 'disconnected';
const places: readonly Place[] = ['commit', ...CRASH_POINTS];
const points = places.flatMap((edge) =>
  (['before', 'after'] as const).map((side) => ({ edge, side })),
);

describe('killed with -9 at every edge of a step, and taken up by another process', () => {
  test.each(points)('$side $edge', async ({ edge, side }) => {
    const id = freshAccount();
    arrange(edge, id);
    child = await startChild(gateway, QUICK, `${edge}:${side}`);
    await ask(edge, id);
    expect(await waitFor('the child to die', () => child.ended)).toBe('SIGKILL');

    // Nothing was claimed early.
    const isGone = outfame().account(id) === undefined;
    if (!isGone) expect(await claimsSuccess(id)).toBe(false);
    const accepted = await gateway.database.prisma.disconnectStep.findFirst({
      where: { providerAccountId: id },
    });
    if (!accepted) {
      expect([edge, side]).toEqual(['commit', 'before']);
      expect(await account(id)).toMatchObject({ status: 'active' });
      return;
    }

    const finished = await finish(accepted.disconnectId);
    const deletes = outfame().counts().deletes[id];
    if (FAILING.includes(edge)) {
      expect(finished).toMatchObject({
        state: 'failed',
        steps: [{ state: 'failed', last_error: { code: 'permission_denied' } }],
      });
      expect(deletes?.effective).toBe(0);
      expect(await account(id)).toMatchObject({ status: 'active' });
      expect(outfame().account(id)).toMatchObject({ status: 'active' });
    } else {
      expect(finished).toMatchObject({
        state: 'succeeded',
        steps: [{ state: 'succeeded', verified: 'absent' }],
      });
      expect(deletes?.effective).toBe(1);
      expect(await account(id)).toMatchObject({ status: 'disconnected' });
    }
  });
});

/** Has this process finish what the killed one left. */
async function finish(disconnectId: string) {
  const look = async () => {
    await gateway.app.recurringJobs.runNamed('disconnects.start_due');
    return (await gateway.root.get(`/v1/disconnects/${disconnectId}`)).body.data;
  };
  return waitFor('this process to finish the disconnect', look, {
    until: ({ finished_at }) => finished_at !== null,
  });
}

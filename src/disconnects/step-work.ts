import type { ConnectionsService } from '../connections/index.js';
import type { Tracing } from '../lib/tracing.js';
import type { ProviderConnection, Registry } from '../providers/index.js';
import { type AnyWorkKind, type WorkQueue, type WorkResult, workKind } from '../work/index.js';
import { atCrashPoint } from './crash-points.js';
import { progressOf, type Step } from './step.js';
import type { StepRunner } from './step-runner.js';
import type { DisconnectSettings } from './step-state.js';
import type { Ending } from './step-writes.repository.js';
import { LeaseLost, type StepsRepository } from './steps.repository.js';

/** The kind of work. */
export const DISCONNECT_STEPS = 'disconnect_steps';

/** More steps than calls that the provider allows at once: while some write, others call. */
const STEPS_PER_CALL = 4;
const MAX_IN_ALL = 400;
/** Of all places; the others are left to other teams and other providers. */
const MAX_SHARE = 3 / 4;
/** A look may read a whole list. */
const DEADLINE_MS = 600_000;

interface StepWorkParts {
  readonly registry: Registry;
  readonly connections: ConnectionsService;
  readonly steps: StepsRepository;
  readonly runner: StepRunner;
  readonly tracing: Tracing;
  readonly settings: DisconnectSettings;
}

/** A step that was taken, and how its provider is asked. */
interface TakenStep {
  readonly id: string;
  readonly step: Step;
  readonly access: ProviderConnection;
}

/** Steps of disconnects as work: a lane for each connection, so that a dead one holds up no other. */
export function stepWork(parts: StepWorkParts): AnyWorkKind {
  const { registry, settings } = parts;
  const callsOf = (shares: readonly string[]) => {
    const provider = shares.find((share) => share.startsWith('provider '))?.slice(9) ?? '';
    return registry.get(provider)?.limits.concurrency ?? 1;
  };
  return workKind({
    name: DISCONNECT_STEPS,
    queue: queueOf(parts),
    maxPerLane: ({ shares }) => STEPS_PER_CALL * callsOf(shares),
    maxInAll: MAX_IN_ALL,
    maxPerShare: () => MAX_IN_ALL * MAX_SHARE,
    deadlineMs: DEADLINE_MS,
    pollMs: settings.pollMs,
    finishesOnStop: false,
    run: ({ step, access }, _lane, { signal }) => run(parts, step, access, signal),
  });
}

/** A connection's credentials are opened once for all steps that are taken together. */
function queueOf({ steps, connections }: StepWorkParts): WorkQueue<TakenStep> {
  const { queue } = steps;
  return {
    dueLanes: (question) => queue.dueLanes(question),
    take: async (request) => {
      const connection = await connections.findById(request.lane);
      const access = connection && connections.accessTo(connection);
      const taken = await atCrashPoint('claim', () => queue.take(request));
      if (access === null) {
        await Promise.all(taken.map((step) => steps.end(ofLostConnection(step, request.now))));
        return [];
      }
      return taken.map((step) => ({ id: step.id, step, access }));
    },
    extend: (...lease) => queue.extend(...lease),
    release: (...items) => queue.release(...items),
    depth: (now) => queue.depth(now),
  };
}

/**
 * The end of a step whose connection is gone: a former release deleted connections while a
 * disconnect of theirs was being accepted.
 */
function ofLostConnection(step: Step, at: Date): Ending {
  const error = {
    code: 'connection_deleted',
    message: 'The connection was deleted, and with it the key to ask its provider with.',
    provider_code: null,
    at: at.toISOString(),
  };
  return {
    step,
    state: 'failed',
    progress: { ...progressOf(step), verified: 'unverifiable', error },
  };
}

async function run(
  { runner, tracing }: StepWorkParts,
  step: Step,
  access: ProviderConnection,
  signal: AbortSignal,
): Promise<WorkResult> {
  const facts = {
    'rollcall.disconnect_id': step.disconnectId,
    'rollcall.step_id': step.id,
    'rollcall.attempt': step.attempts,
  };
  try {
    const end = await tracing.root('disconnect step', facts, () =>
      runner.run(step, access, signal),
    );
    if (end === 'left') return { state: 'left', dueAt: null };
    if (end instanceof Date) return { state: 'done', dueAt: end };
    return { state: 'done', written: end.written.catch(unlessLost) };
  } catch (error) {
    unlessLost(error);
    return { state: 'done' };
  }
}

/** Another process goes on with a step whose lease was lost. */
function unlessLost(error: unknown): void {
  if (!(error instanceof LeaseLost)) throw error;
}

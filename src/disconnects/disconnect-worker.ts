import type { ConnectionsService } from '../connections/index.js';
import type { ProcessLease } from '../database/process-lease.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Tracing } from '../lib/tracing.js';
import type { ProviderConnection, Registry } from '../providers/index.js';
import { atCrashPoint } from './crash-points.js';
import type { Step } from './step.js';
import type { StepRunner } from './step-runner.js';
import type { DisconnectSettings } from './step-state.js';
import { LeaseLost, type StepsRepository } from './steps.repository.js';

/** More steps than calls that the provider allows at once: while some write, others call. */
const STEPS_PER_CALL = 4;

/** Steps of one connection that are under way in this process. */
interface ConnectionQueue {
  readonly connectionId: string;
  /** How many steps may be under way. */
  readonly width: number;
  readonly running: Set<Promise<void>>;
  /** Whether the last claim found all that it asked for, so that there may be more. */
  mayHaveMore: boolean;
  isClaiming: boolean;
}

/**
 * Runs due steps side by side: a queue for each connection, so that a dead one holds up no other.
 */
export class DisconnectWorker {
  private readonly queues = new Map<string, ConnectionQueue>();
  private poll: NodeJS.Timeout | undefined;
  private next: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
  private stopped = false;

  constructor(
    private readonly parts: {
      readonly registry: Registry;
      readonly connections: ConnectionsService;
      readonly steps: StepsRepository;
      readonly runner: StepRunner;
      readonly lease: ProcessLease;
      readonly clock: Clock;
      readonly logger: Logger;
      readonly tracing: Tracing;
      readonly settings: DisconnectSettings;
    },
  ) {}

  /**
   * From now on looks for due steps every few seconds: other replicas accept some, and leave some
   * behind.
   */
  start(): void {
    this.poll = setInterval(() => this.wakeSoon(), this.parts.settings.pollMs).unref();
    this.wakeSoon();
  }

  /** Starts the steps that are due; resolves once they have started. */
  async wake(): Promise<void> {
    if (this.stopped) return;
    await this.parts.steps.reclaimLeases();
    const due = await this.parts.steps.dueConnections();
    await Promise.all(
      due.map(({ connectionId, provider }) => this.fill(this.queueOf(connectionId, provider))),
    );
  }

  /** Like `wake`, without waiting. */
  wakeSoon(): void {
    this.wake().catch((error: unknown) => this.report(error));
  }

  /**
   * Takes no new step; resolves when the running ones have ended, or reached a point where another
   * process can continue.
   */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.poll);
    clearTimeout(this.next?.timer);
    await Promise.all([...this.queues.values()].flatMap(({ running }) => [...running]));
  }

  private queueOf(connectionId: string, provider: string): ConnectionQueue {
    const known = this.queues.get(connectionId);
    if (known) return known;
    const width = STEPS_PER_CALL * (this.parts.registry.get(provider)?.limits.concurrency ?? 1);
    const queue: ConnectionQueue = {
      connectionId,
      width,
      running: new Set(),
      mayHaveMore: false,
      isClaiming: false,
    };
    this.queues.set(connectionId, queue);
    return queue;
  }

  private async fill(queue: ConnectionQueue): Promise<void> {
    const free = queue.width - queue.running.size;
    if (this.stopped || queue.isClaiming || free <= 0) return;
    queue.isClaiming = true;
    try {
      const { connections, steps, lease } = this.parts;
      const claimed = await atCrashPoint('claim', () =>
        steps.claim(queue.connectionId, free, lease.name),
      );
      queue.mayHaveMore = claimed.length === free;
      if (claimed.length === 0) return;
      const access = connections.accessTo(await connections.getById(queue.connectionId));
      for (const step of claimed) this.begin(queue, step, access);
    } finally {
      queue.isClaiming = false;
    }
  }

  private begin(queue: ConnectionQueue, step: Step, access: ProviderConnection): void {
    const work = this.run(step, access).finally(() => {
      queue.running.delete(work);
      if (queue.running.size === 0 && !queue.mayHaveMore) this.queues.delete(queue.connectionId);
      // Half a queue at a time, so that a claim is for many.
      else if (queue.mayHaveMore && queue.running.size <= queue.width / 2)
        this.fill(queue).catch((error: unknown) => this.report(error));
    });
    queue.running.add(work);
  }

  private async run(step: Step, access: ProviderConnection): Promise<void> {
    try {
      const { runner, tracing } = this.parts;
      const facts = {
        'rollcall.disconnect_id': step.disconnectId,
        'rollcall.step_id': step.id,
        'rollcall.attempt': step.attempts,
      };
      const due = await tracing.root('disconnect step', facts, () =>
        runner.run(step, access, () => this.stopped),
      );
      if (due) this.wakeAt(due.getTime());
    } catch (error) {
      // The lease lapses and the step is taken up again.
      if (!(error instanceof LeaseLost)) this.report(error, step);
    }
  }

  /** One timer, for the earliest. */
  private wakeAt(at: number): void {
    if (this.next !== undefined && this.next.at <= at) return;
    clearTimeout(this.next?.timer);
    const wake = () => {
      this.next = undefined;
      this.wakeSoon();
    };
    this.next = {
      at,
      timer: setTimeout(wake, Math.max(0, at - this.parts.clock.now().getTime())).unref(),
    };
  }

  private report(error: unknown, step?: Step): void {
    if (this.stopped) return;
    this.parts.logger.error('disconnect worker failed', {
      error: error instanceof Error ? String(error.stack) : 'not an Error',
      ...(step && { step_id: step.id, disconnect_id: step.disconnectId }),
    });
  }
}

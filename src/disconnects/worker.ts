import type { Presence } from '../database/presence.js';
import type { DisconnectStep } from '../database/prisma-client/client.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Registry } from '../providers/index.js';
import type { DisconnectsRepository } from './disconnects.repository.js';
import { LEASE_MS, type StepRunner } from './step-run.js';

/** Runs due steps side by side: a lane for each provider, as wide as its concurrency, so that a dead one holds up no other. */
export class DisconnectWorker {
  private readonly running = new Map<string, Set<Promise<void>>>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopped = false;

  constructor(
    private readonly registry: Registry,
    private readonly steps: DisconnectsRepository,
    private readonly runner: StepRunner,
    private readonly presence: Presence,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** Takes up whatever is due; returns once it is begun. */
  async wake(): Promise<void> {
    await Promise.all(this.registry.all().map((adapter) => this.fill(adapter.id, adapter.limits.concurrency)));
  }

  /** Takes no new step; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all([...this.running.values()].flatMap((lane) => [...lane]));
  }

  private async fill(provider: string, width: number): Promise<void> {
    const lane = this.running.get(provider) ?? new Set();
    this.running.set(provider, lane);
    const free = width - lane.size;
    if (this.stopped || free <= 0) return;
    const now = this.clock.now();
    const claimed = await this.steps.claim(provider, free, this.presence.name, now, new Date(now.getTime() + LEASE_MS));
    for (const step of claimed) {
      const work = this.run(step).finally(() => {
        lane.delete(work);
        this.refill(provider, width);
      });
      lane.add(work);
    }
  }

  private refill(provider: string, width: number): void {
    this.fill(provider, width).catch((error: unknown) => this.report(error));
  }

  private async run(step: DisconnectStep): Promise<void> {
    try {
      const due = await this.runner.run(step);
      if (due) this.wakeAt(due);
    } catch (error) {
      // The lease lapses and the step is taken up again.
      this.report(error, step);
    }
  }

  private wakeAt(due: Date): void {
    const timer = setTimeout(
      () => {
        this.timers.delete(timer);
        this.wake().catch((error: unknown) => this.report(error));
      },
      Math.max(0, due.getTime() - this.clock.now().getTime()),
    );
    this.timers.add(timer.unref());
  }

  private report(error: unknown, step?: DisconnectStep): void {
    if (this.stopped) return;
    this.logger.error('disconnect worker', {
      error: error instanceof Error ? String(error.stack) : 'not an Error',
      ...(step && { step_id: step.id, disconnect_id: step.disconnectId }),
    });
  }
}

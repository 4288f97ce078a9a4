import { setMaxListeners } from 'node:events';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { stackOf } from '../lib/source-positions.js';

/** Work that every replica does again and again. It must be safe to run on several at once. */
export interface RecurringJob {
  /** `<component>.<what it does>`, as metrics and logs name it. */
  readonly name: string;
  /** Milliseconds between the end of one run and the start of the next. */
  readonly everyMs: number;
  readonly run: () => Promise<unknown>;
  /**
   * Requests rest on it: it also runs in a process that serves requests and takes no background
   * work. Absent: it is background work.
   */
  readonly servesRequests?: boolean;
}

/** Is called after each run. */
export type JobObserver = (name: string, durationMs: number, failed: boolean) => void;

interface RecurringJobsParts {
  readonly jobs: readonly RecurringJob[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observe: JobObserver;
  /** Is told why a job failed. */
  readonly noteFailure: (error: unknown) => void;
}

/**
 * Runs jobs side by side, each on its own interval. A job that throws or hangs delays no other, and
 * no job overlaps itself: asking for one that is running returns that run.
 */
export class RecurringJobs {
  private readonly running = new Map<string, Promise<boolean>>();
  private readonly draining = new AbortController();
  private readonly stopping = new AbortController();
  private loops: readonly Promise<void>[] = [];

  constructor(private readonly parts: RecurringJobsParts) {
    const names = parts.jobs.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`two recurring jobs are named ${twice}`);
    // Each job's wait listens to one of them; Node warns of more than ten unless told.
    setMaxListeners(names.length + 1, this.draining.signal, this.stopping.signal);
  }

  /** Runs each job now and then on its interval, until `stop`. */
  start(): void {
    this.loops = this.parts.jobs.map((job) => this.repeat(job));
  }

  /**
   * Runs every job once, one after the other in the order they are declared.
   * @returns the names of those that failed
   */
  async runAll(): Promise<string[]> {
    const failed: string[] = [];
    for (const job of this.parts.jobs) if (!(await this.run(job))) failed.push(job.name);
    return failed;
  }

  /**
   * Runs one job now.
   * @returns whether it succeeded
   * @throws Error when no job has that name
   */
  runNamed(name: string): Promise<boolean> {
    const job = this.parts.jobs.find((one) => one.name === name);
    if (job === undefined) throw new Error(`no recurring job is named ${name}`);
    return this.run(job);
  }

  /** Starts no job any more but those that requests rest on. */
  drain(): void {
    this.draining.abort();
  }

  /** Starts no job any more; resolves when the running ones have ended. */
  async stop(): Promise<void> {
    this.drain();
    this.stopping.abort();
    await Promise.all([...this.loops, ...this.running.values()]);
  }

  private async repeat(job: RecurringJob): Promise<void> {
    const { signal } = job.servesRequests ? this.stopping : this.draining;
    while (!signal.aborted) {
      await this.run(job);
      await this.parts.clock.sleep(job.everyMs, signal).catch(() => undefined);
    }
  }

  /** @returns whether it succeeded */
  private run(job: RecurringJob): Promise<boolean> {
    const current = this.running.get(job.name);
    if (current !== undefined) return current;
    const run = this.attempt(job).finally(() => this.running.delete(job.name));
    this.running.set(job.name, run);
    return run;
  }

  private async attempt({ name, run }: RecurringJob): Promise<boolean> {
    const startedAt = performance.now();
    let failed = false;
    try {
      await run();
    } catch (error) {
      failed = true;
      this.parts.noteFailure(error);
      this.parts.logger.error('recurring job failed', {
        operation: name,
        error: stackOf(error),
      });
    }
    this.parts.observe(name, performance.now() - startedAt, failed);
    return !failed;
  }
}

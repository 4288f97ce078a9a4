import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../lib/logger.js';
import { StartError } from '../lib/start-error.js';
import { type Ending, FINISH_MS } from './ending.js';
import { Gathering } from './gathering.js';
import type { FromMember } from './messages.js';

/** One that ends so often in a row before it serves does not get better by itself. */
const MAX_FAILED_STARTS = 5;
/** Who served as long is replaced at once. */
const CALM_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
/** Over what a process gives itself to end. */
const PATIENCE_MS = 5_000;

interface GroupParts {
  readonly count: number;
  readonly drainSeconds: number;
  /** What a process runs. */
  readonly program: string;
  readonly logger: Logger;
  readonly say: (line: string) => void;
}

/** How a process ended. */
interface Ended {
  /** Whether it came to serve. */
  readonly served: boolean;
  readonly livedMs: number;
  /** Its exit code, or the signal that ended it. */
  readonly by: string;
}

/**
 * Processes that listen at the same port: this one takes connections and hands each to the next. A
 * process that ends is replaced, at first at once, then after longer and longer pauses.
 */
export class ProcessGroup {
  private readonly running = new Set<Worker>();
  private readonly serving = new Set<Worker>();
  private readonly gathering = new Gathering(this.serving);
  private isTold = false;

  constructor(private readonly parts: GroupParts) {}

  /**
   * Resolves when it was told to end and all have ended.
   * @throws StartError when one does not come to serve
   */
  async run({ stopping, hurried }: Ending): Promise<void> {
    const failing = new AbortController();
    const ended = AbortSignal.any([stopping, failing.signal]);
    const signal = () => this.signal(hurried.aborted ? 'SIGINT' : 'SIGTERM');
    ended.addEventListener('abort', signal);
    hurried.addEventListener('abort', signal);
    let killer: NodeJS.Timeout | undefined;
    ended.addEventListener('abort', () => {
      const patienceMs = this.parts.drainSeconds * 1_000 + FINISH_MS + PATIENCE_MS;
      killer = setTimeout(() => this.signal('SIGKILL'), patienceMs);
    });
    const fail = (error: unknown) => {
      failing.abort();
      throw error;
    };
    let onReady: (() => void) | undefined;
    const ready = new Promise<void>((resolve) => {
      onReady = resolve;
    });
    const keeping = [this.keep(1, ended, onReady).catch(fail)];
    // The first one alone makes the root key and tells where the gateway is reached.
    await Promise.race([ready, ...keeping]);
    for (let number = 2; number <= this.parts.count && !ended.aborted; number += 1)
      keeping.push(this.keep(number, ended).catch(fail));
    const results = await Promise.allSettled(keeping);
    clearTimeout(killer);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  private async keep(number: number, ended: AbortSignal, onReady?: () => void): Promise<void> {
    let failedStarts = 0;
    let deaths = 0;
    let isFirst = number === 1;
    while (!ended.aborted) {
      const { served, livedMs, by } = await this.runOne(number, onReady);
      if (ended.aborted) return;
      failedStarts = served ? 0 : failedStarts + 1;
      deaths = livedMs > CALM_MS ? 1 : deaths + 1;
      const what = `process ${number} of ${this.parts.count} ended (${by})`;
      if (isFirst && !served)
        throw new StartError(`WEB_CONCURRENCY: ${what} before it was ready; see its output above.`);
      isFirst = false;
      if (failedStarts === MAX_FAILED_STARTS)
        throw new StartError(
          `WEB_CONCURRENCY: ${what} before it was ready, for the ${MAX_FAILED_STARTS}th time in a row.`,
        );
      const pauseMs = deaths === 1 ? 0 : FIRST_PAUSE_MS * 2 ** (deaths - 2);
      this.parts.logger.warn(`${what}; it is replaced`, { duration_ms: Math.round(livedMs) });
      await sleep(Math.min(pauseMs, MAX_PAUSE_MS), undefined, { signal: ended }).catch(() => {});
    }
  }

  private async runOne(number: number, onReady?: () => void): Promise<Ended> {
    const args = [String(number), ...(this.isTold ? ['told'] : [])];
    cluster.setupPrimary({ exec: this.parts.program, args });
    const started = performance.now();
    const worker = cluster.fork();
    this.running.add(worker);
    worker.on('message', (message: FromMember) => {
      if (message.kind !== 'ready') return this.gathering.take(worker, message);
      this.serving.add(worker);
      this.isTold = true;
      onReady?.();
    });
    const by = await whenEnded(worker);
    this.running.delete(worker);
    const served = this.serving.delete(worker);
    this.gathering.forget(worker);
    return { served, livedMs: performance.now() - started, by };
  }

  private signal(signal: NodeJS.Signals): void {
    for (const worker of this.running) worker.process.kill(signal);
  }
}

async function whenEnded(worker: Worker): Promise<string> {
  try {
    const [code, signal] = await once(worker, 'exit');
    return signal ?? `exit code ${code}`;
  } catch (error) {
    return `could not be started: ${(error as NodeJS.ErrnoException).code}`;
  }
}

/** How long what is under way may take to end, in milliseconds. */
export const FINISH_MS = 30_000;

/** Ends the process with 1, and says why, unless what is under way ends in time. */
export function endInTime(): void {
  setTimeout(() => {
    process.stderr.write(
      `Stopped with work in progress that did not end within ${FINISH_MS / 1_000} s; the next start continues it.\n`,
    );
    process.exit(1);
  }, FINISH_MS).unref();
}

/** When a process is to end. */
export interface Ending {
  readonly stopping: AbortSignal;
  /** Aborts when a person waits for the end: there is no load balancer to wait for. */
  readonly hurried: AbortSignal;
}

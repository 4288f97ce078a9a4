/** How long what is under way may take to end, in milliseconds. */
export const FINISH_MS = 30_000;

/** When a process is to end. */
export interface Ending {
  readonly stopping: AbortSignal;
  /** Aborts when a person waits for the end: there is no load balancer to wait for. */
  readonly hurried: AbortSignal;
}

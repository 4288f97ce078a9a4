import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

/**
 * Milliseconds that a test waits for one thing. A bound on what hangs, and no measure of speed: a
 * busy machine may take its time. The limit of a whole test (`setup/test-limit.mjs`) is many times
 * longer, as a test may wait for many things, so that it is this one that tells what was awaited. No test has a
 * limit of its own.
 */
export const MAX_WAIT_MS = 90_000;

interface WaitLimits<Seen> {
  /** Milliseconds until it gives up. */
  readonly ms?: number;
  /**
   * Milliseconds between two looks; when left out, few at first and more the longer it takes, as
   * looking costs what is waited for its time.
   */
  readonly everyMs?: number;
  /** Whether what was seen is what the test waits for; when left out, whether anything was. */
  readonly until?: (seen: Seen) => boolean;
}

const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 50;
const PAUSE_GROWTH = 1.5;

type Nothing = undefined | null | false;
const EXPIRED = Symbol();

/**
 * Looks again and again until it sees what the test waits for; a promise is awaited once, by a
 * `look` that returns it.
 *
 * @param what completes "Waited for …": `'the sweep to finish'`
 * @returns what it saw
 * @throws Error that names `what` and the last thing seen, when the time is over
 */
export async function waitFor<Seen>(
  what: string,
  look: () => Seen | Promise<Seen>,
  limits: WaitLimits<Seen> & { readonly until: (seen: Seen) => boolean },
): Promise<Seen>;
export async function waitFor<Seen>(
  what: string,
  look: () => Seen | Promise<Seen>,
  limits?: WaitLimits<Seen>,
): Promise<Exclude<Seen, Nothing>>;
export async function waitFor<Seen>(
  what: string,
  look: () => Seen | Promise<Seen>,
  { ms = MAX_WAIT_MS, everyMs, until = isSomething }: WaitLimits<Seen> = {},
): Promise<Seen> {
  let pauseMs = everyMs ?? FIRST_PAUSE_MS;
  let last: { readonly seen: Seen } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<typeof EXPIRED>((resolve) => {
    timer = setTimeout(resolve, ms, EXPIRED);
  });
  try {
    for (;;) {
      const seen = await Promise.race([expired, look()]);
      if (seen === EXPIRED)
        throw new Error(
          `Waited ${ms} ms for ${what}. Last seen: ${last ? told(last.seen) : 'nothing yet'}`,
        );
      if (until(seen)) return seen;
      last = { seen };
      await sleep(pauseMs);
      if (everyMs === undefined) pauseMs = Math.min(pauseMs * PAUSE_GROWTH, MAX_PAUSE_MS);
    }
  } finally {
    clearTimeout(timer);
  }
}

function told(seen: unknown): string {
  return inspect(seen, { depth: 5, breakLength: 100 }).slice(0, 2_000);
}

function isSomething(seen: unknown): boolean {
  return seen !== undefined && seen !== null && seen !== false;
}

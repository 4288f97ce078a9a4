/** How a client tries again. */
export interface RetrySettings {
  /** Attempts after the first; 3 by default. */
  readonly retries?: number;
  readonly fetch?: (request: Request) => Promise<Response>;
  /** Waits this many milliseconds. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

const FIRST_WAIT_MS = 200;
const MAX_WAIT_MS = 60_000;

/**
 * A `fetch` that tries again where that is safe: after 429, and after 409 and 503 that say when, as
 * long as `Retry-After` says; after a broken connection only what may be done twice (GET, DELETE,
 * and POST, which carries an `Idempotency-Key`).
 */
export function retrying({
  retries = 3,
  fetch = globalThis.fetch,
  sleep = defaultSleep,
}: RetrySettings) {
  return async (request: Request): Promise<Response> => {
    const mayRepeat =
      ['GET', 'DELETE'].includes(request.method) || request.headers.has('idempotency-key');
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= retries;
      try {
        const response = await fetch(request.clone());
        const wait = waitOf(response, attempt);
        if (isLast || wait === undefined) return response;
        await response.body?.cancel();
        await sleep(wait);
      } catch (error) {
        if (isLast || !mayRepeat) throw error;
        await sleep(FIRST_WAIT_MS * 2 ** attempt);
      }
    }
  };
}

/** Milliseconds to wait before another attempt; `undefined`: the answer is final. */
function waitOf({ status, headers }: Response, attempt: number): number | undefined {
  const said = Number(headers.get('retry-after') ?? Number.NaN);
  if (status !== 429 && !((status === 409 || status === 503) && said > 0)) return undefined;
  const wait = said > 0 ? said * 1000 : FIRST_WAIT_MS * 2 ** attempt;
  return wait > MAX_WAIT_MS ? undefined : wait;
}

function defaultSleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

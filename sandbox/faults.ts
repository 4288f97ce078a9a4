import { z } from 'zod';
import { seededRandom } from './deterministic.js';
import type { Question } from './message.js';
import { matchPath } from './routes.js';

/**
 * What can be made to go wrong. The work of the request is done only where the text says so.
 *
 * | kind | what the caller sees |
 * |---|---|
 * | `down` | the socket closed at once |
 * | `hang` | no answer, ever |
 * | `slow` | the right answer, the work done, after `delay_ms` (default 2,000) |
 * | `rate_limited` | the provider's 429, `Retry-After` of `retry_after` seconds (default 1) |
 * | `server_error` | the provider's 500, or with `status: 503` its 503 with `Retry-After` |
 * | `html` | a proxy's HTML page under `status` (default 502; try 200) |
 * | `key_revoked` | the provider's answer to a key that was switched off |
 * | `forbidden` | the provider's 403 to a key that may not do this |
 * | `not_found` | the provider's 404 for an account, though it may hold it |
 * | `reset` | the work done, half the answer, then a TCP reset |
 * | `truncated` | the work done, half the answer under the whole one's Content-Length, then the end |
 * | `lost_answer` | the work done, then the socket closed without an answer |
 * | `wrong_shape` | the work done, then valid JSON of another shape |
 * | `bad_item` | a list whose first item has wrong types (its id stays) |
 * | `bad_id` | a list whose first item has wrong types, its id too |
 * | `repeat_cursor` | a list whose next cursor is always the same and leads back to its first page |
 */
const FAULT_KINDS = [
  'down',
  'hang',
  'slow',
  'rate_limited',
  'server_error',
  'html',
  'key_revoked',
  'forbidden',
  'not_found',
  'reset',
  'truncated',
  'lost_answer',
  'wrong_shape',
  'bad_item',
  'bad_id',
  'repeat_cursor',
] as const;

/** A fault to inject. Without limits it strikes every request until it is cleared. */
export const Fault = z.strictObject({
  kind: z.enum(FAULT_KINDS),
  /** Only requests with this method. */
  method: z.string().exactOptional(),
  /**
   * Only requests to this path below the provider's base URL; `*` and `{name}` fit any one segment.
   */
  path: z.string().exactOptional(),
  /** At most so many strikes. */
  times: z.int().min(1).exactOptional(),
  /** The chance of each strike, from a generator with a fixed seed. */
  probability: z.number().min(0).max(1).exactOptional(),
  /** Lets so many matching requests pass first. */
  after: z.int().min(0).exactOptional(),
  delay_ms: z.int().min(0).exactOptional(),
  /** Seconds. */
  retry_after: z.int().min(0).exactOptional(),
  /** HTTP status, for `server_error` and `html`. */
  status: z.int().min(200).max(599).exactOptional(),
});
export type Fault = z.infer<typeof Fault>;

/** A fault in force. */
interface ActiveFault {
  readonly id: string;
  readonly fault: Fault;
  /** Matching requests so far, struck or not. */
  matched: number;
  struck: number;
}

/** The faults of one provider. The oldest that applies strikes; a request suffers one at most. */
export class Faults {
  readonly #active: ActiveFault[] = [];
  #random = seededRandom(1);
  #added = 0;

  add(fault: Fault): string {
    this.#added += 1;
    const id = `fault_${this.#added}`;
    this.#active.push({ id, fault, matched: 0, struck: 0 });
    return id;
  }

  clear(): void {
    this.#active.length = 0;
    this.#random = seededRandom(1);
  }

  list(): readonly ActiveFault[] {
    return this.#active;
  }

  /** The fault that strikes this request, if any. */
  strike(question: Question): Fault | undefined {
    for (const active of this.#active) {
      if (!concerns(active.fault, question)) continue;
      active.matched += 1;
      const { after = 0, times = Number.POSITIVE_INFINITY, probability = 1 } = active.fault;
      if (active.matched <= after || active.struck >= times) continue;
      if (probability < 1 && this.#random() >= probability) continue;
      active.struck += 1;
      return active.fault;
    }
    return undefined;
  }
}

function concerns(fault: Fault, question: Question): boolean {
  if (fault.method !== undefined && fault.method.toUpperCase() !== question.method) return false;
  return fault.path === undefined || matchPath(fault.path, question.segments) !== undefined;
}

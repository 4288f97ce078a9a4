import { type Database, type Position, PRIMARY, type ReplicaReads } from '../database/index.js';
import type { Sealer } from '../lib/seal.js';
import type { Caller } from './caller.js';
import type { Metrics } from './metrics.js';
import { invalidField } from './problem.js';
import type { Route } from './route.js';

/** Answers of writes carry it; a read that sends it back sees no less. */
export const POSITION_HEADER = 'Rollcall-Position';

const BOUND_TO = 'position';
/** What is known of no place in the log: such a read is the primary's. */
const ANYWHERE = 'primary';

/** Decides which server a read comes from, and tells writers how far to read. */
export class Reads {
  constructor(
    private readonly database: Pick<Database, 'replicas'>,
    private readonly sealer: Sealer,
    private readonly metrics: Metrics,
  ) {}

  /**
   * @param sent the header of the request
   * @returns `undefined`: the primary serves it
   * @throws Problem 422 for a position that no write was answered with
   */
  choose(route: Route, caller: Caller, sent: string | undefined): ReplicaReads | undefined {
    const position = sent === undefined ? undefined : this.open(sent);
    const { mayLag } = route.endpoint;
    if (mayLag === undefined || position === ANYWHERE) return undefined;
    if (mayLag === 'unless_written' && position !== undefined) return undefined;
    return this.database.replicas.readsFor(caller.teamId, position);
  }

  /** The position behind a write that is done. The primary is named where it cannot tell. */
  async afterWrite(): Promise<string> {
    const { replicas } = this.database;
    const position = replicas.isEmpty
      ? undefined
      : await replicas.position().catch(() => undefined);
    const text = position ? `${position.system}.${position.timeline}.${position.lsn}` : ANYWHERE;
    return Buffer.from(this.sealer.seal(text, BOUND_TO)).toString('base64url');
  }

  count(reads: ReplicaReads | undefined): void {
    this.metrics.observeRead(reads?.server ?? PRIMARY);
  }

  private open(sent: string): Position | typeof ANYWHERE {
    let text: string;
    try {
      const sealed = Buffer.from(sent, 'base64url');
      // Characters that are none of the alphabet are skipped.
      if (sealed.toString('base64url') !== sent) throw new Error('altered');
      text = this.sealer.open(sealed, BOUND_TO);
    } catch {
      throw invalidField(
        POSITION_HEADER,
        'must be the unchanged value from the response to a write',
      );
    }
    if (text === ANYWHERE) return ANYWHERE;
    const [system = '', timeline = '', lsn = '0'] = text.split('.');
    return { system, timeline: Number(timeline), lsn: BigInt(lsn) };
  }
}

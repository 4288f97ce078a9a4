import { TextStream } from '../http/answer.js';
import type { Caller } from '../http/caller.js';
import type { Cursors, Position } from '../http/cursor.js';
import type { PageRow } from '../http/page.js';
import { invalidField, Problem } from '../http/problem.js';
import type { AnyCall } from '../http/route.js';
import { refuseTime } from '../http/validate.js';
import type { Clock } from '../lib/clock.js';
import type { AskedEvents } from './events.requests.js';
import { type EventFilter, type FeedRepository, RETENTION_DAYS } from './feed.repository.js';
import type { FeedDirection } from './feed-order.js';
import type { HistoriesRepository } from './histories.repository.js';
import { OpenStreams } from './open-streams.js';

const LOOK_EVERY_MS = 500;
const HEARTBEAT_MS = 15_000;
const BATCH = 200;
export const EVENT_STREAM = 'text/event-stream';
/** How long a reader waits before it connects again, as long as nothing else is asked of it. */
const RECONNECT_MS = 1_000;
/**
 * So that the readers of a replica that stops do not all connect to the next one at once; none is
 * away for longer than this.
 */
const MAX_RECONNECT_MS = 10_000;
/** A stream's longest life. */
const MAX_STREAM_MS = 3_600_000;

/** What the service stands on. */
interface EventsParts {
  readonly feed: FeedRepository;
  readonly histories: HistoriesRepository;
  readonly cursors: Cursors;
  readonly clock: Clock;
  /**
   * The account of a reference, in whichever spelling.
   * @throws Problem 404 `not_found`, 409 `ambiguous_reference`
   */
  readonly findAccount: (caller: Caller, reference: string) => Promise<{ readonly id: string }>;
}

/** Reads the outbox as pages and as a stream. */
export class EventsService {
  private readonly streams = new OpenStreams();

  constructor(private readonly parts: EventsParts) {}

  /**
   * What to read of the feed.
   * @throws Problem 422 for a reference of no account; the id of one that is gone has events still
   */
  async filterOf(caller: Caller, { types, account }: AskedEvents): Promise<EventFilter> {
    if (account === undefined) return { types, accountId: undefined };
    try {
      return { types, accountId: (await this.parts.findAccount(caller, account)).id };
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'not_found')) throw error;
      if (account.startsWith('acct_')) return { types, accountId: account };
      throw invalidField(
        'account_id',
        'names no account of the team; give its id, or a ref such as outfame:acc_7Gx2kLm9Qr',
      );
    }
  }

  /**
   * A page after `after`: a cursor of the feed in that direction, or the id of an event.
   * @throws Problem 422 `history_rewound` for a cursor that a recovery has undone
   */
  async page(
    caller: Caller,
    filter: EventFilter & { readonly direction: FeedDirection },
    after: string | undefined,
    limit: number,
  ): Promise<PageRow[]> {
    const question = questionOf(caller, filter.direction);
    const position = await this.readPosition(caller, after, 'after', question);
    return this.parts.feed.read(caller, filter, position, limit);
  }

  /**
   * What a reader passes as `after` to continue after a position. It is valid with every filter, as
   * positions do not depend on them.
   */
  cursor(caller: Caller, position: Position, direction: FeedDirection = 'asc'): string {
    return this.parts.cursors.encode(position, questionOf(caller, direction));
  }

  /**
   * The events after `after`, and new ones, as server-sent events; without `after` only new ones.
   * Ends when the caller disconnects, its key ends, this process stops, or after an hour;
   * reconnecting with the last id continues where the stream ended, on any replica.
   * @throws Problem 429 or 503 when too many streams are open
   */
  async stream(
    caller: Caller,
    filter: EventFilter,
    after: string | undefined,
    { signal: left, keyEnded }: Pick<AnyCall, 'signal' | 'keyEnded'>,
  ): Promise<TextStream> {
    const stopping = this.streams.enter(caller.key.id, caller.teamId, left);
    const position =
      (await this.readPosition(caller, after, 'Last-Event-ID')) ?? (await this.parts.feed.end());
    const ended = AbortSignal.any([left, stopping, this.expiry(caller, left), keyEnded()]);
    return new TextStream(this.follow(caller, filter, position, ended), EVENT_STREAM, ended);
  }

  private async *follow(
    caller: Caller,
    filter: EventFilter,
    from: Position,
    ended: AbortSignal,
  ): AsyncGenerator<string, void, void> {
    let position = from;
    let quietSince = this.parts.clock.now().getTime();
    yield `${retryAfter(RECONNECT_MS)}: listening\n\n`;
    while (!ended.aborted) {
      const rows = await this.readOn(caller, filter, position);
      if (rows === undefined) return;
      for (const row of rows) {
        if (ended.aborted) break;
        yield `id: ${this.cursor(caller, row.position)}\ndata: ${row.document}\n\n`;
        position = row.position;
      }
      const now = this.parts.clock.now().getTime();
      if (rows.length > 0) quietSince = now;
      if (now - quietSince >= HEARTBEAT_MS) {
        quietSince = now;
        yield ': keep-alive\n\n';
      }
      if (rows.length < BATCH)
        await this.parts.clock.sleep(LOOK_EVERY_MS, ended).catch(() => undefined);
    }
    if (this.streams.areEnding) {
      const jitter = Math.random() * (MAX_RECONNECT_MS - RECONNECT_MS);
      yield `${retryAfter(RECONNECT_MS + Math.floor(jitter))}\n`;
    }
  }

  /** @returns nothing more once the position is undone: who reconnects with it is told so */
  private async readOn(
    caller: Caller,
    filter: EventFilter,
    position: Position,
  ): Promise<PageRow[] | undefined> {
    try {
      return await this.parts.feed.read(caller, filter, position, BATCH);
    } catch (error) {
      if (error instanceof Problem && error.code === 'history_rewound') return undefined;
      throw error;
    }
  }

  private expiry({ key }: Caller, left: AbortSignal): AbortSignal {
    const expired = new AbortController();
    const keyMs = (key.expiresAt?.getTime() ?? Infinity) - this.parts.clock.now().getTime();
    this.parts.clock.sleep(Math.min(MAX_STREAM_MS, Math.max(0, keyMs)), left).then(
      () => expired.abort(),
      () => undefined,
    );
    return expired.signal;
  }

  /** Ends every stream, now and from now on, and has its reader connect again in a while. */
  stop(): void {
    this.streams.endAll();
  }

  /** Drops weeks of events that ended 90 days ago, and histories that had ended then. */
  async prune(): Promise<void> {
    const { clock, feed, histories } = this.parts;
    const now = clock.now();
    await feed.keepPartitions(now);
    await histories.delete(new Date(now.getTime() - RETENTION_DAYS * 86_400_000));
  }

  private async readPosition(
    caller: Caller,
    after: string | undefined,
    name: string,
    question = questionOf(caller, 'asc'),
  ): Promise<Position | undefined> {
    if (after === undefined) return undefined;
    refuseTime(name, after, 'the `next_cursor` of a page, or the id of an event; not a time');
    const { cursors, feed } = this.parts;
    if (!after.startsWith('evt_'))
      return feed.resume(caller, cursors.decode(after, question, name));
    const position = await feed.positionOf(caller, after);
    if (!position)
      throw invalidField(
        name,
        `is not an event of the last ${RETENTION_DAYS} days, or was undone by a recovery of the database; start again without it`,
      );
    return position;
  }
}

/** What the cursors of a direction are bound to. */
const questionOf = ({ teamId }: Caller, direction: FeedDirection) =>
  direction === 'asc' ? ['events', teamId] : ['events', teamId, direction];

/** A line that tells a reader how many milliseconds to wait before it connects again. */
function retryAfter(ms: number): string {
  return `retry: ${ms}\n`;
}

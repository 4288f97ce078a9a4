import type pg from 'pg';
import { EVENT_DOCUMENT, type EventType, eventVisibleTo, placeOf } from '../events/index.js';

/** Events that are looked through at once for those that a webhook wants. */
export const EVENTS_AT_ONCE = 1000;
/** Readings that are kept, of up to as many events as are taken at once. */
const MAX_KEPT = 32;

/** Which events come next for a webhook. */
export interface NextEventsQuestion {
  readonly teamId: string;
  /** The history that the places are of. */
  readonly history: string;
  /** The place and the id beyond which it has had none. */
  readonly place: string;
  readonly placeId: string;
  /** Feeds show no event beyond this position. */
  readonly published: string;
  /** The only providers whose events it may have; empty: all. */
  readonly providers: readonly string[];
  /** `null`: all. */
  readonly types: readonly EventType[] | null;
  /** How many wanted ones are asked for. */
  readonly limit: number;
  /** Up to here the release before has made its deliveries, in that one's order; `null`: none. */
  readonly madeTransaction: string | null;
  readonly madeId: string;
}

export interface NextEvent {
  readonly id: string;
  readonly type: EventType;
  readonly position: string | null;
  readonly transaction_id: string;
  /** What to send; `null`: the webhook does not want it. */
  readonly body: string | null;
}

/**
 * Reads the events that come next. Webhooks of one team come to the same places one after the other,
 * so they share what is read there: the text of an event is built and sent to this process once,
 * however many webhooks it goes to. What was shown never gets a predecessor, so a full reading stays
 * true.
 */
export class NextEvents {
  private readonly kept = new Map<string, Promise<readonly NextEvent[]>>();

  /** @param client within the transaction that moves the webhook behind them */
  read(client: pg.ClientBase, question: NextEventsQuestion): Promise<readonly NextEvent[]> {
    if (question.madeTransaction !== null) return ask(client, question);
    const { teamId, history, place, placeId, providers, types, limit } = question;
    const key = JSON.stringify([teamId, history, place, placeId, providers, types, limit]);
    const known = this.kept.get(key);
    // One webhook's failure is not the others'.
    if (known !== undefined) return known.catch(() => ask(client, question));
    const reading = ask(client, question);
    this.keep(key, reading);
    const isFull = (events: readonly NextEvent[]) =>
      events.length === EVENTS_AT_ONCE || events.filter(isWanted).length === limit;
    const forget = () => {
      if (this.kept.get(key) === reading) this.kept.delete(key);
    };
    // What follows an incomplete one is not known yet.
    reading.then((events) => isFull(events) || forget(), forget);
    return reading;
  }

  /** Lets go of what is kept. */
  forget(): void {
    this.kept.clear();
  }

  private keep(key: string, reading: Promise<readonly NextEvent[]>): void {
    this.kept.set(key, reading);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_KEPT && oldest !== undefined) this.kept.delete(oldest);
  }
}

const isWanted = ({ body }: NextEvent) => body !== null;

/** The bounds are values: from those of a joined row PostgreSQL makes no order, and sorts them all. */
async function ask(
  client: pg.ClientBase,
  question: NextEventsQuestion,
): Promise<readonly NextEvent[]> {
  const { teamId, place, placeId, published, providers, types } = question;
  const { rows } = await client.query<NextEvent>({
    name: 'next-events',
    text: `SELECT e.id, e.type, e.position, e.transaction_id,
        CASE WHEN e.is_wanted THEN ${EVENT_DOCUMENT} END AS body
      FROM (
        SELECT next.*, count(*) FILTER (WHERE is_wanted) OVER (ORDER BY place, id) AS number
        FROM (
          SELECT e.*, ${placeOf('e')} AS place, ${eventVisibleTo('$5')}
            AND ($6::text[] IS NULL OR e.type = ANY($6))
            AND ($8::bigint IS NULL OR (e.transaction_id, e.id) > ($8, $9::text)) AS is_wanted
          FROM events e
          WHERE e.team_id = $1 AND (${placeOf('e')}, e.id) > ($2::bigint, $3::text)
            AND ${placeOf('e')} <= $4::bigint
          ORDER BY ${placeOf('e')}, e.id LIMIT ${EVENTS_AT_ONCE}) AS next) AS e
      WHERE e.number <= $7 ORDER BY e.place, e.id`,
    values: [
      ...[teamId, place, placeId, published, providers, types, question.limit],
      ...[question.madeTransaction, question.madeId],
    ],
  });
  return rows;
}

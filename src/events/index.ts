import type { Database } from '../database/index.js';
import type { Caller } from '../http/caller.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { RecurringJob } from '../work/index.js';
import { eventEndpoints } from './events.routes.js';
import { EventsService } from './events.service.js';
import { FeedRepository } from './feed.repository.js';
import { FeedPublisher } from './feed-publisher.js';
import { FeedReader } from './feed-reader.repository.js';
import { HistoriesRepository } from './histories.repository.js';

export { type EventType, typesOf } from './event-types.js';
export { eventPattern } from './events.requests.js';
export {
  EVENT_DOCUMENT,
  eventVisibleTo,
  type FeedRepository,
  RETENTION_DAYS as EVENT_RETENTION_DAYS,
} from './feed.repository.js';
export { beyond, NEWEST_HISTORY, placeOf } from './feed-order.js';
export type { FeedLag, FeedPublisher } from './feed-publisher.js';
export type { FeedReader } from './feed-reader.repository.js';
export {
  type AccountEvent,
  accountEventsFrom,
  mixedAccountEventsFrom,
  type NewEvent,
  recordAccountEvents,
  recordEvents,
  recordEventsOfTeams,
} from './outbox.repository.js';

/** Whoever reads publishes first; this is for those who read what others publish. */
const PUBLISH_EVERY_MS = 200;

interface EventsParts {
  readonly database: Database;
  /** Good for as long as the events they point at are kept. */
  readonly cursors: Cursors;
  readonly clock: Clock;
  /** The account of a reference, in whichever spelling. */
  readonly findAccount: (caller: Caller, reference: string) => Promise<{ readonly id: string }>;
}

/** How feeds are read, of events and of whatever else is one. */
export function createFeeds(database: Database, clock: Clock) {
  const histories = new HistoriesRepository(database);
  const publisher = new FeedPublisher(histories, clock);
  const reader = new FeedReader(database, publisher);
  return { histories, publisher, reader, feed: new FeedRepository(database, reader) };
}

/** What happened, written with the change it reports, and read as a feed and as a stream. */
export function createEvents({ database, cursors, clock, findAccount }: EventsParts) {
  const { histories, publisher, reader, feed } = createFeeds(database, clock);
  const service = new EventsService({ feed, histories, cursors, clock, findAccount });
  const jobs: readonly RecurringJob[] = [
    { name: 'events.publish', everyMs: PUBLISH_EVERY_MS, run: () => publisher.publish() },
    { name: 'events.prune', everyMs: 60_000, run: () => service.prune() },
  ];
  return {
    feed,
    reader,
    publisher,
    endpoints: { events: eventEndpoints(service) },
    jobs,
    /** Has feeds go on from where they are, should the database have been recovered. */
    start: () => publisher.publish(),
    /** Ends every stream, also those that are opened later. */
    stop: () => service.stop(),
  };
}

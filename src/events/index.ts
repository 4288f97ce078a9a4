import type { Database } from '../database/index.js';
import type { KeyWatch } from '../http/caller.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import type { RecurringJob } from '../work/index.js';
import { eventEndpoints } from './events.routes.js';
import { EventsService } from './events.service.js';
import { FeedRepository } from './feed.repository.js';

export { type EventType, typesOf } from './event-types.js';
export { eventPattern } from './events.requests.js';
export {
  COMMITTED_BEFORE,
  EVENT_DOCUMENT,
  eventVisibleTo,
  type FeedRepository,
} from './feed.repository.js';
export {
  type AccountEvent,
  type NewEvent,
  recordAccountEvents,
  recordEvents,
  recordEventsOfTeams,
} from './outbox.repository.js';

interface EventsParts {
  readonly database: Database;
  /** Good for as long as the events they point at are kept. */
  readonly cursors: Cursors;
  readonly clock: Clock;
  readonly keyWatch: KeyWatch;
}

/** What happened, written with the change it reports, and read as a feed and as a stream. */
export function createEvents({ database, cursors, clock, keyWatch }: EventsParts) {
  const feed = new FeedRepository(database);
  const service = new EventsService(feed, cursors, clock, keyWatch);
  const jobs: readonly RecurringJob[] = [
    { name: 'events.prune', everyMs: 15_000, run: () => service.prune() },
  ];
  return {
    feed,
    endpoints: { events: eventEndpoints(service) },
    jobs,
    /** Ends every stream. */
    stop: () => service.stop(),
  };
}

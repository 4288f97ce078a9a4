import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import { ViewsRepository } from './views.repository.js';
import { viewEndpoints } from './views.routes.js';
import { ViewsService } from './views.service.js';

interface ViewsParts {
  readonly database: Database;
  readonly cursors: Cursors;
  readonly clock: Clock;
}

/** Filters and columns of the console's pages that a team keeps under names. */
export function createViews({ database, cursors, clock }: ViewsParts) {
  const service = new ViewsService(database, new ViewsRepository(database), clock);
  return { endpoints: { views: viewEndpoints(service, cursors) } };
}

import { LRUCache } from 'lru-cache';
import type { Database } from '../database/index.js';
import { Parameters } from '../database/sql.js';
import type { Stretch } from '../http/keyset.js';
import { MAX_PAGE } from '../http/page.js';
import { type Clock, SteadyTime } from '../lib/clock.js';
import type { VersionedId } from './account-documents.js';
import { type AccountFilter, rowConditions } from './account-filter.js';
import { DOCUMENT_VERSION } from './accounts.sql.js';

/** Rows along the order among which a page is sought first; the longest page fits. */
const WALKED = MAX_PAGE + 1;
/** A page like one that was not among them is sought there again after so many. */
const WITHOUT = 50;
/** Reading so few rows takes a millisecond: what takes this long reads more than it should. */
const SLOW_MS = 250;
const MAX_NOTED = 10_000;

/** Where a row stands in the order of its list. */
export interface PlacedRow extends VersionedId {
  readonly value: string | null;
}

/** A page of a list in the order of creation. */
interface PageParts {
  readonly teamId: string;
  readonly visibleProviders: readonly string[];
  readonly filter: AccountFilter;
  readonly stretch: Stretch;
}

/**
 * Finds pages among the next rows of their list, whatever their filter: how these are read does not
 * depend on its values, so that PostgreSQL keeps one plan for all. For a filter over the whole list
 * it plans anew each time, which takes longer than reading a page.
 */
export class WalkedPagesRepository {
  /** How many more are read without, by the kind of page. */
  private readonly without = new LRUCache<string, number>({ max: MAX_NOTED });
  private readonly time: SteadyTime;

  constructor(
    private readonly database: Pick<Database, 'pool'>,
    clock: Clock,
  ) {
    this.time = new SteadyTime(clock);
  }

  /**
   * @param kind of page: all of one have the same SQL
   * @returns `undefined`: it is not full, so that it may go on behind those rows, or was not sought
   */
  async find(page: PageParts, kind: string): Promise<readonly PlacedRow[] | undefined> {
    const ofTeam = `${page.teamId} ${kind}`;
    if (!this.isWorthwhile(ofTeam)) return undefined;
    const started = this.time.now();
    const parameters = new Parameters();
    const { rows } = await this.database.pool.query<{ readonly places: string | null }>({
      name: `walked-${kind}`,
      text: walkedPage(page, parameters),
      values: parameters.values,
    });
    const found = placesOf(rows[0]?.places ?? null);
    const isFull = found.length === page.stretch.limit;
    if (!isFull || this.time.now() - started > SLOW_MS) this.without.set(ofTeam, WITHOUT);
    return isFull ? found : undefined;
  }

  private isWorthwhile(kind: string): boolean {
    const left = this.without.get(kind) ?? 0;
    if (left > 1) this.without.set(kind, left - 1);
    else this.without.delete(kind);
    return left === 0;
  }
}

/** SQL: the places as one text, as rows take three times as long to be read. */
function walkedPage(page: PageParts, parameters: Parameters): string {
  const { teamId, visibleProviders, filter, stretch } = page;
  const next = [`a.team_id = ${parameters.add(teamId)}`, ...stretch.conditions(parameters)];
  return `SELECT string_agg(concat_ws('|', id, version, value), E'\\n') AS places FROM (
    SELECT a.id, ${DOCUMENT_VERSION} AS version, a.created_at::text AS value
    FROM (SELECT *, xmin, ctid FROM accounts a WHERE ${next.join(' AND ')}
      ORDER BY ${stretch.sort} LIMIT ${WALKED}) a
      JOIN connections c ON c.id = a.connection_id
    WHERE ${rowConditions(teamId, visibleProviders, filter, parameters)}
    ORDER BY ${stretch.sort} LIMIT ${parameters.add(stretch.limit)}) page`;
}

function placesOf(text: string | null): readonly PlacedRow[] {
  const lines = text?.split('\n') ?? [];
  return lines.map((line) => {
    const [id = '', version = '', value = ''] = line.split('|');
    return { id, version, value };
  });
}

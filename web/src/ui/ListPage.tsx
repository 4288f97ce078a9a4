import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { type LinkProps, useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { csv, type ListOf, type ListPath, type PagesOf, page, type Query } from '../lib/api';
import { useEvents } from '../lib/live';
import { Age } from './Age';
import { type Filter, Filters } from './Filters';
import { Icon } from './Icon';
import { Menu } from './Menu';
import { Problem } from './Problem';
import { type Column, type Selection, Table } from './Table';
import { useToast } from './Toast';
import { Views } from './Views';

/** What a list page is: where its items come from, and how they are shown. */
export interface Listing<Path extends ListPath> {
  readonly title: string;
  /** One of its items: `account`. */
  readonly noun: string;
  readonly path: Path;
  readonly place?: PagesOf<Path>['path'];
  readonly columns: readonly Column<ListOf<Path>>[];
  readonly filters?: readonly Filter[];
  /** The parameter of the search box and what it says. */
  readonly search?: { readonly name: string; readonly label: string };
  readonly rowId: (item: ListOf<Path>) => string;
  readonly link?: (item: ListOf<Path>) => LinkProps;
  /** The types of events that add, remove or move its items. */
  readonly moves?: readonly string[];
  /** Parameters that every request has. */
  readonly always?: Query;
  /** The page's name in saved views; left out, it has none. */
  readonly viewsOf?: string;
  /** The API cannot count its items. */
  readonly isUncounted?: boolean;
  readonly empty: ReactNode;
}

export interface ListPageProps<Path extends ListPath> {
  readonly listing: Listing<Path>;
  readonly actions?: ReactNode;
  readonly selection?: Selection;
  /** Between the filters and the table. */
  readonly children?: ReactNode;
  /** Stands inside another page: no heading of the first order, height of its rows. */
  readonly isInline?: boolean;
}

/** Of the address, what is the console's own and not the API's. */
const OWN = new Set(['columns', 'density', 'figure', 'span', 'tab', 'view']);
/** Items of the first page, which is waited for, and of each further one. */
const [PAGE, NEXT_PAGE] = ['100', '200'];

/** The filters of a list as they stand in the address. */
export function useListQuery(): readonly [Query, (changed: Query) => void] {
  const search = useSearch({ strict: false }) as Query;
  const navigate = useNavigate();
  const change = useCallback(
    (changed: Query) =>
      void navigate({
        to: '.',
        replace: true,
        search: ((before: Query) => ({ ...before, ...changed })) as never,
      }),
    [navigate],
  );
  return [search, change];
}

/** Without what the API does not take. */
export const asked = (search: Query): Query =>
  Object.fromEntries(Object.entries(search).filter(([name, value]) => value && !OWN.has(name)));

/** A page of one list of the API: filters in the address, rows as they come, changes in place. */
export function ListPage<Path extends ListPath>(props: ListPageProps<Path>) {
  const { listing, actions, selection, children, isInline = false } = props;
  const { title, noun, path, place, columns, filters = [], rowId } = listing;
  const [search, change] = useListQuery();
  const query = useMemo(
    () => ({ ...listing.always, ...(isInline ? {} : asked(search)) }),
    [search, listing.always, isInline],
  );
  const client = useQueryClient();
  const key = useMemo(() => ['list', path, place ?? null, query], [path, place, query]);
  const list = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => {
      const further = pageParam === '' ? {} : { limit: NEXT_PAGE, cursor: pageParam };
      return page(path, { limit: PAGE, ...query, ...further }, place, signal);
    },
    initialPageParam: '',
    getNextPageParam: ({ pagination }) => pagination.next_cursor ?? undefined,
  });
  const items = useMemo(() => list.data?.pages.flatMap(({ data }) => data) ?? [], [list.data]);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list;
  const isStuck = list.isFetchNextPageError;
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage && !isStuck) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, isStuck, fetchNextPage]);

  const [changes, setChanges] = useState({ key, count: 0, isGap: false });
  const seen = changes.key === key ? changes : { key, count: 0, isGap: false };
  useEvents((event) => {
    if (event === 'gap') setChanges({ ...seen, isGap: true });
    else if (listing.moves?.includes(event.type)) setChanges({ ...seen, count: seen.count + 1 });
  });
  const refresh = () => {
    setChanges({ key, count: 0, isGap: false });
    void client.resetQueries({ queryKey: key });
  };
  const isFiltered = Object.keys(asked(search)).length > 0 && !isInline;
  const sortBy = query.order_by ?? 'created_at';
  const chosen = isInline ? undefined : search.columns?.split(',');
  const Title = isInline ? 'h2' : 'h1';
  return (
    <div className={isInline ? 'stack' : 'list-page'}>
      <header className="page-head">
        <div className="row wrap">
          <Title>{title}</Title>
          <span className="quiet small row">
            {list.data && (
              <span>
                as of <Age at={new Date(list.dataUpdatedAt).toISOString()} />
              </span>
            )}
            {!listing.isUncounted && (
              <Total key={JSON.stringify(key)} {...{ path, place, query, noun }} />
            )}
          </span>
        </div>
        <div className="row wrap no-print">
          {(seen.count > 0 || seen.isGap) && (
            <button type="button" className="button pill" onClick={refresh}>
              <Icon name="refresh" size={14} />
              {seen.count > 0
                ? `${seen.count} ${seen.count === 1 ? 'change' : 'changes'}`
                : 'Missed changes'}
              {' – refresh'}
            </button>
          )}
          {listing.viewsOf && <Views page={listing.viewsOf} query={search} />}
          {!isInline && <Columns columns={columns} search={search} change={change} />}
          <Csv path={addressOf(path, place)} query={query} name={title} />
          {actions}
        </div>
      </header>
      {(filters.length > 0 || listing.search) && (
        <Filters filters={filters} search={listing.search} query={search} change={change} />
      )}
      {children}
      {list.isError && items.length === 0 ? (
        <Problem error={list.error} retry={list.refetch} />
      ) : list.isPending ? (
        <Waiting />
      ) : items.length === 0 ? (
        isFiltered ? (
          <NoMatch noun={noun} search={search} change={change} />
        ) : (
          listing.empty
        )
      ) : (
        <>
          <Table
            label={title}
            items={items}
            columns={columns}
            rowId={rowId}
            link={listing.link}
            selection={selection}
            sort={
              isInline
                ? undefined
                : {
                    by: sortBy,
                    direction: query.order_direction,
                    change: (by, direction) => change({ order_by: by, order_direction: direction }),
                  }
            }
            loadMore={hasNextPage ? loadMore : undefined}
            chosen={chosen}
            isDense={search.density === 'compact'}
            isInline={isInline}
          />
          {list.isFetchNextPageError && <Problem error={list.error} retry={fetchNextPage} />}
        </>
      )}
    </div>
  );
}

/** How many there are, asked for on demand: counting a million takes the gateway some time. */
function Total<Path extends ListPath>({
  path,
  place,
  query,
  noun,
}: {
  readonly path: Path;
  readonly place: PagesOf<Path>['path'];
  readonly query: Query;
  readonly noun: string;
}) {
  const [total, setTotal] = useState<number | 'asked'>();
  const toast = useToast();
  if (typeof total === 'number') {
    const plural = noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`;
    return (
      <span className="number">
        · {total.toLocaleString()} {total === 1 ? noun : plural}
      </span>
    );
  }
  const count = () => {
    setTotal('asked');
    page(path, { ...query, limit: '1', include_total: 'true' }, place).then(
      ({ pagination }) => setTotal(pagination.total_count ?? 0),
      (error: unknown) => {
        setTotal(undefined);
        toast(String(error));
      },
    );
  };
  return (
    <button type="button" className="link no-print" onClick={count} disabled={total === 'asked'}>
      {total === 'asked' ? 'Counting …' : 'Count'}
    </button>
  );
}

/** Which columns are shown and how dense; kept in the address. */
function Columns<Item>({
  columns,
  search,
  change,
}: {
  readonly columns: readonly Column<Item>[];
  readonly search: Query;
  readonly change: (changed: Query) => void;
}) {
  const usual = columns.filter((column) => !column.isExtra).map(({ id }) => id);
  const chosen = search.columns?.split(',') ?? usual;
  const toggle = (id: string) => {
    const next = columns
      .map((column) => column.id)
      .filter((one) => (one === id ? !chosen.includes(one) : chosen.includes(one)));
    const isUsual = next.join() === usual.join();
    change({ columns: isUsual ? undefined : next.join() });
  };
  return (
    <Menu label={<Icon name="columns" />} name="Columns" className="button icon" end>
      <fieldset className="options">
        <legend className="sr-only">Columns</legend>
        {columns.map(({ id, header }, index) => (
          <label key={id} className="option">
            <input
              type="checkbox"
              checked={chosen.includes(id)}
              disabled={index === 0}
              onChange={() => toggle(id)}
            />
            {header}
          </label>
        ))}
        <label className="option divided">
          <input
            type="checkbox"
            checked={search.density === 'compact'}
            onChange={({ target }) => change({ density: target.checked ? 'compact' : undefined })}
          />
          Compact rows
        </label>
      </fieldset>
    </Menu>
  );
}

/** Saves all that match, as the API writes them. */
export function Csv({
  path,
  query,
  name,
}: {
  readonly path: string;
  readonly query: Query;
  readonly name: string;
}) {
  const [busy, setBusy] = useState(false);
  const toast = useToast();
  const save = async () => {
    setBusy(true);
    try {
      download(await csv(path, query), `${name.toLowerCase()}.csv`);
    } catch (error) {
      toast(String(error));
    }
    setBusy(false);
  };
  return (
    <button type="button" className="button" disabled={busy} onClick={() => void save()}>
      <Icon name="download" />
      {busy ? 'Exporting …' : 'CSV'}
    </button>
  );
}

/** `/v1/disconnects/{id}/steps` of one of them. */
const addressOf = (path: string, place: Readonly<Record<string, unknown>> = {}): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(place[name])));

/** Hands a file to the browser. */
export function download(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

function Waiting() {
  return (
    <div className="table-scroll" aria-busy="true">
      <span className="sr-only">Loading</span>
      {Array.from({ length: 12 }, (_, index) => `row ${index}`).map((row) => (
        <div key={row} className="table-waiting">
          <span className="skeleton" />
        </div>
      ))}
    </div>
  );
}

function NoMatch({
  noun,
  search,
  change,
}: {
  readonly noun: string;
  readonly search: Query;
  readonly change: (changed: Query) => void;
}) {
  const clear = () =>
    change(Object.fromEntries(Object.keys(asked(search)).map((name) => [name, undefined])));
  return (
    <div className="empty">
      <span className="empty-icon">
        <Icon name="search" size={22} />
      </span>
      <h2>No {noun} matches</h2>
      <p className="quiet">Remove a filter, or look under another spelling.</p>
      <button type="button" className="button" onClick={clear}>
        Clear filters
      </button>
    </div>
  );
}

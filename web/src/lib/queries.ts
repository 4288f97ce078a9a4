import { QueryCache, QueryClient, queryOptions } from '@tanstack/react-query';
import { api, codeOf, page, type Query, RollcallError } from './api';

/** Milliseconds after which what is on the page is asked for again at the next look. */
const FRESH_MS = 10_000;

export const queries: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (codeOf(error) === 'unauthorized') queries.setQueryData(['session'], null);
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      // The client tries again by itself where that helps.
      retry: false,
      refetchOnWindowFocus: (query) => !(query.queryKey[0] === 'list'),
      networkMode: 'always',
    },
    mutations: {
      networkMode: 'always',
      onError: (error) => {
        if (error instanceof RollcallError && error.problem.code === 'unauthorized')
          queries.setQueryData(['session'], null);
      },
    },
  },
});

/** The views that the team has saved, of all pages: there are 200 at most. */
export const views = queryOptions({
  queryKey: ['views'],
  queryFn: async ({ signal }) =>
    (await api.GET('/v1/views', { params: { query: { limit: 200 } }, signal })).data?.data ?? [],
});

/** The search of an address as the router has it. @param query of an address */
export const searchOf = (query: string): Query => Object.fromEntries(new URLSearchParams(query));

/** The first items of a list, for pages that show few of them. */
export const few = (path: Parameters<typeof page>[0], query: Query = {}) =>
  queryOptions({
    queryKey: ['few', path, query],
    queryFn: ({ signal }) => page(path, query, undefined, signal),
  });

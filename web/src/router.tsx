import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouteComponent,
} from '@tanstack/react-router';
import type { Query } from './lib/api';
import { loaded } from './lib/loaded';
import { Empty, Problem } from './ui/Problem';
import { Shell } from './ui/Shell';

/** What stands in the address are texts, as the API takes them: `?health=unhealthy,warning`. */
const asTexts = (raw: Record<string, unknown>): Query =>
  Object.fromEntries(
    Object.entries(raw).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );

const root = createRootRoute({ component: Shell, validateSearch: asTexts });

/** A page that is fetched when it is first shown. */
const shown: typeof lazyRouteComponent = (load, name) => lazyRouteComponent(loaded(load), name);

function at<Path extends string>(path: Path, component: RouteComponent) {
  return createRoute({ getParentRoute: () => root, path, component });
}

const accounts = at(
  '/accounts',
  shown(() => import('./pages/Accounts'), 'Accounts'),
);
const account = createRoute({
  getParentRoute: () => accounts,
  path: '$id',
  component: shown(() => import('./pages/Account'), 'AccountPanel'),
});

const routeTree = root.addChildren([
  at(
    '/',
    shown(() => import('./pages/Overview'), 'Overview'),
  ),
  accounts.addChildren([account]),
  at(
    '/profiles',
    shown(() => import('./pages/Profiles'), 'Profiles'),
  ),
  at(
    '/profiles/$id',
    shown(() => import('./pages/Profile'), 'ProfilePage'),
  ),
  at(
    '/disconnects',
    shown(() => import('./pages/Disconnects'), 'Disconnects'),
  ),
  at(
    '/disconnects/new',
    shown(() => import('./pages/DisconnectPlan'), 'DisconnectPlan'),
  ),
  at(
    '/disconnects/$id',
    shown(() => import('./pages/Disconnect'), 'DisconnectPage'),
  ),
  at(
    '/disconnects/$id/receipt',
    shown(() => import('./pages/Receipt'), 'Receipt'),
  ),
  at(
    '/findings',
    shown(() => import('./pages/Findings'), 'Findings'),
  ),
  at(
    '/connections',
    shown(() => import('./pages/Connections'), 'Connections'),
  ),
  at(
    '/connections/$id',
    shown(() => import('./pages/Connection'), 'ConnectionPage'),
  ),
  at(
    '/providers',
    shown(() => import('./pages/Providers'), 'Providers'),
  ),
  at(
    '/providers/$id',
    shown(() => import('./pages/Provider'), 'ProviderPage'),
  ),
  at(
    '/webhooks',
    shown(() => import('./pages/Webhooks'), 'Webhooks'),
  ),
  at(
    '/webhooks/$id',
    shown(() => import('./pages/Webhook'), 'WebhookPage'),
  ),
  at(
    '/keys',
    shown(() => import('./pages/Keys'), 'Keys'),
  ),
  at(
    '/sessions',
    shown(() => import('./pages/Sessions'), 'Sessions'),
  ),
  at(
    '/teams',
    shown(() => import('./pages/Teams'), 'Teams'),
  ),
  at(
    '/audit',
    shown(() => import('./pages/Audit'), 'Audit'),
  ),
]);

export const router = createRouter({
  routeTree,
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const text = new URLSearchParams(
      Object.entries(search).filter((pair) => pair[1] !== undefined && pair[1] !== ''),
    )
      .toString()
      .replaceAll('%2C', ',')
      .replaceAll('%5B', '[')
      .replaceAll('%5D', ']');
    return text === '' ? '' : `?${text}`;
  },
  defaultNotFoundComponent: () => (
    <Empty icon="search" title="There is no such page">
      <p>
        Press ⌘K to find an id, or go to the <a href="/">overview</a>.
      </p>
    </Empty>
  ),
  defaultErrorComponent: ({ error, reset }) => <Problem error={error} retry={reset} />,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

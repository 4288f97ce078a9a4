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

function at<Path extends string>(path: Path, component: RouteComponent) {
  return createRoute({ getParentRoute: () => root, path, component });
}

const accounts = at(
  '/accounts',
  lazyRouteComponent(
    loaded(() => import('./pages/Accounts')),
    'Accounts',
  ),
);
const account = createRoute({
  getParentRoute: () => accounts,
  path: '$id',
  component: lazyRouteComponent(
    loaded(() => import('./pages/Account')),
    'AccountPanel',
  ),
});

const routeTree = root.addChildren([
  at(
    '/',
    lazyRouteComponent(
      loaded(() => import('./pages/Overview')),
      'Overview',
    ),
  ),
  accounts.addChildren([account]),
  at(
    '/profiles',
    lazyRouteComponent(
      loaded(() => import('./pages/Profiles')),
      'Profiles',
    ),
  ),
  at(
    '/profiles/$id',
    lazyRouteComponent(
      loaded(() => import('./pages/Profile')),
      'ProfilePage',
    ),
  ),
  at(
    '/disconnects',
    lazyRouteComponent(
      loaded(() => import('./pages/Disconnects')),
      'Disconnects',
    ),
  ),
  at(
    '/disconnects/new',
    lazyRouteComponent(
      loaded(() => import('./pages/DisconnectPlan')),
      'DisconnectPlan',
    ),
  ),
  at(
    '/disconnects/$id',
    lazyRouteComponent(
      loaded(() => import('./pages/Disconnect')),
      'DisconnectPage',
    ),
  ),
  at(
    '/disconnects/$id/receipt',
    lazyRouteComponent(
      loaded(() => import('./pages/Receipt')),
      'Receipt',
    ),
  ),
  at(
    '/findings',
    lazyRouteComponent(
      loaded(() => import('./pages/Findings')),
      'Findings',
    ),
  ),
  at(
    '/connections',
    lazyRouteComponent(
      loaded(() => import('./pages/Connections')),
      'Connections',
    ),
  ),
  at(
    '/connections/$id',
    lazyRouteComponent(
      loaded(() => import('./pages/Connection')),
      'ConnectionPage',
    ),
  ),
  at(
    '/providers',
    lazyRouteComponent(
      loaded(() => import('./pages/Providers')),
      'Providers',
    ),
  ),
  at(
    '/providers/$id',
    lazyRouteComponent(
      loaded(() => import('./pages/Provider')),
      'ProviderPage',
    ),
  ),
  at(
    '/webhooks',
    lazyRouteComponent(
      loaded(() => import('./pages/Webhooks')),
      'Webhooks',
    ),
  ),
  at(
    '/webhooks/$id',
    lazyRouteComponent(
      loaded(() => import('./pages/Webhook')),
      'WebhookPage',
    ),
  ),
  at(
    '/keys',
    lazyRouteComponent(
      loaded(() => import('./pages/Keys')),
      'Keys',
    ),
  ),
  at(
    '/sessions',
    lazyRouteComponent(
      loaded(() => import('./pages/Sessions')),
      'Sessions',
    ),
  ),
  at(
    '/teams',
    lazyRouteComponent(
      loaded(() => import('./pages/Teams')),
      'Teams',
    ),
  ),
  at(
    '/audit',
    lazyRouteComponent(
      loaded(() => import('./pages/Audit')),
      'Audit',
    ),
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

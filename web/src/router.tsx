import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  type RouteComponent,
} from '@tanstack/react-router';
import type { Query } from './lib/api';
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
  lazyRouteComponent(() => import('./pages/Accounts'), 'Accounts'),
);
const account = createRoute({
  getParentRoute: () => accounts,
  path: '$id',
  component: lazyRouteComponent(() => import('./pages/Account'), 'AccountPanel'),
});

const routeTree = root.addChildren([
  at(
    '/',
    lazyRouteComponent(() => import('./pages/Overview'), 'Overview'),
  ),
  accounts.addChildren([account]),
  at(
    '/profiles',
    lazyRouteComponent(() => import('./pages/Profiles'), 'Profiles'),
  ),
  at(
    '/profiles/$id',
    lazyRouteComponent(() => import('./pages/Profile'), 'ProfilePage'),
  ),
  at(
    '/disconnects',
    lazyRouteComponent(() => import('./pages/Disconnects'), 'Disconnects'),
  ),
  at(
    '/disconnects/new',
    lazyRouteComponent(() => import('./pages/DisconnectPlan'), 'DisconnectPlan'),
  ),
  at(
    '/disconnects/$id',
    lazyRouteComponent(() => import('./pages/Disconnect'), 'DisconnectPage'),
  ),
  at(
    '/disconnects/$id/receipt',
    lazyRouteComponent(() => import('./pages/Receipt'), 'Receipt'),
  ),
  at(
    '/findings',
    lazyRouteComponent(() => import('./pages/Findings'), 'Findings'),
  ),
  at(
    '/connections',
    lazyRouteComponent(() => import('./pages/Connections'), 'Connections'),
  ),
  at(
    '/connections/$id',
    lazyRouteComponent(() => import('./pages/Connection'), 'ConnectionPage'),
  ),
  at(
    '/providers',
    lazyRouteComponent(() => import('./pages/Providers'), 'Providers'),
  ),
  at(
    '/providers/$id',
    lazyRouteComponent(() => import('./pages/Provider'), 'ProviderPage'),
  ),
  at(
    '/webhooks',
    lazyRouteComponent(() => import('./pages/Webhooks'), 'Webhooks'),
  ),
  at(
    '/webhooks/$id',
    lazyRouteComponent(() => import('./pages/Webhook'), 'WebhookPage'),
  ),
  at(
    '/keys',
    lazyRouteComponent(() => import('./pages/Keys'), 'Keys'),
  ),
  at(
    '/sessions',
    lazyRouteComponent(() => import('./pages/Sessions'), 'Sessions'),
  ),
  at(
    '/teams',
    lazyRouteComponent(() => import('./pages/Teams'), 'Teams'),
  ),
  at(
    '/audit',
    lazyRouteComponent(() => import('./pages/Audit'), 'Audit'),
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

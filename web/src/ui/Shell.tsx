import { useQuery } from '@tanstack/react-query';
import { CatchBoundary, Link, Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { actFor, actingTeam } from '../lib/api';
import { useKeys } from '../lib/keys';
import { followEvents, useLiveState } from '../lib/live';
import { loaded } from '../lib/loaded';
import { searchOf, views } from '../lib/queries';
import { type Session, signOut, useSession } from '../lib/session';
import { applyTheme, THEMES, theme } from '../lib/theme';
import { SignIn } from '../pages/SignIn';
import { Age } from './Age';
import { Dialog } from './Dialog';
import { Icon, type IconName } from './Icon';
import { Incidents } from './Incidents';
import { Menu } from './Menu';
import { Problem } from './Problem';
import { words } from './Status';
import { ToastProvider } from './Toast';

const Command = lazy(loaded(() => import('./Command')));
const Shortcuts = lazy(loaded(() => import('./Shortcuts')));

const NAV = [
  [
    ['/', 'Overview', 'overview'],
    ['/accounts', 'Accounts', 'accounts'],
    ['/profiles', 'Profiles', 'profiles'],
    ['/disconnects', 'Disconnects', 'disconnects'],
    ['/findings', 'Findings', 'findings'],
  ],
  [
    ['/connections', 'Connections', 'connections'],
    ['/providers', 'Providers', 'providers'],
    ['/webhooks', 'Webhooks', 'webhooks'],
  ],
  [
    ['/keys', 'Keys', 'keys'],
    ['/sessions', 'Sessions', 'sessions'],
    ['/teams', 'Teams', 'teams'],
    ['/audit', 'Audit log', 'audit'],
  ],
] as const satisfies readonly (readonly (readonly [string, string, IconName])[])[];

/** What stands around every page: signing in, navigation, the state of the stream. */
export function Shell() {
  const session = useSession();
  if (session.isPending) return <p className="sr-only">Loading</p>;
  if (session.isError)
    return (
      <main className="lonely">
        <h1>Rollcall</h1>
        <Problem error={session.error} retry={session.refetch} />
      </main>
    );
  return (
    <ToastProvider>{session.data ? <SignedIn session={session.data} /> : <SignIn />}</ToastProvider>
  );
}

function SignedIn({ session }: { readonly session: Session }) {
  const [open, setOpen] = useState<'command' | 'shortcuts'>();
  const [isNavOpen, showNav] = useState(false);
  useEffect(() => followEvents(session.id), [session.id]);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  useEffect(() => {
    const [, section = '', id] = path.split('/');
    const page = NAV.flat().find(([to]) => to === `/${section}`)?.[1] ?? 'Not found';
    document.title = `${id === undefined ? '' : `${id} – `}${page} – Rollcall`;
  }, [path]);
  const defaults = useQuery({ ...views, select: (all) => all.filter((view) => view.is_default) });
  const defaultOf = (to: string) =>
    searchOf(defaults.data?.find(({ page }) => `/${page}` === to)?.query ?? '');
  useKeys({ 'mod+k': () => setOpen('command'), '?': () => setOpen('shortcuts') });
  const close = () => setOpen(undefined);
  return (
    <div className={isNavOpen ? 'shell nav-open' : 'shell'}>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <nav className="side no-print" aria-label="Pages">
        <Link to="/" className="brand">
          <img src="/icon.svg" alt="" width="24" height="24" />
          Rollcall
        </Link>
        <div className="nav">
          {NAV.map((group) => (
            <ul key={group[0][0]}>
              {group.map(([to, name, icon]) => (
                <li key={to}>
                  <Link
                    to={to}
                    search={defaultOf(to) as never}
                    onClick={() => showNav(false)}
                    activeOptions={{ exact: to === '/', includeSearch: false }}
                  >
                    <Icon name={icon} />
                    {name}
                  </Link>
                </li>
              ))}
            </ul>
          ))}
        </div>
        <div className="side-foot">
          <a href="/docs/" className="quiet">
            <Icon name="external" /> API reference
          </a>
          <Who session={session} />
        </div>
      </nav>
      <div className="main">
        <header className="top no-print">
          <button
            type="button"
            className="button plain icon nav-toggle"
            aria-label="Pages"
            aria-expanded={isNavOpen}
            onClick={() => showNav(!isNavOpen)}
          >
            <Icon name="menu" />
          </button>
          <button type="button" className="jump" onClick={() => setOpen('command')}>
            <Icon name="search" />
            <span className="truncate">Find any id, ref or handle</span>
            <span className="kbd" aria-hidden="true">
              ⌘K
            </span>
          </button>
          <Live />
        </header>
        <Incidents />
        <main id="content" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
      <CatchBoundary
        getResetKey={() => open ?? ''}
        errorComponent={({ error }) => (
          <Dialog title="Not loaded" close={close}>
            <Problem error={error} />
          </Dialog>
        )}
      >
        <Suspense>
          {open === 'command' && <Command close={close} />}
          {open === 'shortcuts' && <Shortcuts close={close} />}
        </Suspense>
      </CatchBoundary>
    </div>
  );
}

function Live() {
  const { state, since } = useLiveState();
  const [isOnline, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener('online', look);
    addEventListener('offline', look);
    return () => {
      removeEventListener('online', look);
      removeEventListener('offline', look);
    };
  }, []);
  const name = isOnline ? state : 'offline';
  return (
    <span className={`live is-${name}`} role="status">
      <span className="live-mark" aria-hidden="true" />
      {name === 'connected' ? 'Live' : words(name)}
      {(name === 'stale' || name === 'offline') && (
        <span className="small">
          since <Age at={new Date(since).toISOString()} />
        </span>
      )}
    </span>
  );
}

function Who({ session }: { readonly session: Session }) {
  const [chosen, choose] = useState(theme());
  const acting = actingTeam();
  return (
    <Menu
      className="who"
      label={
        <>
          <Icon name="keys" />
          <span className="stack who-text">
            <span className="truncate">{session.key.name}</span>
            <span className="truncate quiet small">
              {acting === undefined ? `Team ${session.team.name}` : `Acting for ${acting}`}
            </span>
          </span>
          <Icon name="more" />
        </>
      }
    >
      <fieldset className="options">
        <legend className="quiet small">Theme</legend>
        {THEMES.map((name) => (
          <label key={name} className="option">
            <input
              type="radio"
              name="theme"
              checked={chosen === name}
              onChange={() => {
                applyTheme(name);
                choose(name);
              }}
            />
            {words(name)}
          </label>
        ))}
      </fieldset>
      {acting !== undefined && (
        <button type="button" className="option" onClick={() => actFor(undefined)}>
          Act for {session.team.name} again
        </button>
      )}
      <button type="button" className="option divided" onClick={() => void signOut()}>
        Sign out
      </button>
    </Menu>
  );
}

import { useQuery } from '@tanstack/react-query';
import { type LinkProps, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useId, useState } from 'react';
import { api, codeOf, page } from '../lib/api';
import { Dialog } from './Dialog';
import { Icon, type IconName } from './Icon';
import { Skeleton } from './Problem';
import { Health, words } from './Status';

interface Hit {
  readonly id: string;
  readonly title: string;
  readonly detail?: ReactNode;
  readonly icon: IconName;
  readonly link: LinkProps;
}

const PAGES: readonly (readonly [string, string, IconName])[] = [
  ['/', 'Overview', 'overview'],
  ['/accounts', 'Accounts', 'accounts'],
  ['/accounts?health=unhealthy', 'Unhealthy accounts', 'unhealthy'],
  ['/accounts?health=warning', 'Accounts with a warning', 'warning'],
  ['/profiles', 'Profiles', 'profiles'],
  ['/profiles?has_conflicts=true', 'Profiles with conflicts', 'profiles'],
  ['/disconnects', 'Disconnects', 'disconnects'],
  ['/findings', 'Findings', 'findings'],
  ['/connections', 'Connections', 'connections'],
  ['/providers', 'Providers', 'providers'],
  ['/webhooks', 'Webhooks', 'webhooks'],
  ['/keys', 'Keys', 'keys'],
  ['/audit', 'Audit log', 'audit'],
];

/** Where an id of ours leads, by its prefix. */
const BY_PREFIX: Readonly<Record<string, readonly [to: string, icon: IconName, noun: string]>> = {
  acct: ['/accounts/$id', 'accounts', 'Account'],
  prof: ['/profiles/$id', 'profiles', 'Profile'],
  disc: ['/disconnects/$id', 'disconnects', 'Disconnect'],
  conn: ['/connections/$id', 'connections', 'Connection'],
  whk: ['/webhooks/$id', 'webhooks', 'Webhook'],
};

const RECENT = 'rollcall.recent';
const MAX_RECENT = 6;
const recent = () => JSON.parse(sessionStorage.getItem(RECENT) ?? '[]') as string[];

/** An event has no page of its own: it leads to the events of its account. */
async function findEvent(id: string): Promise<readonly Hit[]> {
  const [next] = (await page('/v1/events', { after: id, limit: '1' })).data;
  const before = next === undefined ? {} : { after: next.id };
  const { data } = await page('/v1/events', { order_direction: 'desc', limit: '1', ...before });
  return data.flatMap((event) =>
    event.account_id === null
      ? []
      : [
          {
            id: event.id,
            title: `${words(event.type)} of ${event.account_id}`,
            icon: 'accounts' as const,
            link: {
              to: '/accounts/$id',
              params: { id: event.account_id },
              search: { tab: 'events' },
            } as unknown as LinkProps,
          },
        ],
  );
}

/** An id of ours, as people write it down: with capitals too. */
const OWN_ID = /^[a-z]+_[0-9a-z]{26}$/i;

async function find(typed: string): Promise<readonly Hit[]> {
  const text = OWN_ID.test(typed) ? typed.toLowerCase() : typed;
  const hits: Hit[] = [];
  const known = BY_PREFIX[/^([a-z]+)_[0-9a-z]{26}$/.exec(text)?.[1] ?? ''];
  if (known) {
    const [to, icon, noun] = known;
    hits.push({
      id: text,
      title: `${noun} ${text}`,
      icon,
      link: { to, params: { id: text } } as LinkProps,
    });
    if (noun !== 'Account') return hits;
  }
  const prefix = /^([a-z]+)_[0-9a-z]{26}$/.exec(text)?.[1];
  if (prefix === 'evt') return findEvent(text);
  if (prefix !== undefined && prefix !== 'acct') {
    const name = { key: 'key_id', req: 'request_id' }[prefix] ?? 'target_id';
    return [
      {
        id: text,
        title: `Audit entries of ${text}`,
        icon: 'audit',
        link: { to: '/audit', search: { [name]: text } } as LinkProps,
      },
    ];
  }
  const [byName, byId] = await Promise.all([
    page('/v1/accounts', { q: text, limit: '8' }),
    // Any spelling: id, ref, or the provider's own id.
    api.GET('/v1/accounts/{id}', { params: { path: { id: text } } }).catch((error: unknown) => {
      if (['not_found', 'ambiguous_reference', 'validation_error'].includes(codeOf(error) ?? ''))
        return undefined;
      throw error;
    }),
  ]);
  const account = byId?.data?.data;
  const all = [
    ...(account ? [account] : []),
    ...byName.data.filter(({ id }) => id !== account?.id),
  ];
  return all.map((found) => ({
    id: found.id,
    title: found.username ?? found.display_name ?? found.ref,
    detail: (
      <>
        <span className="quiet small truncate">{found.ref}</span>
        <Health status={found.health.status} />
      </>
    ),
    icon: 'accounts',
    link: { to: '/accounts/$id', params: { id: found.id } } as LinkProps,
  }));
}

/** Finds any id, in any spelling, or a page. */
export default function Command({ close }: { readonly close: () => void }) {
  const [text, setText] = useState('');
  const [asked, ask] = useState('');
  const [at, setAt] = useState(0);
  const navigate = useNavigate();
  const listId = useId();
  useEffect(() => {
    const timer = setTimeout(() => ask(text.trim()), 150);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery({
    queryKey: ['find', asked],
    queryFn: () => find(asked),
    enabled: asked !== '',
  });
  const wanted = text.trim().toLowerCase();
  const pages = PAGES.filter(([, name]) => name.toLowerCase().includes(wanted)).map(
    ([href, name, icon]): Hit => ({ id: href, title: name, icon, link: { href } as LinkProps }),
  );
  const last = wanted === '' ? recent() : [];
  const hits: readonly Hit[] = [
    ...(asked === '' ? [] : (found.data ?? [])),
    ...last.map(
      (href): Hit => ({
        id: `recent ${href}`,
        title: href,
        icon: 'clock',
        link: { href } as LinkProps,
      }),
    ),
    ...pages,
  ];
  const chosen = Math.min(at, hits.length - 1);
  const go = (hit: Hit | undefined) => {
    if (hit === undefined) return;
    close();
    const { href } = hit.link as { href?: string };
    void navigate(href === undefined ? (hit.link as never) : { href }).then(() => {
      const here = location.pathname + location.search;
      const kept = [here, ...recent().filter((one) => one !== here)].slice(0, MAX_RECENT);
      sessionStorage.setItem(RECENT, JSON.stringify(kept));
    });
  };
  return (
    <Dialog title="Find" close={close}>
      <input
        className="input command-input"
        role="combobox"
        aria-label="Find an id, ref, handle or page"
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={hits.length > 0 ? `${listId}-${chosen}` : undefined}
        autoComplete="off"
        placeholder="acct_…, outfame:acc_…, a handle, a page"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (by !== undefined) {
            event.preventDefault();
            setAt(Math.max(0, Math.min(hits.length - 1, chosen + by)));
          }
          if (event.key === 'Enter') {
            event.preventDefault();
            go(hits[chosen]);
          }
        }}
      />
      {found.isFetching && hits.length === 0 && <Skeleton lines={2} />}
      <div id={listId} role="listbox" aria-label="Found" className="hits">
        {hits.map((hit, index) => (
          <div
            key={hit.id}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            className="hit"
            onClick={() => go(hit)}
            onKeyDown={(event) => event.key === 'Enter' && go(hit)}
            onPointerMove={() => setAt(index)}
          >
            <Icon name={hit.icon} />
            <span className="truncate">{hit.title}</span>
            {hit.detail}
          </div>
        ))}
      </div>
      {found.isError && <p className="quiet">{String(found.error)}</p>}
      {hits.length === 0 && !found.isFetching && <p className="quiet">Nothing has that name.</p>}
    </Dialog>
  );
}

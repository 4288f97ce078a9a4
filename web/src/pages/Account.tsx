import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useAction } from '../lib/action';
import { type Account, api } from '../lib/api';
import { useMay } from '../lib/session';
import { Age } from '../ui/Age';
import { CodeBlock, CopyText } from '../ui/Copy';
import { Facts } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { useListQuery } from '../ui/ListPage';
import { Panel, Tabs } from '../ui/Panel';
import { Problem, Skeleton } from '../ui/Problem';
import { Avatar, Count, Health, Status, words } from '../ui/Status';
import { useToast } from '../ui/Toast';
import { AccountHealth } from './AccountHealth';
import { AccountLabels } from './AccountLabels';
import { AccountMetrics } from './AccountMetrics';
import { nameOf } from './Accounts';
import { AccountAudit, AccountEvents, AccountProfile } from './AccountTabs';
import { callsOf, curlOf } from './account-calls';

const TABS = [
  ['overview', 'Overview'],
  ['health', 'Health'],
  ['metrics', 'Metrics'],
  ['profile', 'Profile'],
  ['events', 'Events'],
  ['audit', 'Audit'],
  ['raw', 'Raw'],
  ['api', 'API'],
] as const;
type Tab = (typeof TABS)[number][0];

/** One account beside the list. */
export function AccountPanel() {
  const { id = '' } = useParams({ strict: false });
  const [search, change] = useListQuery();
  const navigate = useNavigate();
  const account = useQuery({
    queryKey: ['account', id],
    queryFn: async () =>
      (await api.GET('/v1/accounts/{id}', { params: { path: { id } } })).data?.data,
  });
  const close = () => {
    const { tab: _tab, figure: _figure, span: _span, ...rest } = search;
    void navigate({ to: '/accounts', search: rest as never });
  };
  const tab = TABS.find(([name]) => name === search.tab)?.[0] ?? 'overview';
  const { data } = account;
  return (
    <Panel
      key={id}
      label={data ? `Account ${nameOf(data)}` : 'Account'}
      path={`/accounts/${data?.id ?? id}`}
      close={close}
      head={data ? <Head account={data} /> : <span className="quiet">Account</span>}
    >
      {account.isError ? (
        <Problem error={account.error} retry={account.refetch} />
      ) : data === undefined ? (
        <Skeleton lines={6} />
      ) : (
        <Tabs
          label="Account"
          tabs={TABS}
          chosen={tab}
          choose={(name: Tab) => change({ tab: name === 'overview' ? undefined : name })}
        >
          <TabBody tab={tab} account={data} />
        </Tabs>
      )}
    </Panel>
  );
}

function TabBody({ tab, account }: { readonly tab: Tab; readonly account: Account }) {
  switch (tab) {
    case 'overview':
      return <Summary account={account} />;
    case 'health':
      return <AccountHealth account={account} />;
    case 'metrics':
      return <AccountMetrics account={account} />;
    case 'profile':
      return <AccountProfile account={account} />;
    case 'events':
      return <AccountEvents account={account} />;
    case 'audit':
      return <AccountAudit account={account} />;
    case 'raw':
      return <Raw account={account} />;
    case 'api':
      return <Calls account={account} />;
  }
}

function Head({ account }: { readonly account: Account }) {
  return (
    <div className="row">
      <Avatar name={nameOf(account)} />
      <div className="grow">
        <h2 className="truncate">{nameOf(account)}</h2>
        <p className="quiet small truncate">
          {account.platform} · {account.provider}
        </p>
      </div>
    </div>
  );
}

function Summary({ account }: { readonly account: Account }) {
  const { health, metrics } = account;
  return (
    <>
      <div className="verdict">
        <Health status={health.status} reason={health.reason} />
        <Status state={account.status} />
        <span className="quiet small push">
          checked <Age at={health.checked_at} />
        </span>
      </div>
      {health.recommendations.map(({ code, message, url }) => (
        <div key={code + message} className="notice tone-unknown">
          <Icon name="findings" />
          <span className="grow">{message}</span>
          {url && /^https:\/\//.test(url) && (
            <a href={url} rel="noreferrer" target="_blank">
              Open
            </a>
          )}
        </div>
      ))}
      <Actions account={account} />
      <div className="tiles">
        {(['followers', 'following', 'posts', 'views'] as const).map((name) => (
          <div key={name} className="tile">
            <span className="quiet small">{words(name)}</span>
            <span className="figure">
              <Count value={metrics[name]} compact />
            </span>
          </div>
        ))}
        <div className="tile">
          <span className="quiet small">Engagement</span>
          <span className="figure">
            <Count value={metrics.engagement_rate} unit=" %" />
          </span>
        </div>
        <div className="tile">
          <span className="quiet small">Growth, 30 d</span>
          <span className="figure">
            <Count value={metrics.growth_rate_30d} unit=" %" />
          </span>
        </div>
      </div>
      <p className="quiet small">
        Figures as of <Age at={metrics.as_of} none="a time that the provider does not report" />
      </p>
      <Facts
        facts={[
          ['Id', <CopyText key="id" text={account.id} what="id" />],
          ['Ref', <CopyText key="ref" text={account.ref} what="ref" />],
          ['Display name', account.display_name ?? '–'],
          ['Platform user id', account.platform_user_id ?? '–'],
          [
            'Profile page',
            account.profile_url && /^https:\/\//.test(account.profile_url) ? (
              <a key="u" href={account.profile_url} rel="noreferrer" target="_blank">
                {account.profile_url}
              </a>
            ) : (
              '–'
            ),
          ],
          [
            'Connection',
            <Link key="c" to="/connections/$id" params={{ id: account.connection_id }}>
              {account.connection_id}
            </Link>,
          ],
          ['Provider status', account.provider_status ?? '–'],
          ['Connected', <Age key="a" at={account.connected_at} none="not reported" />],
          ['First seen', <Age key="f" at={account.created_at} />],
          ['Last seen', <Age key="l" at={account.last_seen_at} />],
          ['Labels', <AccountLabels key="labels" account={account} />],
        ]}
      />
    </>
  );
}

function Actions({ account }: { readonly account: Account }) {
  const may = useMay('write');
  const client = useQueryClient();
  const toast = useToast();
  const run = useAction({
    mutationFn: (name: 'probe' | 'pause' | 'resume') =>
      api.POST(`/v1/accounts/{id}/${name}`, { params: { path: { id: account.id } } }),
    onSuccess: (_, name) => {
      void client.invalidateQueries({ queryKey: ['account', account.id] });
      toast(name === 'probe' ? 'Asked the provider' : `Done: ${name}`);
    },
  });
  if (!may) return null;
  const offers = (name: string) => (account.operations as readonly string[]).includes(name);
  return (
    <>
      <div className="row wrap no-print">
        {offers('probe') && (
          <button
            type="button"
            className="button"
            disabled={run.isPending}
            onClick={() => run.mutate('probe')}
          >
            <Icon name="refresh" />
            {run.isPending && run.variables === 'probe' ? 'Asking …' : 'Check now'}
          </button>
        )}
        {offers('pause') && account.status !== 'paused' && (
          <button type="button" className="button" onClick={() => run.mutate('pause')}>
            <Icon name="pause" />
            Pause
          </button>
        )}
        {offers('resume') && account.status === 'paused' && (
          <button type="button" className="button" onClick={() => run.mutate('resume')}>
            <Icon name="play" />
            Resume
          </button>
        )}
        {offers('disconnect') && (
          <Link
            to="/disconnects/new"
            search={{ account_ids: account.id } as never}
            className="button danger"
          >
            <Icon name="disconnects" />
            Disconnect …
          </Link>
        )}
      </div>
      {run.isError && <Problem error={run.error} />}
    </>
  );
}

function Raw({ account }: { readonly account: Account }) {
  const raw = useQuery({
    queryKey: ['account', account.id, 'raw'],
    queryFn: async () =>
      (
        await api.GET('/v1/accounts/{id}', {
          params: { path: { id: account.id }, query: { include: 'remote_data' } },
        })
      ).data?.data,
  });
  if (raw.isError) return <Problem error={raw.error} retry={raw.refetch} />;
  if (raw.data === undefined) return <Skeleton />;
  return (
    <>
      <p className="quiet small">
        The provider’s last object about the account, without its secrets.
      </p>
      <CodeBlock
        code={JSON.stringify((raw.data as { remote_data?: unknown }).remote_data ?? null, null, 2)}
        what="object"
      />
    </>
  );
}

/** What is seen, as requests and commands. */
function Calls({ account }: { readonly account: Account }) {
  return callsOf(account.id).map((call) => (
    <div key={call.title} className="stack tight">
      <h3>{call.title}</h3>
      <CodeBlock code={curlOf(call, location.origin)} what="request" />
      <CodeBlock code={call.command} what="command" />
    </div>
  ));
}

import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useRef, useState } from 'react';
import { useAction } from '../lib/action';
import { api, codeOf, type DisconnectRequest, type Plan, type Query, withLabels } from '../lib/api';
import { Age } from '../ui/Age';
import { Field, Section } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { asked, useListQuery } from '../ui/ListPage';
import { Empty, Problem, Skeleton } from '../ui/Problem';
import { Fact, Status, words } from '../ui/Status';
import { type Column, Table } from '../ui/Table';
import { Identity } from './Accounts';
import { REASON_CODES } from './Disconnects';
import { selectionOf } from './selection';

type Target = Pick<DisconnectRequest, 'account_ids' | 'profile_id' | 'include_weak' | 'filter'>;

/** What the address asks to disconnect. */
function targetOf(search: Query): Target {
  const ids = selectionOf(search);
  if (ids !== undefined) return { account_ids: [...ids] };
  const { profile_id, include_weak, ...filter } = asked(search);
  if (profile_id !== undefined && Object.keys(filter).length === 0)
    return { profile_id, include_weak: include_weak === 'true' };
  return { filter: withLabels({ ...filter, profile_id }) as NonNullable<Target['filter']> };
}

/** What a disconnect would do to whom; only then can it be run. */
export function DisconnectPlan() {
  const [search, change] = useListQuery();
  const target = useMemo(() => targetOf(search), [search]);
  const former = useRef<Plan>(undefined);
  const plan = useQuery({
    queryKey: ['plan', target],
    queryFn: async () =>
      (
        await api.POST('/v1/disconnects', {
          body: { ...target, dry_run: true } as DisconnectRequest,
        })
      ).data?.data as Plan | undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const { data } = plan;
  const again = () => {
    former.current = data;
    void plan.refetch();
  };
  return (
    <div className="page">
      <Link to="/accounts" className="crumb">
        <Icon name="left" size={12} />
        Accounts
      </Link>
      <header className="page-head">
        <h1>
          {data
            ? `Disconnect ${data.totals.total.toLocaleString()} ${data.totals.total === 1 ? 'account' : 'accounts'}`
            : 'Disconnect'}
        </h1>
        <span className="row quiet small">
          {plan.dataUpdatedAt > 0 && (
            <span>
              planned <Age at={new Date(plan.dataUpdatedAt).toISOString()} />
            </span>
          )}
          <button type="button" className="button" onClick={again} disabled={plan.isFetching}>
            <Icon name="refresh" />
            Plan again
          </button>
        </span>
      </header>
      {plan.isError ? (
        <Problem error={plan.error} retry={plan.refetch} />
      ) : data === undefined ? (
        <Skeleton lines={8} />
      ) : data.totals.total === 0 ? (
        <Empty icon="disconnects" title="No account would be disconnected">
          <p>None that was asked for is still connected.</p>
        </Empty>
      ) : (
        <>
          {former.current && <Difference former={former.current} plan={data} />}
          <Effects plan={data} />
          {data.excluded.some(({ reason }) => reason === 'weak_match') && (
            <div className="notice tone-warn">
              <Icon name="warning" />
              <span className="grow">
                {data.excluded.length}{' '}
                {data.excluded.length === 1 ? 'account stays' : 'accounts stay'}: only a handle ties
                them to the profile, so they may be somebody else’s.{' '}
                {data.excluded.map(({ ref }) => ref).join(', ')}
              </span>
              <button
                type="button"
                className="button"
                onClick={() => change({ include_weak: 'true' })}
              >
                Include them
              </button>
            </div>
          )}
          <Run target={target} plan={data} planAgain={again} />
          <Section title={`Accounts (${data.accounts.length.toLocaleString()})`}>
            <Table
              label="Accounts of the plan"
              items={data.accounts}
              columns={COLUMNS}
              rowId={({ account_id }) => account_id}
              isInline
            />
          </Section>
        </>
      )}
    </div>
  );
}

type Row = Plan['accounts'][number];
const COLUMNS: readonly Column<Row>[] = [
  {
    id: 'account',
    header: 'Account',
    width: 'minmax(200px, 2fr)',
    cell: ({ username, ref, platform, provider }) => (
      <Identity name={username ?? ref} sub={`${platform} · ${provider}`} />
    ),
  },
  {
    id: 'reversible',
    header: 'Way back',
    width: 'minmax(110px, 1fr)',
    isBeside: true,
    cell: ({ effect }) => (
      <Fact value={effect.reversible} yes="Reversible" no="Irreversible" bad={false} />
    ),
  },
  {
    id: 'data',
    header: 'Data',
    width: 'minmax(110px, 1fr)',
    isBeside: true,
    from: 640,
    cell: ({ effect }) => <Fact value={effect.destroys_data} yes="Destroyed" no="Kept" bad />,
  },
  {
    id: 'token',
    header: 'Token',
    width: 'minmax(110px, 1fr)',
    from: 640,
    cell: ({ effect }) => <Fact value={effect.revokes_token} yes="Revoked" no="Not revoked" />,
  },
  {
    id: 'status',
    header: 'Status now',
    width: 'minmax(120px, 1fr)',
    from: 760,
    cell: ({ status }) => <Status state={status} />,
  },
];

/** Of each provider, what it does with its accounts. */
function Effects({ plan }: { readonly plan: Plan }) {
  return (
    <Section title="What happens at each provider">
      <ul className="timeline effects">
        {plan.providers.map(({ provider, total, effect, ends, how_to_reconnect }) => (
          <li key={provider}>
            <span className="figure number">{total.toLocaleString()}</span>
            <div className="grow stack tight">
              <div className="row wrap">
                <strong>{words(provider)}</strong>
                <Fact value={effect.destroys_data} yes="Destroys data" no="Keeps data" bad />
                <Fact value={effect.revokes_token} yes="Revokes the token" no="Leaves the token" />
                <Fact value={effect.reversible} yes="Reversible" no="Irreversible" bad={false} />
              </div>
              <span className="quiet small">{how_to_reconnect}</span>
              {ends !== 'account' && (
                <span className="small">
                  It ends the hold of the whole {ends.replace('provider_', '')}.
                </span>
              )}
            </div>
          </li>
        ))}
      </ul>
      {plan.also_ends.length > 0 && (
        <div className="notice tone-warn">
          <Icon name="warning" />
          <span className="grow">
            {plan.also_ends.length} more that you did not ask for end with them:{' '}
            {plan.also_ends.map(({ ref }) => ref).join(', ')}
          </span>
        </div>
      )}
    </Section>
  );
}

/** Whom a second plan has that the first had not, and the other way round. */
function Difference({ former, plan }: { readonly former: Plan; readonly plan: Plan }) {
  const [before, now] = [former, plan].map(
    ({ accounts }) => new Map(accounts.map(({ account_id, ref }) => [account_id, ref])),
  ) as [Map<string, string>, Map<string, string>];
  const added = [...now].filter(([id]) => !before.has(id)).map(([, ref]) => ref);
  const gone = [...before].filter(([id]) => !now.has(id)).map(([, ref]) => ref);
  if (former.plan_hash === plan.plan_hash) return null;
  return (
    <div className="notice tone-warn" role="status">
      <Icon name="warning" />
      <div className="grow stack tight">
        <strong>The plan is another one than before: nothing has been disconnected</strong>
        {added.length > 0 && <span>New: {added.join(', ')}</span>}
        {gone.length > 0 && <span>No longer in it: {gone.join(', ')}</span>}
        {added.length + gone.length === 0 && <span>The same accounts, in another state.</span>}
      </div>
    </div>
  );
}

function Run({
  target,
  plan,
  planAgain,
}: {
  readonly target: Target;
  readonly plan: Plan;
  readonly planAgain: () => void;
}) {
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const { total, irreversible, destroys_data, effect_not_told } = plan.totals;
  const isFinal = irreversible > 0 || destroys_data > 0 || effect_not_told > 0;
  const ready = !isFinal || typed.trim() === String(total);
  const run = useAction({
    mutationFn: async (form: FormData) => {
      const note = String(form.get('note') ?? '').trim();
      const at = String(form.get('at') ?? '');
      const answer = await api.POST('/v1/disconnects', {
        params: { header: { Prefer: 'respond-async' } },
        body: {
          ...target,
          plan_hash: plan.plan_hash,
          reason_code: String(form.get('reason')),
          ...(note !== '' && { reason_note: note }),
          ...(at !== '' && { scheduled_at: new Date(at).toISOString() }),
        } as DisconnectRequest,
      });
      return (answer.data as { data: { id: string } } | undefined)?.data.id;
    },
    onError: (error) => {
      // Nothing was done: back to the plan, which tells what is another now.
      if (codeOf(error) !== 'plan_mismatch') return;
      setTyped('');
      planAgain();
    },
    onSuccess: (id) => {
      if (id !== undefined) void navigate({ to: '/disconnects/$id', params: { id } });
    },
  });
  return (
    <Section title="Run it">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && !run.isPending) run.mutate(new FormData(event.currentTarget));
        }}
      >
        <div className="fields">
          <Field label="Reason">
            {(ids) => (
              <select {...ids} name="reason" className="select" defaultValue="user_request">
                {REASON_CODES.map((code) => (
                  <option key={code} value={code}>
                    {words(code)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label="Note" hint="For the receipt and the audit log.">
            {(ids) => <input {...ids} name="note" className="input" maxLength={1000} />}
          </Field>
          <Field label="Start" hint="Immediately when left empty.">
            {(ids) => <input {...ids} name="at" type="datetime-local" className="input" />}
          </Field>
        </div>
        {isFinal && (
          <div className="notice tone-bad">
            <Icon name="warning" />
            <div className="grow stack tight">
              <strong>
                {irreversible > 0
                  ? `${irreversible.toLocaleString()} of ${total.toLocaleString()} cannot be brought back`
                  : destroys_data > 0
                    ? `Data of ${destroys_data.toLocaleString()} accounts is destroyed`
                    : `What happens to ${effect_not_told.toLocaleString()} is not reported`}
              </strong>
              <Field label={`Type ${total} to confirm`}>
                {(ids) => (
                  <input
                    {...ids}
                    className="input typed"
                    inputMode="numeric"
                    autoComplete="off"
                    value={typed}
                    onChange={({ target: box }) => setTyped(box.value)}
                  />
                )}
              </Field>
            </div>
          </div>
        )}
        {run.isError && codeOf(run.error) !== 'plan_mismatch' && <Problem error={run.error} />}
        <div className="row">
          <button
            type="submit"
            className="button danger primary"
            disabled={!ready || run.isPending}
          >
            <Icon name="disconnects" />
            {run.isPending
              ? 'Starting …'
              : `Disconnect ${total.toLocaleString()} ${total === 1 ? 'account' : 'accounts'}`}
          </button>
        </div>
      </form>
    </Section>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Profile, page } from '../lib/api';
import { useEvents } from '../lib/live';
import { useMay } from '../lib/session';
import { Age } from '../ui/Age';
import { CopyText } from '../ui/Copy';
import { Section } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { Problem, Skeleton } from '../ui/Problem';
import { Avatar, Health, Status, words } from '../ui/Status';
import { Arrange, type Arrangement } from './Arrange';
import { profileName } from './Profiles';

const useProfile = (id: string) =>
  useQuery({
    queryKey: ['profile', id],
    queryFn: async () =>
      (await api.GET('/v1/profiles/{id}', { params: { path: { id } } })).data?.data,
  });

/** One identity: who holds it, what is said of it by whom, and how that is tied together. */
export function ProfilePage() {
  const { id = '' } = useParams({ strict: false });
  const profile = useProfile(id);
  const may = useMay('write');
  const [arranging, arrange] = useState<Arrangement>();
  useEvents((event) => {
    if (event !== 'gap' && /^(profile|account)\./.test(event.type)) {
      const about = JSON.stringify(event.data);
      if (about.includes(id)) void profile.refetch();
    }
  });
  const { data } = profile;
  return (
    <div className="page">
      <Link to="/profiles" className="crumb">
        <Icon name="left" size={12} />
        Profiles
      </Link>
      {data && (
        <header className="page-head">
          <div className="row">
            <Avatar name={profileName(data)} />
            <div className="grow">
              <h1>{profileName(data)}</h1>
              <p className="quiet small row wrap tight">
                {data.platform} <CopyText text={data.id} what="id" />
              </p>
            </div>
          </div>
          {may && (
            <div className="row wrap">
              <button
                type="button"
                className="button"
                onClick={() => arrange({ kind: 'merge', profile: data })}
              >
                Link with another …
              </button>
              <Link
                to="/disconnects/new"
                search={{ profile_id: data.id } as never}
                className="button danger"
              >
                <Icon name="disconnects" />
                Disconnect …
              </Link>
            </div>
          )}
        </header>
      )}
      <ProfileBody id={id} arrange={may ? arrange : undefined} isPage />
      {arranging && <Arrange arrangement={arranging} close={() => arrange(undefined)} />}
    </div>
  );
}

/** What is known of a profile; also a tab of each of its accounts. */
export function ProfileBody({
  id,
  arrange,
  isPage = false,
}: {
  readonly id: string;
  readonly arrange?: ((arrangement: Arrangement) => void) | undefined;
  readonly isPage?: boolean;
}) {
  const profile = useProfile(id);
  if (profile.isError) return <Problem error={profile.error} retry={profile.refetch} />;
  if (profile.data === undefined) return <Skeleton lines={6} />;
  const { data } = profile;
  return (
    <>
      <div className="verdict">
        <Health status={data.health.status} reason={data.health.reason} />
        <span className="quiet small">confidence {data.health.confidence}</span>
        <Status state={`${data.match} match`} tone={data.match === 'weak' ? 'warn' : 'plain'} />
      </div>
      {data.candidates.length > 0 && (
        <div className="notice tone-warn">
          <Icon name="warning" />
          <span className="grow">
            It fits {data.candidates.length} profiles that contradict each other, so it joined none:{' '}
            {data.candidates.map((candidate, index) => {
              const other = typeof candidate === 'string' ? candidate : JSON.stringify(candidate);
              return (
                <span key={other}>
                  {index > 0 && ', '}
                  <Link to="/profiles/$id" params={{ id: other }}>
                    {other}
                  </Link>
                </span>
              );
            })}
          </span>
        </div>
      )}
      <Conflicts profile={data} />
      <Section title={`Members (${data.members.length})`}>
        <ul className="timeline">
          {data.members.map((member) => (
            <li key={member.account.id}>
              <div className="grow stack tight">
                <div className="row wrap">
                  <Link to="/accounts/$id" params={{ id: member.account.id }} className="strong">
                    {member.account.username ?? member.account.ref}
                  </Link>
                  <span className="quiet small">{member.account.provider}</span>
                  <span className="push">
                    <Health
                      status={member.account.health.status}
                      reason={member.account.health.reason}
                    />
                  </span>
                </div>
                <div className="row wrap small">
                  <Status state={member.match} tone={member.match === 'weak' ? 'warn' : 'plain'} />
                  <span className="quiet">{words(member.rule)}</span>
                  {member.stale && <Status state="stale" tone="warn" />}
                  {arrange && data.members.length > 1 && (
                    <button
                      type="button"
                      className="link push"
                      onClick={() =>
                        arrange({ kind: 'split', profile: data, account: member.account })
                      }
                    >
                      Split off …
                    </button>
                  )}
                </div>
                {member.evidence.length > 0 && (
                  <details className="small">
                    <summary className="quiet">Evidence</summary>
                    <ul className="stack tight">
                      {member.evidence.map((piece) => (
                        <li key={`${piece.account_id}${piece.field}`} className="row wrap">
                          <code>{piece.field}</code> {String(piece.value)}
                          <span className="quiet">
                            seen <Age at={piece.observed_at} />
                          </span>
                        </li>
                      ))}
                    </ul>
                  </details>
                )}
              </div>
            </li>
          ))}
        </ul>
      </Section>
      <Provenance profile={data} />
      {isPage && <History id={id} />}
    </>
  );
}

const shownValue = (value: unknown): string =>
  typeof value === 'number' ? value.toLocaleString() : String(value);

function Conflicts({ profile: { conflicts } }: { readonly profile: Profile }) {
  return conflicts.map(({ field, values, since }) => (
    <div key={field} className="notice tone-warn">
      <Icon name="warning" />
      <div className="grow stack tight">
        <strong>
          Conflict: {words(field)}{' '}
          <span className="quiet small">
            since <Age at={since} />
          </span>
        </strong>
        {values.map((said) => (
          <span key={said.account_id} className="row wrap">
            <span className="number strong">{shownValue(said.value)}</span>
            <span className="quiet">says {said.provider}</span>
          </span>
        ))}
      </div>
    </div>
  ));
}

const TEXTS = [
  'username',
  'display_name',
  'platform_user_id',
  'profile_url',
  'is_verified',
] as const;
const FIGURES = ['followers', 'following', 'posts', 'views', 'engagement_rate'] as const;

/** Each merged field with who said it and what the others say. */
function Provenance({ profile }: { readonly profile: Profile }) {
  const fields = [
    ...TEXTS.map((name) => [name, profile[name]] as const),
    ...FIGURES.map((name) => [name, profile.metrics[name]] as const),
  ];
  return (
    <Section title="Where each field comes from">
      <dl className="facts">
        {fields.map(([name, field]) => (
          <div key={name}>
            <dt>{words(name)}</dt>
            <dd className="row wrap">
              {field.value === null ? (
                <span className="quiet">not reported</span>
              ) : (
                <>
                  <span className="strong">{shownValue(field.value)}</span>
                  <span className="quiet small">
                    {field.provider}, <Age at={field.observed_at} />
                  </span>
                </>
              )}
              {field.alternatives
                .filter(({ value }) => value !== field.value)
                .map((other) => (
                  <span key={other.account_id} className="quiet small">
                    · {other.provider} says {shownValue(other.value)}
                  </span>
                ))}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}

function History({ id }: { readonly id: string }) {
  const history = useQuery({
    queryKey: ['profile', id, 'history'],
    queryFn: () => page('/v1/profiles/{id}/history', { limit: '100' }, { id }),
  });
  const may = useMay('write');
  const [reverting, revert] = useState<Arrangement>();
  return (
    <Section title="History">
      {history.isError ? (
        <Problem error={history.error} retry={history.refetch} />
      ) : history.data === undefined ? (
        <Skeleton />
      ) : history.data.data.length === 0 ? (
        <p className="quiet">It is as it was found.</p>
      ) : (
        <ol className="timeline">
          {history.data.data.map((entry) => (
            <li key={entry.id}>
              <Status state={entry.action} tone="plain" />
              <span className="grow truncate">
                {entry.account_id && (
                  <Link to="/accounts/$id" params={{ id: entry.account_id }}>
                    {entry.account_id}
                  </Link>
                )}{' '}
                <span className="quiet">
                  {entry.rule && words(entry.rule)} {entry.actor && `by ${entry.actor.name ?? ''}`}
                  {entry.reason && ` – ${entry.reason}`}
                </span>
              </span>
              <Age at={entry.at} />
              {may && entry.actor && entry.reverted_by === null && (
                <button
                  type="button"
                  className="link"
                  onClick={() => revert({ kind: 'revert', profileId: id, entry: entry.id })}
                >
                  Revert …
                </button>
              )}
            </li>
          ))}
        </ol>
      )}
      {reverting && <Arrange arrangement={reverting} close={() => revert(undefined)} />}
    </Section>
  );
}

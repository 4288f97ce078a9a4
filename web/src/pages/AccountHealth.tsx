import { useQuery } from '@tanstack/react-query';
import { type Account, api } from '../lib/api';
import { Age, span } from '../ui/Age';
import { Facts } from '../ui/Field';
import { Problem, Skeleton } from '../ui/Problem';
import { Count, Health, words } from '../ui/Status';

const DAY_MS = 86_400_000;
const DAYS = 30;

interface Stretch {
  readonly status: string;
  readonly from: number;
  readonly to: number;
}

/** What was known when, from transitions; before the first one nothing is known. */
function stretches(
  history: readonly { readonly from: string | null; readonly to: string; readonly at: string }[],
  now: { readonly status: string; readonly since: string },
  begin: number,
): readonly Stretch[] {
  const end = Date.now();
  const marks = [...history]
    .sort((one, other) => Date.parse(one.at) - Date.parse(other.at))
    .map(({ to, at }) => ({ status: to, at: Date.parse(at) }));
  const known = marks.length > 0 ? marks : [{ status: now.status, at: Date.parse(now.since) }];
  return known.flatMap(({ status, at }, index) => {
    const stretch = { status, from: Math.max(begin, at), to: known[index + 1]?.at ?? end };
    return stretch.to > begin ? [stretch] : [];
  });
}

/** The last thirty days as a strip: each verdict for as long as it stood, hatched where unknown. */
function Strip({ parts, begin }: { readonly parts: readonly Stretch[]; readonly begin: number }) {
  const length = Date.now() - begin;
  const told = parts
    .map(({ status, from, to }) => `${words(status)} for ${span((to - from) / 1000)}`)
    .join(', then ');
  return (
    <figure className="stack tight">
      <div className="strip" role="img" aria-label={`Last ${DAYS} days: ${told || 'not known'}`}>
        {parts.map(({ status, from, to }) => (
          <span
            key={from}
            className={`strip-part is-${status}`}
            title={`${words(status)}, ${span((to - from) / 1000)}`}
            style={{
              left: `${((from - begin) / length) * 100}%`,
              width: `${((to - from) / length) * 100}%`,
            }}
          />
        ))}
      </div>
      <figcaption className="stack tight quiet small">
        <span className="row">
          <span>{DAYS} days ago</span>
          <span className="push">now</span>
        </span>
        <span className="legend">
          {(['healthy', 'warning', 'unhealthy', 'unknown'] as const).map((status) => (
            <span key={status}>
              <span className={`swatch is-${status}`} />
              {words(status)}
            </span>
          ))}
        </span>
      </figcaption>
    </figure>
  );
}

/** Verdicts over time, with their reasons, and uptime as percent of known time. */
export function AccountHealth({ account }: { readonly account: Account }) {
  const health = useQuery({
    queryKey: ['account', account.id, 'health'],
    queryFn: async () =>
      (await api.GET('/v1/accounts/{id}/health', { params: { path: { id: account.id } } })).data
        ?.data,
  });
  if (health.isError) return <Problem error={health.error} retry={health.refetch} />;
  if (health.data === undefined) return <Skeleton lines={5} />;
  const { history, uptime, mean_time_to_recovery_seconds: recovery } = health.data;
  const now = health.data.health;
  const begin = Date.now() - DAYS * DAY_MS;
  return (
    <>
      <Strip parts={stretches(history, now, begin)} begin={begin} />
      <div className="tiles pairs">
        {(['24h', '7d', '30d'] as const).map((window) => (
          <div key={window} className="tile">
            <span className="quiet small">Uptime, {window}</span>
            <span className="figure">
              <Count value={uptime[window]} unit=" %" />
            </span>
          </div>
        ))}
        <div className="tile">
          <span className="quiet small">Time to recovery</span>
          <span className="figure">
            {recovery === null ? <Count value={null} /> : span(recovery)}
          </span>
        </div>
      </div>
      <Facts
        facts={[
          ['Verdict', <Health key="v" status={now.status} reason={now.reason} />],
          ['Since', <Age key="s" at={now.since} />],
          ['Checked', <Age key="c" at={now.checked_at} />],
          ['Fault', now.fault ?? 'none'],
          ['Next step', words(now.next_step)],
          [
            'Token',
            now.token_valid === null ? 'not reported' : now.token_valid ? 'valid' : 'invalid',
          ],
          ['Token expires', <Age key="t" at={now.token_expires_at} none="not reported" />],
        ]}
      />
      <h3>Changes</h3>
      {history.length === 0 ? (
        <p className="quiet">The verdict has not changed since the account was first seen.</p>
      ) : (
        <ol className="timeline">
          {history.map((change) => (
            <li key={change.at + change.to}>
              <Health status={change.to} reason={change.reason} />
              <span className="quiet small push">
                {change.fault !== null && `fault: ${change.fault} · `}
                <Age at={change.at} />
              </span>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

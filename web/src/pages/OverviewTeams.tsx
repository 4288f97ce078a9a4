import { useQuery } from '@tanstack/react-query';
import { actFor, api, page } from '../lib/api';
import { useSession } from '../lib/session';
import { Section } from '../ui/Field';
import { Problem, Skeleton } from '../ui/Problem';
import { HealthBar } from './Overview';

const MAX_TEAMS = 20;

/** The health of each team, which the root key alone sees. */
async function healthByTeam() {
  const { data } = await page('/v1/teams', { limit: String(MAX_TEAMS) });
  return Promise.all(
    data.map(async (team) => {
      const answer = await api.GET('/v1/accounts/health', {
        params: { query: { limit: 1 } },
        headers: { 'Rollcall-Team': team.id },
      });
      return { ...team, summary: answer.data?.summary ?? { total: 0 } };
    }),
  );
}

export function TeamsHealth() {
  const session = useSession();
  const isRoot = session.data?.key.is_root === true;
  const teams = useQuery({
    queryKey: ['overview', 'teams'],
    queryFn: healthByTeam,
    enabled: isRoot,
  });
  if (!isRoot || (teams.data?.length ?? 0) === 1) return null;
  return (
    <Section title="By team">
      {teams.isError ? (
        <Problem error={teams.error} retry={teams.refetch} />
      ) : teams.data === undefined ? (
        <Skeleton />
      ) : (
        <ul className="by-provider">
          {teams.data.map(({ id, name, summary }) => (
            <li key={id}>
              <button type="button" className="link truncate" onClick={() => actFor(id)}>
                {name}
              </button>
              <HealthBar summary={summary} label={name} />
              <span className="number quiet">{summary.total.toLocaleString()}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

import type { Reply } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { RowsTeam } from '../support/rows-team.js';

const clock = shiftedClock();
let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ clock });
});
afterAll(() => gateway.stop());

type Finding = Reply['body'];

async function found(team: RowsTeam): Promise<Finding[]> {
  for (const job of ['profiles.settle', 'findings.examine'])
    expect(await gateway.app.recurringJobs.runNamed(job)).toBe(true);
  const { status, body } = await team.client.get('/v1/findings?state=open,dismissed&limit=200');
  expect(status).toBe(200);
  return body.data;
}

async function done(asked: Promise<Reply>) {
  const { status, body } = await asked;
  expect([status, body]).toEqual([200, expect.anything()]);
  return body.data;
}

/** A profile about which two things are found, neither of them about its oldest account. */
async function begin() {
  const team = await RowsTeam.begin(gateway, clock.now);
  // Neither measures nor publishes, so that nothing is found of it.
  const older = await team.hold('zernio', 'older', { status: 'paused' });
  const oldest = await team.hold('creatoraudit', 'acme');
  const rest = [
    await team.hold('octopost', 'acme'),
    await team.hold('postiz', 'acme'),
    await team.hold('outfame', 'acme'),
  ];
  const findings = await found(team);
  expect(findings.map(({ kind }) => kind).sort()).toEqual([
    'engagement_beside_publishing',
    'two_publishers',
  ]);
  return { team, older, oldest, rest, findings };
}
type Beginning = Awaited<ReturnType<typeof begin>>;

async function merge({ team, older, oldest }: Beginning) {
  const into = await team.profileOf(older);
  return done(team.client.post(`/v1/profiles/${await team.profileOf(oldest)}/merge`, { into }));
}

const WAYS: readonly (readonly [string, (beginning: Beginning) => Promise<unknown>])[] = [
  ['its oldest account is disconnected', ({ team, oldest }) => team.end(oldest)],
  ['it is merged into another one', merge],
  [
    'its other accounts are split off',
    async ({ team, oldest, rest }) =>
      done(
        team.client.post(`/v1/profiles/${await team.profileOf(oldest)}/split`, {
          account_ids: rest,
        }),
      ),
  ],
  [
    'a merge into another one is reverted',
    async (beginning) => {
      const { entry } = await merge(beginning);
      await found(beginning.team);
      const path = `/v1/profiles/${entry.profile_id}/history/${entry.id}/revert`;
      await done(beginning.team.client.post(path, {}));
      await beginning.team.end(beginning.oldest);
    },
  ],
];

describe('a finding about the same accounts and facts goes on where the id of its profile is another, as', () => {
  test.each(WAYS)('%s', async (_how, change) => {
    const beginning = await begin();
    const { team, rest, findings } = beginning;
    const [one] = findings;
    await done(team.client.post(`/v1/findings/${one.id}/dismiss`, { reason: 'intended' }));
    const before = await found(team);
    expect(before.map(({ state }) => state).sort()).toEqual(['dismissed', 'open']);
    await change(beginning);
    const after = await found(team);
    const profile_id = await team.profileOf(rest[0] ?? '');
    expect(after).toEqual(before.map((finding) => ({ ...finding, profile_id })));
    expect(profile_id).not.toBe(one.profile_id);
    expect(await team.events('finding.opened')).toHaveLength(2);
    expect((await team.events('finding.closed')).map(({ data }) => data.cause)).toEqual([
      'dismissed',
    ]);
  });

  test('a profile named in its details has another id', async () => {
    const team = await RowsTeam.begin(gateway, clock.now);
    const one = { platform_user_id: '17841400000000003' };
    const other = { platform_user_id: '17841400000000004' };
    const oldest = await team.hold('creatoraudit', 'former');
    const former = await team.hold('octopost', 'former', one);
    await team.hold('octopost', 'acme', { ...one, status: 'paused', connection: 'another' });
    await team.hold('octopost', 'acme', { ...other, status: 'paused', connection: 'third' });
    await team.hold('outfame', 'acme', { status: 'paused' });
    const ambiguous = async () =>
      (await found(team)).filter(({ details }) => details.cause === 'ambiguous');
    const before = await ambiguous();
    expect(before).toMatchObject([{ state: 'open' }]);
    const candidate = await team.profileOf(oldest);
    expect(before[0].details.candidates).toContain(candidate);
    await team.end(oldest);
    expect(await ambiguous()).toEqual(before);
    const left = await team.client.get(`/v1/profiles/${candidate}`);
    expect(left.headers.get('location')).toBe(`/v1/profiles/${await team.profileOf(former)}`);
  });
});

test('one that was dismissed is so again when its accounts are found in another profile later', async () => {
  const { team, oldest, rest, findings } = await begin();
  for (const { id } of findings)
    await done(team.client.post(`/v1/findings/${id}/dismiss`, { reason: 'intended' }));
  const dismissed = await found(team);
  const [publisher = ''] = rest;
  await team.change(publisher, { status: 'reconnect_required', health_status: 'unhealthy' });
  await team.end(oldest);
  const meanwhile = (await found(team)).map(({ id, state }) => [id, state]);
  for (const { id } of dismissed) expect(meanwhile.map(([known]) => known)).not.toContain(id);
  await team.change(publisher, { status: 'active', health_status: 'healthy' });
  const profile_id = await team.profileOf(publisher);
  expect(await found(team)).toEqual(dismissed.map((finding) => ({ ...finding, profile_id })));
});

test('a former id of a profile finds what is found of the one that has its accounts', async () => {
  const beginning = await begin();
  const { team, older, oldest, rest } = beginning;
  const former = await team.profileOf(oldest);
  const other = await begin();
  const about = async (query: string) => {
    const { status, body } = await team.client.get(`/v1/findings?include_total=true&${query}`);
    expect([status, body.pagination.total_count]).toEqual([200, body.data.length]);
    return body.data.map(({ kind, profile_id }: Finding) => [kind, profile_id]);
  };
  await team.change(rest[2] ?? '', { status: 'paused' });
  await found(team);
  await merge(beginning);
  await found(team);
  const survivor = await team.profileOf(older);
  const [open, closed] = [
    ['two_publishers', survivor],
    ['engagement_beside_publishing', former],
  ];
  expect(await about(`profile_id=${former}`)).toEqual([open]);
  expect(await about(`profile_id=${survivor}`)).toEqual([open]);
  expect(await about(`profile_id=${former},${survivor}&state=open,closed`)).toEqual(
    expect.arrayContaining([open, closed]),
  );
  expect(await about(`profile_id=${former}&state=closed`)).toEqual([closed]);
  expect(await about(`profile_id=${await other.team.profileOf(other.oldest)}`)).toEqual([]);
});

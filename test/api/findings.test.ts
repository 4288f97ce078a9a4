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

const begin = () => RowsTeam.begin(gateway, clock.now);

async function findings(team: RowsTeam, query = ''): Promise<Finding[]> {
  const { status, body } = await team.client.get(`/v1/findings?limit=200&${query}`);
  expect(status).toBe(200);
  return body.data;
}

/** What is found once all is examined. */
async function found(team: RowsTeam, query = ''): Promise<Finding[]> {
  await examine();
  return findings(team, query);
}

async function examine(): Promise<void> {
  for (const job of ['profiles.settle', 'findings.examine'])
    expect(await gateway.app.recurringJobs.runNamed(job)).toBe(true);
}

/** Has every profile examined again. */
async function pass(minutes: number): Promise<void> {
  clock.advance(minutes * 60_000);
  await examine();
}

const idsOf = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id);
const kindsOf = (findings: readonly Finding[]) => findings.map(({ kind }) => kind);
const accountsOf = ({ accounts }: Finding) => accounts.map(({ id }: { id: string }) => id);
const refusedFields = ({ status, body }: Reply) => [
  status,
  body.errors?.map(({ field }: { field: string }) => field),
];

describe('two_publishers', () => {
  test('is opened with its accounts and a next step, and closed when one grant ends', async () => {
    const team = await begin();
    const one = await team.hold('octopost', 'acme');
    expect(await found(team)).toEqual([]);
    const other = await team.hold('socialsyncer', 'acme', {
      platform_user_id: '17841400000000001',
    });
    const before = clock.now();
    const [finding, ...others] = await found(team);
    expect(others).toEqual([]);
    expect(finding).toEqual({
      id: expect.stringMatching(/^find_/),
      type: 'finding',
      kind: 'two_publishers',
      severity: 'warning',
      profile_id: await team.profileOf(one),
      platform: 'instagram',
      accounts: [
        { id: one, ref: `octopost:at-${one}`, provider: 'octopost', username: 'acme' },
        { id: other, ref: `socialsyncer:at-${other}`, provider: 'socialsyncer', username: 'acme' },
      ],
      account_count: 2,
      since: expect.any(String),
      next_step: { code: 'keep_one_publisher', message: expect.stringContaining('disconnect') },
      details: { providers: ['octopost', 'socialsyncer'] },
      state: 'open',
      dismissed: null,
      closed_at: null,
    });
    expect(Date.parse(finding.since)).toBeGreaterThanOrEqual(before.getTime());

    // What does not concern it leaves it as it is.
    await team.change(one, { followers: 7 });
    expect(await found(team)).toEqual([finding]);

    await team.change(one, { status: 'reconnect_required', health_status: 'unhealthy' });
    expect(await found(team)).toEqual([]);
    const [closed] = await findings(team, 'state=closed');
    expect(closed).toEqual({ ...finding, state: 'closed', closed_at: expect.any(String) });

    // It has two grants again: that is a new finding.
    await team.change(one, { status: 'active', health_status: 'healthy' });
    const [again] = await found(team);
    expect(again.id).not.toBe(finding.id);
    const opened = await team.events('finding.opened');
    expect(opened.map(({ data }) => data.finding.id)).toEqual([finding.id, again.id]);
    expect(opened[0].data.finding).toMatchObject({
      kind: 'two_publishers',
      accounts: finding.accounts,
      next_step: finding.next_step,
    });
    expect((await team.events('finding.closed')).map(({ data }) => data)).toEqual([
      {
        finding: { id: finding.id, kind: 'two_publishers', profile_id: finding.profile_id },
        cause: 'gone',
      },
    ]);
  });

  test('is not found of two accounts at one publisher, nor of a paused one', async () => {
    const team = await begin();
    await team.hold('octopost', 'acme');
    await team.hold('postiz', 'acme', { status: 'paused' });
    expect(await found(team)).toEqual([]);
  });

  test('is closed with its profile', async () => {
    const team = await begin();
    const ids = [await team.hold('octopost', 'acme'), await team.hold('postiz', 'acme')];
    expect(kindsOf(await found(team))).toEqual(['two_publishers']);
    for (const id of ids) await team.end(id);
    expect(await found(team)).toEqual([]);
    expect(kindsOf(await findings(team, 'state=closed'))).toEqual(['two_publishers']);
  });
});

describe('tracked_twice', () => {
  test('is found of two that measure, and of one provider that holds a profile twice', async () => {
    const team = await begin();
    const measured = [
      await team.hold('creatoraudit', 'measured'),
      await team.hold('creatoraudit', 'measured', { connection: 'second' }),
    ];
    const held = [
      await team.hold('octopost', 'held'),
      await team.hold('octopost', 'held', { connection: 'another' }),
    ];
    const all = await found(team, 'kind=tracked_twice');
    expect(all.map(accountsOf)).toEqual(expect.arrayContaining([measured, held]));
    expect(all).toHaveLength(2);
    for (const [id = ''] of [measured, held]) await team.end(id);
    expect(await found(team)).toEqual([]);
  });
});

describe('single_provider', () => {
  /** Three profiles that two providers hold, and one that one does. @returns the account of that */
  async function lone(team: RowsTeam): Promise<string> {
    for (const name of ['one', 'two', 'three']) {
      await team.hold('creatoraudit', name);
      await team.hold('octopost', name);
    }
    return team.hold('creatoraudit', 'four');
  }

  test('is found where most profiles are held by several, and closed when that changes', async () => {
    const team = await begin();
    const account = await lone(team);
    // Of another platform none is shared.
    await team.hold('octopost', 'acme', { platform: 'bluesky' });
    const [finding, ...others] = await found(team, 'kind=single_provider');
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'info',
      next_step: { code: 'connect_elsewhere' },
      details: { providers: ['creatoraudit'] },
      accounts: [{ id: account }],
    });
    // Now half are shared.
    for (const name of ['five', 'six']) await team.hold('creatoraudit', name);
    expect(await found(team, 'kind=single_provider')).toHaveLength(3);
    await pass(6);
    expect(await findings(team, 'kind=single_provider')).toEqual([]);
    // And now over half again; of these one is mended.
    await team.hold('octopost', 'five');
    await pass(6);
    expect(await findings(team, 'kind=single_provider')).toHaveLength(2);
    await team.hold('octopost', 'six');
    expect((await found(team, 'kind=single_provider')).map(accountsOf)).toEqual([[account]]);
  });

  test('is not found while no other provider that supports the platform works', async () => {
    const team = await begin();
    await lone(team);
    expect(kindsOf(await found(team))).toEqual(['single_provider']);
    await gateway.database.pool.query('UPDATE connections SET paused = true WHERE id = $1', [
      await team.connect('octopost'),
    ]);
    await pass(6);
    expect(await findings(team)).toEqual([]);
  });
});

describe('engagement_beside_publishing', () => {
  test('is found while engagement runs beside a living grant', async () => {
    const team = await begin();
    const growing = await team.hold('outfame', 'acme');
    const publishing = await team.hold('octopost', 'acme');
    const [finding] = await found(team);
    expect(finding).toMatchObject({
      kind: 'engagement_beside_publishing',
      severity: 'warning',
      next_step: { code: 'pause_engagement' },
      details: { engaging: ['outfame'], publishing: ['octopost'] },
    });
    expect(accountsOf(finding)).toEqual([growing, publishing]);
    await team.change(growing, { status: 'paused', health_status: 'warning' });
    expect(await found(team)).toEqual([]);
  });
});

describe('stale_weak_link', () => {
  test('is found of each account that a handle alone ties, once a side is too old', async () => {
    const team = await begin();
    const id = { platform_user_id: '17841400000000005' };
    const owner = await team.hold('zernio', 'acme', id);
    await team.hold('octopost', 'acme', { ...id, status: 'reconnect_required' });
    const weak = await team.hold('creatoraudit', 'acme');
    const seenAt = clock.now();
    await pass(170);
    expect(await findings(team)).toEqual([]);
    // Ties by an equal id do not age.
    for (const one of [owner, weak]) await team.change(one, { checked_at: clock.now() });
    await pass(20);
    expect(await findings(team)).toEqual([]);
    await team.change(owner, { checked_at: clock.now() });
    await pass(170);
    const [finding, ...others] = await findings(team);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      kind: 'stale_weak_link',
      severity: 'info',
      next_step: { code: 'confirm_link' },
      details: { account_id: weak, linked_to: owner },
    });
    expect(accountsOf(finding)).toEqual([owner, weak]);
    const age = Date.parse(finding.since) - seenAt.getTime();
    expect(Math.round(age / 60_000)).toBe(170 + 180);
    // A sweep that saw it unchanged is a look, too.
    await gateway.database.pool.query('UPDATE connections SET swept_at = $2 WHERE id = $1', [
      await team.connect('creatoraudit'),
      clock.now(),
    ]);
    await pass(6);
    expect(await findings(team)).toEqual([]);
  });
});

describe('handle_taken_over', () => {
  test('is found of what a handle tied to a profile that gave it up, for 30 days', async () => {
    const team = await begin();
    const owner = await team.hold('octopost', 'acme', { platform_user_id: '17841400000000002' });
    const tied = await team.hold('creatoraudit', 'acme');
    expect(await found(team)).toEqual([]);
    const former = await team.profileOf(tied);
    await team.change(owner, { username: 'renamed', username_key: 'renamed' });
    const [finding, ...others] = await found(team);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      kind: 'handle_taken_over',
      next_step: { code: 'check_owner' },
      profile_id: await team.profileOf(tied),
      accounts: [{ id: tied }],
      details: { cause: 'handle_reassigned', left_profile_ids: [former], at: finding.since },
    });
    await pass(29 * 24 * 60);
    expect(accountsOf((await findings(team))[0])).toEqual([tied]);
    await pass(2 * 24 * 60);
    expect(await findings(team)).toEqual([]);
  });

  test('is found of an account that fits several, until one of them is out of question', async () => {
    const team = await begin();
    const ids = ['17841400000000003', '17841400000000004'];
    const owners = [
      await team.hold('octopost', 'acme', { platform_user_id: ids[0] }),
      await team.hold('octopost', 'acme', { platform_user_id: ids[1] }),
    ];
    const between = await team.hold('creatoraudit', 'acme');
    const all = await found(team);
    const [finding] = all.filter((one) => accountsOf(one).includes(between));
    expect(finding).toMatchObject({ kind: 'handle_taken_over', details: { cause: 'ambiguous' } });
    expect(finding.details.candidates).toEqual(
      (await Promise.all(owners.map((id) => team.profileOf(id)))).sort(),
    );
    await team.change(owners[0] ?? '', { username: 'renamed', username_key: 'renamed' });
    expect(await found(team)).toEqual([]);
  });
});

describe('a dismissed finding', () => {
  test('is hidden, stays so while nothing changes, and is back when its accounts do', async () => {
    const team = await begin();
    const one = await team.hold('octopost', 'acme');
    await team.hold('postiz', 'acme');
    const [{ id }] = await found(team);
    const headers = { 'Idempotency-Key': 'dismissal' };
    const reason = 'two teams';
    const dismissal = await team.client.post(`/v1/findings/${id}/dismiss`, { reason }, headers);
    expect(dismissal.status).toBe(200);
    const dismissed = dismissal.body.data;
    expect(dismissed).toMatchObject({
      id,
      state: 'dismissed',
      dismissed: {
        reason,
        by: { key_id: expect.stringMatching(/^key_/), name: expect.any(String) },
        at: expect.any(String),
      },
    });
    const replay = await team.client.post(`/v1/findings/${id}/dismiss`, { reason }, headers);
    expect([replay.body, replay.headers.get('idempotency-replayed')]).toEqual([
      dismissal.body,
      'true',
    ]);
    const again = await team.client.post(`/v1/findings/${id}/dismiss`, { reason: 'another' });
    expect([again.status, again.body.data]).toEqual([200, dismissed]);
    expect(await found(team)).toEqual([]);
    expect(await findings(team, 'state=dismissed')).toEqual([dismissed]);
    expect((await team.client.get(`/v1/findings/${id}`)).body.data).toEqual(dismissed);
    expect((await gateway.root.get(`/v1/findings/${id}`)).status).toBe(404);

    // Gone for a while and back as it was, it is as dismissed as before.
    await team.change(one, { status: 'reconnect_required', health_status: 'unhealthy' });
    expect(await found(team, 'state=open,dismissed')).toEqual([]);
    await team.change(one, { status: 'active', health_status: 'healthy' });
    expect(await found(team, 'state=open,dismissed')).toEqual([dismissed]);
    expect((await team.events('finding.closed')).map(({ data }) => data.cause)).toEqual([
      'dismissed',
    ]);

    const third = await team.hold('zernio', 'acme');
    const [fresh, ...others] = await found(team);
    expect(others).toEqual([]);
    expect(accountsOf(fresh)).toContain(third);
    expect(fresh.id).not.toBe(id);
    expect((await findings(team, 'state=closed'))[0]).toMatchObject({ id, dismissed: { reason } });
    const { body } = await team.client.get(`/v1/audit?target_id=${id}`);
    expect(body.data).toMatchObject([
      { action: 'finding.dismissed', target: { type: 'finding', id }, reason },
    ]);
  });

  test('must be there and open, and takes a reason', async () => {
    const team = await begin();
    const one = await team.hold('octopost', 'acme');
    await team.hold('postiz', 'acme');
    const [{ id }] = await found(team);
    const dismiss = (which: string, body: object, client = team.client) =>
      client.post(`/v1/findings/${which}/dismiss`, body);
    for (const body of [{}, { reason: '' }, { reason: '  ' }, { reason: 'x'.repeat(1001) }])
      expect(refusedFields(await dismiss(id, body))).toEqual([422, ['reason']]);
    expect(refusedFields(await dismiss(id, { reason: 'so', why: 1 }))).toEqual([422, ['why']]);
    expect((await dismiss('find_none', { reason: 'so' })).status).toBe(404);
    const other = await begin();
    expect((await dismiss(id, { reason: 'so' }, other.client)).status).toBe(404);
    expect(await findings(other, 'state=open,dismissed,closed')).toEqual([]);
    await team.end(one);
    expect(await found(team)).toEqual([]);
    const late = await dismiss(id, { reason: 'so' });
    expect([late.status, late.body.code]).toEqual([409, 'conflict']);
  });
});

describe('the list', () => {
  test('is filtered, paged, counted, and has an ETag that changes with it', async () => {
    const team = await begin();
    for (const name of ['a', 'b', 'c']) {
      await team.hold('octopost', name, { platform: name === 'c' ? 'tiktok' : 'instagram' });
      await team.hold(name === 'b' ? 'zernio' : 'postiz', name, {
        platform: name === 'c' ? 'tiktok' : 'instagram',
      });
    }
    const all = await found(team);
    expect(all).toHaveLength(3);
    expect(idsOf(all)).toEqual(idsOf(all).toSorted().reverse());
    const first = await team.client.get('/v1/findings?limit=2&include_total=true');
    expect(first.body.pagination).toMatchObject({ has_next: true, total_count: 3, limit: 2 });
    const cursor = first.body.pagination.next_cursor;
    const second = await team.client.get(`/v1/findings?limit=2&cursor=${cursor}`);
    expect([...first.body.data, ...second.body.data]).toEqual(all);

    const total = async (query: string) => {
      const { body } = await team.client.get(`/v1/findings?include_total=true&${query}`);
      expect(body.pagination.total_count).toBe(body.data.length);
      return body.data.length;
    };
    expect(await total('provider=zernio')).toBe(1);
    expect(await total('provider=zernio,postiz')).toBe(3);
    expect(await total('provider=outfame')).toBe(0);
    expect(await total('platform=TikTok')).toBe(1);
    expect(await total('kind=tracked_twice')).toBe(0);
    expect(await total(`profile_id=${all[0].profile_id}`)).toBe(1);
    expect(await total('state=closed')).toBe(0);
    expect(await total('since=2999-01-01T00:00:00Z')).toBe(0);
    expect(await total(`since=${all[2].since}`)).toBe(3);

    const etag = first.headers.get('etag') ?? '';
    const ask = () =>
      team.client.get('/v1/findings?limit=2&include_total=true', { 'If-None-Match': etag });
    expect((await ask()).status).toBe(304);
    await team.client.post(`/v1/findings/${all[0].id}/dismiss`, { reason: 'so' });
    expect((await ask()).status).toBe(200);
  });

  test('refuses what it does not know', async () => {
    const { client } = await begin();
    for (const [query, field] of [
      ['kind=nonsense', 'kind'],
      ['state=old', 'state'],
      ['provider=nobody', 'provider'],
      ['since=yesterday', 'since'],
      ['limit=0', 'limit'],
      ['severity=info', 'severity'],
    ])
      expect(refusedFields(await client.get(`/v1/findings?${query}`))).toEqual([422, [field]]);
  });

  test('shows a restricted key only what it may see all accounts of', async () => {
    const team = await begin();
    await team.hold('octopost', 'shared');
    await team.hold('postiz', 'shared');
    await team.hold('postiz', 'own');
    await team.hold('zernio', 'own');
    const all = await found(team);
    expect(all).toHaveLength(2);
    const key = await team.keyFor('octopost', 'postiz');
    const { body } = await key.get('/v1/findings?include_total=true');
    expect(body.pagination.total_count).toBe(1);
    expect(body.data.map(({ details }: Finding) => details.providers)).toEqual([
      ['octopost', 'postiz'],
    ]);
    const hidden = all.find(({ id }) => id !== body.data[0].id);
    expect((await key.post(`/v1/findings/${hidden.id}/dismiss`, { reason: 'so' })).status).toBe(
      404,
    );
    await gateway.settled();
    const events = await key.get('/v1/events?type=finding.opened');
    expect(events.body.data.map(({ data }: Finding) => data.finding.id)).toEqual(idsOf(body.data));
  });
});

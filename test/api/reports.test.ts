import { createHmac } from 'node:crypto';
import { json, type SmallProvider, startSmallProvider } from '../providers/small-provider.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { bareItem, reportingAdapter } from '../support/small-adapters.js';
import { waitFor } from '../support/wait.js';

let provider: SmallProvider;
let gateway: Gateway;

beforeAll(async () => {
  provider = await startSmallProvider();
  gateway = await startGateway({
    adapters: [reportingAdapter, { ...reportingAdapter, id: 'bare' }],
  });
});
afterAll(async () => {
  await gateway?.stop();
  await provider?.close();
});

async function accounts() {
  const { body } = await gateway.root.get('/v1/accounts?provider=reporting');
  return body.data as { id: string }[];
}

describe('a report of the provider', () => {
  const key = 'reporting_live_0123456789';
  let hookPath = '';
  let id = '';
  const signed = (body: string) => createHmac('sha256', key).update(body).digest('hex');
  const report = async (path: string, body: string, signature = signed(body)) => {
    const headers = { 'x-signature': signature, 'content-type': 'application/json' };
    const answer = await fetch(`${gateway.url}${path}`, { method: 'POST', headers, body });
    return [answer.status, await answer.text()];
  };
  const nextSweepAt = async () => {
    const row = await gateway.database.prisma.connection.findUniqueOrThrow({ where: { id } });
    return row.nextSweepAt.getTime();
  };
  const ABOUT_ACCOUNTS = '{"type": "account.disconnected"}';

  beforeAll(async () => {
    provider.answer(json(200, [bareItem('r')]));
    const made = await gateway.root.post('/v1/connections', {
      provider: 'reporting',
      credentials: { api_key: key },
      base_url: provider.baseUrl,
      verify: false,
    });
    ({ id, hook_path: hookPath } = made.body.data);
    await waitFor('the first sweep', accounts, {
      until: (rows) => rows.length === 1,
    });
    await waitFor('the next sweep to be planned', nextSweepAt, {
      until: (at) => at > Date.now() + 600_000,
    });
  });

  test('goes to a secret path, which only those see who may change the connection', async () => {
    expect(hookPath).toMatch(new RegExp(`^/hooks/reporting/${id}\\.[\\w-]{43}$`));
    const { body } = await gateway.root.get(`/v1/connections/${id}`);
    expect(body.data.hook_path).toBeNull();
    const renamed = await gateway.root.patch(`/v1/connections/${id}`, { name: 'reporting' });
    expect(renamed.body.data.hook_path).toBe(hookPath);
  });

  test.each<[string, () => Promise<unknown[]>]>([
    [
      'of another path',
      () =>
        report(
          hookPath.replace(/.$/, (end) => (end === 'a' ? 'b' : 'a')),
          ABOUT_ACCOUNTS,
        ),
    ],
    ['of another provider', () => report(hookPath.replace('reporting', 'bare'), ABOUT_ACCOUNTS)],
    ['without a signature', () => report(hookPath.split('.')[0] ?? '', ABOUT_ACCOUNTS)],
    ['signed by somebody else', () => report(hookPath, ABOUT_ACCOUNTS, 'f'.repeat(64))],
    ['of another body', () => report(hookPath, ABOUT_ACCOUNTS, signed('{}'))],
  ])('is refused when it is %s, and changes nothing', async (_name, send) => {
    const before = await nextSweepAt();
    expect(await send()).toEqual([404, '']);
    expect(await nextSweepAt()).toBe(before);
  });

  test('about something else than accounts is taken and passed over', async () => {
    const before = await nextSweepAt();
    expect(await report(hookPath, '{"type": "post.published"}')).toEqual([202, '']);
    expect(await nextSweepAt()).toBe(before);
  });

  test('brings the next sweep forward, and is no verdict itself', async () => {
    const before = (await accounts()).map(({ id: account }) => account);
    for (let times = 0; times < 5; times += 1)
      expect(await report(hookPath, ABOUT_ACCOUNTS)).toEqual([202, '']);
    const sweeps = await gateway.database.prisma.sweep.count({ where: { connectionId: id } });
    expect(sweeps).toBe(1);
    const soon = (await nextSweepAt()) - Date.now();
    expect(soon).toBeLessThanOrEqual(60_000);
    expect((await accounts()).map(({ id: account }) => account)).toEqual(before);
  });

  describe('that names accounts', () => {
    const about = (...ids: string[]) => JSON.stringify({ type: 'account.disconnected', ids });
    const shown = async () => {
      const { body } = await gateway.root.get('/v1/accounts/reporting:r');
      return body.data;
    };
    const looks = () => provider.requests.filter(({ url }) => url === '/v1/integrations').length;
    const isIdle = () =>
      waitFor(
        'all reported accounts to be looked at',
        () => gateway.database.prisma.reportedAccount.count({ where: { connectionId: id } }),
        { until: (left) => left === 0 },
      );
    const postponeSweep = () =>
      gateway.database.prisma.connection.update({
        where: { id },
        data: { nextSweepAt: new Date(Date.now() + 3_600_000) },
      });
    beforeEach(async () => {
      await postponeSweep();
      // A minute's ration begins anew.
      await gateway.database.prisma.probeRation.deleteMany({ where: { connectionId: id } });
    });

    test('has those looked at, and is no verdict: what the provider then shows counts', async () => {
      const next = await nextSweepAt();
      provider.answer(json(200, [{ ...bareItem('r'), handle: 'renamed' }]));
      expect(await report(hookPath, about('r'))).toEqual([202, '']);
      const seen = await waitFor('the account to be looked at', shown, {
        until: ({ username }) => username === 'renamed',
      });
      expect(seen).toMatchObject({ status: 'active', health: { status: 'healthy' } });
      await isIdle();
      expect(await nextSweepAt()).toBe(next);
    });

    test('of which some are not known brings the next sweep forward as well', async () => {
      const before = looks();
      expect(await report(hookPath, about('r', 'unheard-of'))).toEqual([202, '']);
      expect((await nextSweepAt()) - Date.now()).toBeLessThanOrEqual(60_000);
      await isIdle();
      expect(looks()).toBe(before + 1);
    });

    test('more often than half of the ration allows leaves the others to the next sweep', async () => {
      const before = looks();
      await waitFor('a minute that is not about to end', async () => Date.now() % 60_000, {
        everyMs: 200,
        until: (passed) => passed < 40_000,
      });
      const row = { connectionId: id, minute: new Date(Math.floor(Date.now() / 60_000) * 60_000) };
      await gateway.database.prisma.probeRation.create({ data: { ...row, used: 300 } });
      expect(await report(hookPath, about('r'))).toEqual([202, '']);
      await isIdle();
      expect(looks()).toBe(before);
      expect((await nextSweepAt()) - Date.now()).toBeLessThanOrEqual(60_000);
      expect((await gateway.root.post('/v1/accounts/reporting:r/probe')).status).toBe(200);
    });

    test('whose look fails leaves what is known, and brings the next sweep forward', async () => {
      provider.answer(json(500, { msg: 'Oh.' }));
      const before = await shown();
      expect(await report(hookPath, about('r'))).toEqual([202, '']);
      await isIdle();
      expect((await nextSweepAt()) - Date.now()).toBeLessThanOrEqual(60_000);
      expect((await shown()).health).toEqual(before.health);
    });
  });
});

import { apiDocument } from '../support/api-document.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

/** What `apiDocument` is read for. */
interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}

let gateway: Gateway;
let account: { id: string; ref: string; provider_account_id: string };
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.connect('outfame');
  await gateway.connect('octopost');
  account = (await gateway.root.get('/v1/accounts/outfame:acc_7Gx2kLm9Qr')).body.data;
  await gateway.settled();
});
afterAll(() => gateway.stop());

/** The addresses of all GETs with a query parameter of that name, but for streams. */
const routesWith = (name: string): string[] =>
  Object.entries(apiDocument.paths as Record<string, { get?: Operation }>)
    .filter(([, { get }]) =>
      get?.parameters?.some((one) => one.in === 'query' && one.name === name),
    )
    .map(([path]) => path);
const refused = async (path: string) => {
  const { status, body } = await gateway.root.get(path);
  return [path, status, body.code, body.errors?.[0]?.field, body.errors?.[0]?.message];
};

describe('a query parameter that names an account', () => {
  test('takes each of its spellings', async () => {
    const routes = routesWith('account_id').filter((path) => !path.endsWith('/stream'));
    expect(routes).toContain('/v1/events');
    for (const route of routes) {
      const pages = [];
      for (const spelling of [account.id, account.ref, account.provider_account_id]) {
        const query = `account_id=${encodeURIComponent(spelling)}`;
        pages.push((await gateway.root.get(`${route}?${query}`)).body.data);
      }
      expect([route, pages[0].length > 0]).toEqual([route, true]);
      expect([route, pages[1], pages[2]]).toEqual([route, pages[0], pages[0]]);
    }
  });

  test('is refused where it names none, or several; an id may be of one that is gone', async () => {
    for (const route of routesWith('account_id')) {
      for (const nobody of ['outfame:acc_nobody', 'yourhandle', 'OUTFAME:acc_7Gx2kLm9Qr'])
        expect(await refused(`${route}?account_id=${nobody}`)).toEqual([
          `${route}?account_id=${nobody}`,
          422,
          'validation_error',
          'account_id',
          expect.stringContaining('give its id, or a ref such as'),
        ]);
      const several = await gateway.root.get(`${route}?account_id=acc_Twin00Same`);
      expect([several.status, several.body.code]).toEqual([409, 'ambiguous_reference']);
      expect(several.body.refs).toHaveLength(2);
    }
    const gone = await gateway.root.get('/v1/events?account_id=acct_01k9z3m8q4v7x2c5n6b8a1s3d4');
    expect([gone.status, gone.body.data]).toEqual([200, []]);
  });
});

describe('a query parameter that names a profile', () => {
  test('takes the former id of one that was merged, on every list', async () => {
    const { root } = gateway;
    const published = (await root.get('/v1/accounts?provider=octopost&platform=instagram')).body;
    const { profile_id: one } = published.data.find(
      (other: { health: { status: string } }) => other.health.status === 'healthy',
    );
    const current = async () => (await root.get(`/v1/accounts/${account.id}`)).body.data.profile_id;
    const other = await current();
    const merge = { into: other, acknowledge_conflicts: ['platform_user_id'] };
    expect((await root.post(`/v1/profiles/${one}/merge`, merge)).status).toBe(200);
    const profile = await current();
    const former = profile === one ? other : one;
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const planned = { account_ids: [account.id], scheduled_at: tomorrow };
    expect((await root.post('/v1/disconnects', planned)).status).toBe(202);
    expect(await gateway.app.recurringJobs.runNamed('findings.examine')).toBe(true);
    const routes = routesWith('profile_id');
    expect(routes).toEqual(expect.arrayContaining(['/v1/accounts', '/v1/findings']));
    for (const route of routes) {
      const { data } = (await root.get(`${route}?profile_id=${profile}`)).body;
      expect([route, data.length > 0]).toEqual([route, true]);
      const same = await root.get(`${route}?profile_id=${former}`);
      expect([route, same.body.data]).toEqual([route, data]);
    }
  });
});

describe('a query parameter that takes ids alone', () => {
  test.each([
    ['connection_id', 'conn_'],
    ['profile_id', 'prof_'],
    ['target_id', 'acct_'],
  ])('%s says so of anything else', async (name, prefix) => {
    const routes = routesWith(name);
    expect(routes.length).toBeGreaterThan(0);
    for (const route of routes) {
      const path = `${route}?${name}=${account.ref}`;
      const message = expect.stringMatching(new RegExp(`must be .*such as ${prefix}`));
      expect(await refused(path)).toEqual([path, 422, 'validation_error', name, message]);
      const known = await gateway.root.get(`${route}?${name}=${prefix}unknown`);
      expect([route, known.status, known.body.data]).toEqual([route, 200, []]);
    }
  });
});

test.each([
  ['/v1/health/changes?since=', 'since', /RFC 3339 time such as .* or the `next_cursor`/],
  ['/v1/events?after=', 'after', /`next_cursor` of a page, or the id of an event; not a time/],
])('%s is told what it takes where it has a time of another form', async (path, field, message) => {
  for (const time of ['2026-11-27', '2026-11-27%2010:00', '1764201600', '27.11.2026'])
    expect(await refused(path + time)).toEqual([
      path + time,
      422,
      'validation_error',
      field,
      expect.stringMatching(message),
    ]);
  const altered = await gateway.root.get(`${path}WyIxIl0.forged`);
  expect([altered.status, altered.body.code]).toEqual([422, 'cursor_mismatch']);
});

import { type EndlessProvider, startEndlessProvider } from '../support/endless-provider.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** A list of ten pages, one account each, and sweeps of at most four pages or accounts. */
const PAGES = 10;
let gateway: Gateway;
let provider: EndlessProvider;
let connection: string;
let connections = 0;
beforeAll(async () => {
  provider = await startEndlessProvider({});
});
afterAll(async () => {
  await gateway.stop();
  provider.stop();
});

async function start(sweeps: Parameters<typeof startGateway>[0]): Promise<void> {
  await gateway?.stop();
  gateway = await startGateway(sweeps);
}
const key = () => `key_${connections}`;
beforeEach(() => {
  provider.settings.latencyMs = 1;
  provider.settings.pages = PAGES;
  provider.settings.lookMs = 0;
});

/** Connects, with the first sweep done. */
async function connect(): Promise<void> {
  connections += 1;
  const { body } = await gateway.root.post('/v1/connections', {
    provider: 'outfame',
    name: key(),
    credentials: { api_key: key() },
    base_url: provider.url,
    verify: false,
  });
  connection = body.data.id;
  await waitFor('the first sweep to finish', async () => (await history())[0]?.finished_at);
}
const history = async () =>
  (await gateway.root.get(`/v1/connections/${connection}/sweeps`)).body.data;
const accounts = async () =>
  (await gateway.root.get(`/v1/accounts?connection_id=${connection}&limit=200`)).body.data;
/** The pages that the last sweep asked for. */
async function pagesOfNextSweep(): Promise<{ pages: number[]; sweep: Record<string, unknown> }> {
  const before = provider.askedWith(key()).length;
  await gateway.sweep(connection);
  const pages = provider.askedWith(key()).slice(before);
  return { pages: pages.map(({ cursor }) => Number(cursor ?? 0)), sweep: (await history())[0] };
}

describe('a sweep whose budget runs out', () => {
  test.each([
    ['pages', { maxPages: 4 }, '4 pages (SWEEP_MAX_PAGES)'],
    ['accounts', { maxAccounts: 4 }, '4 accounts (SWEEP_MAX_ACCOUNTS)'],
  ] as const)(
    'of %s says so, keeps what it saw and takes nothing as gone',
    async (limit, sweeps, told) => {
      await start({ sweeps });
      await connect();
      expect((await history())[0]).toMatchObject({
        state: 'failed',
        seen: 4,
        added: 4,
        vanished: 0,
        budget_exhausted: limit,
        error: { code: 'budget_exhausted', message: expect.stringContaining(told) },
      });
      expect(await accounts()).toHaveLength(4);
    },
  );

  test('of time says so too, in the middle of a page', async () => {
    await start({ sweeps: { maxSeconds: 0.5 } });
    provider.settings.latencyMs = 150;
    await connect();
    const [sweep] = await history();
    expect(sweep).toMatchObject({ state: 'failed', budget_exhausted: 'time', vanished: 0 });
    expect(sweep.seen).toBeLessThan(PAGES);
    expect(await accounts()).toHaveLength(sweep.seen);
  });

  test('is gone on with by the next one, so that the end of the list is reached', async () => {
    await start({ sweeps: { maxPages: 4 } });
    await connect();
    const second = await pagesOfNextSweep();
    expect(second.pages.slice(0, 4)).toEqual([4, 5, 6, 7]);
    expect(second.sweep).toMatchObject({ state: 'failed', added: 4, budget_exhausted: 'pages' });
    const third = await pagesOfNextSweep();
    expect(third.pages).toEqual([8, 9]);
    expect(third.sweep).toMatchObject({
      state: 'succeeded',
      added: 2,
      vanished: 0,
      budget_exhausted: null,
      error: { code: 'rest_of_list' },
    });
    expect(await accounts()).toHaveLength(PAGES);
    expect((await pagesOfNextSweep()).pages[0]).toBe(0);
    const looked = (await accounts()).map(
      ({ last_seen_at }: { last_seen_at: string }) => last_seen_at,
    );
    expect(Math.min(...looked.map(Date.parse))).toBeGreaterThan(0);
  });

  test('proves no absence, nor does the rest of the list; a whole list does', async () => {
    await start({ sweeps: { maxPages: 4 } });
    provider.settings.pages = 6;
    await connect();
    await gateway.sweep(connection);
    expect(await accounts()).toHaveLength(6);
    // The rest now ends with the fifth page, and the whole fits the budget.
    provider.settings.pages = 5;
    await gateway.sweep(connection);
    await gateway.sweep(connection);
    expect(await accounts()).toHaveLength(6);
    provider.settings.pages = 4;
    expect(await gateway.sweep(connection)).toMatchObject({ state: 'succeeded', vanished: 2 });
    expect(await accounts()).toHaveLength(4);
  });

  test('of time once the list is read leaves what is not proven to the next one', async () => {
    await start({ sweeps: { maxSeconds: 1.5 } });
    await connect();
    provider.settings.pages = PAGES - 1;
    provider.settings.lookMs = 60_000;
    const cut = await gateway.sweep(connection);
    expect(cut).toMatchObject({ state: 'succeeded', vanished: 0, budgetExhausted: null });
    expect(await accounts()).toHaveLength(PAGES);
    provider.settings.lookMs = 0;
    expect(await gateway.sweep(connection)).toMatchObject({ state: 'succeeded', vanished: 1 });
  });

  test('of a changed key begins at the beginning', async () => {
    await start({ sweeps: { maxPages: 4 } });
    await connect();
    connections += 1;
    const change = { credentials: { api_key: key() }, verify: false };
    await gateway.root.patch(`/v1/connections/${connection}`, change);
    await waitFor('the new key to be used', () => provider.askedWith(key()).length > 0);
    expect(provider.askedWith(key())[0]?.cursor).toBeNull();
  });
});

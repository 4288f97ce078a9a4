import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { checkout } from '../support/checkout.js';
import type { Client } from '../support/client.js';
import { describeWith } from '../support/describe-with.js';
import { type GatewayProcess, ROOT_KEY, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';
import {
  colourViolations,
  drawn,
  isRefusedLoad,
  newContext,
  newPage,
  openPage,
  recordTasks,
  settled,
  signedInContext,
  signIn,
  startBrowser,
  violations,
  type Watched,
} from './browser.js';

const MARKUP = '<img src=x onerror=alert(1)><b>Bold</b>';
const SIZES = [
  { width: 1280, height: 800 },
  { width: 320, height: 640 },
];
const WIDEST = { width: 2560, height: 1300 };
/** Pixels right of all that is on the page, and what of them is too much. */
const UNUSED = `innerWidth - Math.max(...[...document.querySelectorAll('main *')]
  .map((one) => one.getBoundingClientRect().right))`;
const MAX_UNUSED = 1_100;
const SCHEMES = ['light', 'dark'] as const;
const MANY = 100_000;
/** Rows of them that are loaded by scrolling. */
const SCROLLED = 10_000;
/** Of processor time, after which a page would not feel like one that answers. */
const MAX_TASK_MS = 200;
/** A webhook with deliveries. It is disabled, so that nothing leaves this machine. */
const WEBHOOK = `
  INSERT INTO webhooks (id, team_id, url, types, description, secret, position_transaction, position_id,
    disabled_at, disabled_reason, created_at, updated_at)
  VALUES ('wh_01k9z3m8q4v7x2c5n6b8a1s3d4', 'team_default', 'https://hooks.example.com/rollcall', '{account.*}',
    'Operations', '', 0, '', now(), 'requested', now(), now());
  INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, state, attempts, log, created_at, finished_at)
  SELECT 'dlv_01k9z3m8q4v7x2c5n6b8a1s3d' || n, 'wh_01k9z3m8q4v7x2c5n6b8a1s3d4', 'evt_01k9z3m8q4v7x2c5n6b8a1s3d' || n,
    'account.updated', CASE WHEN n = 3 THEN 'failed' ELSE 'succeeded' END, 1,
    jsonb_build_array(jsonb_build_object('at', '2026-02-09T11:45:22.000Z', 'latency_ms', 41 + n, 'error', NULL,
      'status', CASE WHEN n = 3 THEN 500 ELSE 204 END, 'answer', CASE WHEN n = 3 THEN 'Bad Gateway' ELSE '' END)),
    now(), now()
  FROM generate_series(1, 6) n;`;
/** Bytes of scripts and styles, compressed with gzip, that the first page may take. */
const MAX_FIRST_PAGE = 180 * 1024;

describeWith(['chromium'], 'the console in a browser', () => {
  let postgres: TcpPostgres;
  let database: pg.Client;
  let sandbox: Sandbox;
  let gateway: GatewayProcess;
  let browser: Browser;
  /** Signed in as an administrator of the default team, whose quota no test uses up. */
  let context: BrowserContext;
  let key: string;
  const variables: Record<string, string> = {};

  const root = () => gateway.root;
  const newKey = async (asked: object, client: Client = root(), headers = {}) => {
    const limit = { rate_limit: { quota: 100_000, window_seconds: 60 } };
    const { body } = await client.post('/v1/keys', { ...limit, ...asked }, headers);
    return body.data as { readonly id: string; readonly key: string };
  };
  const idOf = async (path: string): Promise<string> =>
    (await root().get(path)).body.data[0]?.id ?? '';
  const open = (path: string, isExpected?: (fault: string) => boolean): Promise<Watched> =>
    openPage(context, gateway.url + path, isExpected);

  beforeAll(async () => {
    postgres = await startTcpPostgres();
    database = new pg.Client(postgres.url);
    await database.connect();
    sandbox = await startSandbox({ port: 0 });
    Object.assign(variables, {
      DATABASE_URL: postgres.url,
      ROLLCALL_SECRET: SECRET,
      SANDBOX: 'false',
    });
    gateway = await startProcess(variables);
    for (const provider of ['outfame', 'creatoraudit', 'octopost', 'socialsyncer'] as const)
      await root().post('/v1/connections', {
        provider,
        name: provider === 'octopost' ? MARKUP : provider,
        credentials: { api_key: sandbox.apiKey(provider) },
        base_url: sandbox.baseUrl(provider),
      });
    await waitFor(
      'every connection to be swept',
      async () => (await root().get('/v1/connections')).body.data,
      {
        everyMs: 200,
        until: (rows: readonly { swept_at: string | null }[]) =>
          rows.every(({ swept_at }) => swept_at !== null),
      },
    );
    await database.query(WEBHOOK);
    const active = '/v1/accounts?provider=outfame&status=active&limit=3';
    for (const { id } of (await root().get(active)).body.data) {
      await root().post(`/v1/accounts/${id}/pause`);
      await root().post(`/v1/accounts/${id}/resume`);
    }
    key = (await newKey({ name: 'operations', scopes: ['admin'] })).key;
    browser = await startBrowser();
    context = await signedInContext(browser, gateway.url, key);
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.end('SIGKILL');
    await sandbox?.close();
    await database?.end();
    await postgres?.stop();
  });

  /** Opens a page in every size and both themes. @returns what is wrong with it */
  async function look(page: Page, name: string): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const size of SIZES)
      for (const colorScheme of SCHEMES) {
        await page.setViewportSize(size);
        await page.emulateMedia({ colorScheme });
        const title = `${name}-${size.width}-${colorScheme}`;
        await drawn(page, title);
        const found = await (colorScheme === 'light' ? violations : colourViolations)(page);
        wrong.push(...found.map((violation) => `${title}: ${violation}`));
        const [shown, wide] = await page.evaluate<[number, number]>(
          '[document.documentElement.clientWidth, document.documentElement.scrollWidth]',
        );
        if (wide > shown) wrong.push(`${title}: scrolls sideways, ${wide} of ${shown}`);
      }
    await page.setViewportSize(WIDEST);
    await drawn(page, `${name}-${WIDEST.width}`);
    const left = await page.evaluate<number>(UNUSED);
    // A receipt is as wide as it is printed.
    if (left > MAX_UNUSED && name !== 'receipt')
      wrong.push(`${name}: leaves ${left} of ${WIDEST.width} empty`);
    return wrong;
  }

  test('every page, light and dark, wide and narrow, is accessible, within its policy and alone', async () => {
    const account = await idOf('/v1/accounts?provider=outfame&health=warning');
    const refs = (await root().get('/v1/accounts?provider=octopost&limit=2')).body.data.map(
      ({ ref }: { ref: string }) => ref,
    );
    const request = { account_ids: refs, reason_code: 'cleanup' };
    const done = (await root().post('/v1/disconnects', request)).body.data.id;
    await waitFor(
      'the disconnect to end',
      async () => (await root().get(`/v1/disconnects/${done}`)).body.data.finished_at,
      { everyMs: 200 },
    );
    const profile = await idOf('/v1/profiles?provider_count=2');
    const pages = {
      overview: '/',
      accounts: '/accounts?health=warning,unhealthy',
      nothing: '/accounts?q=nobody-has-this-name',
      account: `/accounts/${account}`,
      'account-health': `/accounts/${account}?tab=health`,
      'account-metrics': `/accounts/${account}?tab=metrics`,
      'account-profile': `/accounts/${account}?tab=profile`,
      'account-events': `/accounts/${account}?tab=events`,
      'account-audit': `/accounts/${account}?tab=audit`,
      'account-raw': `/accounts/${account}?tab=raw`,
      'account-api': `/accounts/${account}?tab=api`,
      profiles: '/profiles',
      profile: `/profiles/${profile}`,
      disconnects: '/disconnects',
      plan: '/disconnects/new?provider=outfame,socialsyncer',
      disconnect: `/disconnects/${done}`,
      receipt: `/disconnects/${done}/receipt`,
      findings: '/findings',
      connections: '/connections',
      connection: `/connections/${await idOf('/v1/connections')}`,
      providers: '/providers',
      provider: '/providers/outfame',
      webhooks: '/webhooks',
      webhook: `/webhooks/${await idOf('/v1/webhooks')}`,
      keys: '/keys',
      sessions: '/sessions',
      teams: '/teams',
      audit: '/audit',
    };
    const { page, faults } = await open('/');
    const loaded = await page.evaluate<string[]>(
      "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)",
    );
    const sizes = loaded
      .filter((path) => path.startsWith('/assets/'))
      .map((path) => gzipSync(readFileSync(join(checkout, 'dist', 'web', path))).length);
    expect(sizes.length).toBeGreaterThan(2);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_FIRST_PAGE);
    const wrong: string[] = [];
    const held: string[] = [];
    for (const [name, path] of Object.entries(pages)) {
      await page.setViewportSize(SIZES[0] ?? { width: 1280, height: 800 });
      await page.goto(gateway.url + path);
      await settled(page, faults);
      wrong.push(...(await look(page, name)));
      const kept = await page.evaluate<string>(
        'JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href',
      );
      held.push(kept + (await page.content()));
    }
    expect(wrong).toEqual([]);
    expect(faults).toEqual([]);
    for (const text of held) expect(text).not.toContain(key.slice(0, 40));
    await page.close();
    // What only the root key sees.
    const theirs = await newContext(browser);
    const owner = await newPage(theirs, isRefusedLoad);
    await signIn(owner.page, `${gateway.url}/teams`, ROOT_KEY);
    await settled(owner.page);
    expect(await look(owner.page, 'teams-root')).toEqual([]);
    expect(owner.faults).toEqual([]);
    await theirs.close();
  });

  test('signing in is accessible, refuses a wrong key with its code, and leads where one wanted to go', async () => {
    const stranger = await newContext(browser);
    const { page, faults } = await newPage(stranger, isRefusedLoad);
    await page.goto(`${gateway.url}/accounts?health=unhealthy`);
    await page.getByRole('heading', { name: 'Sign in to Rollcall' }).waitFor();
    expect(await look(page, 'sign-in')).toEqual([]);
    await page.setViewportSize(SIZES[0] ?? { width: 1280, height: 800 });
    await page.getByLabel('Key', { exact: true }).fill('rc_no_key');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('unauthorized', { exact: true }).and(page.locator('code')).waitFor();
    const own = await newKey({ name: 'passing', scopes: ['read'] });
    await page.getByLabel('Key', { exact: true }).fill(own.key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Accounts' }).waitFor();
    expect(new URL(page.url()).search).toBe('?health=unhealthy');
    // What the key may not do is not offered.
    await settled(page);
    expect(await page.getByLabel('Select row 1', { exact: true }).count()).toBe(0);
    // The key ends, and with it the session.
    await root().delete(`/v1/keys/${own.id}`);
    await page.getByRole('heading', { name: 'Sign in to Rollcall' }).waitFor();
    expect(faults).toEqual([]);
    await stranger.close();
  });

  test('two tabs share one stream; a change is written into the row where it stands', async () => {
    const readers = new Set<Page>();
    const count = (request: Request) => {
      if (request.url().endsWith('/v1/events/stream')) readers.add(request.frame().page());
    };
    context.on('request', count);
    const tabs = [
      await open('/accounts?provider=outfame'),
      await open('/accounts?provider=outfame'),
    ];
    for (const { page } of tabs) await page.getByText('Live', { exact: true }).waitFor();
    expect(readers.size).toBe(1);
    const [account] = (await root().get('/v1/accounts?provider=outfame&status=active&limit=1')).body
      .data;
    await root().post(`/v1/accounts/${account.id}/pause`);
    for (const { page, faults } of tabs) {
      const row = page.getByRole('row').filter({ hasText: account.username });
      await row.getByText('Paused', { exact: true }).waitFor();
      expect(faults).toEqual([]);
    }
    // The tab that reads the stream goes; the other takes over.
    const [first] = readers;
    await first?.close();
    await waitFor('the other tab to read the stream', () => readers.size === 2, {
      everyMs: 50,
    });
    await root().post(`/v1/accounts/${account.id}/resume`);
    const left = tabs.find(({ page }) => page !== first)?.page;
    const row = left?.getByRole('row').filter({ hasText: account.username });
    await row?.getByText('Active', { exact: true }).waitFor();
    await left?.close();
    context.off('request', count);
  });

  test('names full of markup are texts', async () => {
    const { page, faults } = await open('/connections');
    await page.getByText(MARKUP).first().waitFor();
    expect(await page.locator('main b, main img').count()).toBe(0);
    await database.query(`UPDATE accounts SET username = NULL, display_name = $1 WHERE id = $2`, [
      MARKUP,
      await idOf('/v1/accounts?provider=creatoraudit&limit=1'),
    ]);
    await page.goto(`${gateway.url}/accounts?provider=creatoraudit`);
    await page.getByText(MARKUP).first().waitFor();
    expect(await page.locator('main b, main img').count()).toBe(0);
    expect(faults).toEqual([]);
    await page.close();
  });

  test(`of ${MANY} accounts only the rows in view are drawn`, async () => {
    const team = (await root().post('/v1/teams', { name: 'Many' })).body.data.id;
    const own = await newKey({ name: 'many', scopes: ['read'] }, root(), { 'Rollcall-Team': team });
    await database.query(`
      INSERT INTO connections (id, team_id, provider, name, credentials, sweep_interval_seconds, paused)
      VALUES ('conn_many', '${team}', 'outfame', 'many', '', 3600, true);
      INSERT INTO accounts (id, team_id, connection_id, provider, provider_account_id, platform, username,
        username_key, status, health_status, health_since, checked_at, remote_data, created_at, updated_at)
      SELECT 'acct_many' || n, '${team}', 'conn_many', 'outfame', 'many' || n, 'instagram', 'many' || n,
        'many' || n, 'active', 'healthy', now(), now(), '{}', now() - n * interval '1 second', now()
      FROM generate_series(1, ${MANY}) n;`);
    const theirs = await newContext(browser);
    const { page, faults } = await newPage(theirs, isRefusedLoad);
    await signIn(page, `${gateway.url}/accounts`, own.key);
    await settled(page);
    await page.getByRole('button', { name: 'Count', exact: true }).click();
    await page.getByText(`${MANY.toLocaleString('en-US')} accounts`).waitFor();
    const endRecord = await recordTasks(page);
    let most = 0;
    const scrolledTo = async (place: string) => {
      await page.evaluate(`((element) => { element.scrollTop = ${place}; })(
        document.querySelector('.table-scroll'))`);
      most = Math.max(most, await page.locator('tbody tr').count());
      return page.evaluate<number>(
        "Math.max(...[...document.querySelectorAll('tr')].map((row) => row.ariaRowIndex ?? 0))",
      );
    };
    // As by the bar at its side: to the end of what is loaded, again and again.
    for (let target = SCROLLED / 10; target <= SCROLLED; target += SCROLLED / 10)
      await waitFor(`row ${target} to be scrolled to`, () => scrolledTo('element.scrollHeight'), {
        until: (index) => index > target,
      });
    // Back and forth over all of it, as a hand at the bar does.
    for (let step = 20; step >= 0; step--)
      await scrolledTo(`element.scrollHeight * ${Math.abs(10 - step) / 10}`);
    const { tasks, longestMs } = await endRecord();
    expect(tasks).toBeGreaterThan(SCROLLED / 200);
    expect(longestMs).toBeLessThan(MAX_TASK_MS);
    expect(most).toBeLessThan(200);
    expect(faults).toEqual([]);
    await theirs.close();
  });

  test('a disconnect goes on while the gateway is killed, and its page finds it again', async () => {
    const fault = { kind: 'rate_limited', method: 'DELETE', retry_after: 1 } as const;
    const { faults } = sandbox.provider('creatoraudit');
    faults.add(fault);
    const { page } = await open('/disconnects/new?provider=creatoraudit', isRefusedLoad);
    const count = /\d+/.exec((await page.getByRole('heading', { level: 1 }).textContent()) ?? '');
    await page.getByLabel(/to confirm/).fill(String(count));
    await page.getByRole('button', { name: /^Disconnect \d+ accounts$/ }).click();
    await page.getByText('Running', { exact: true }).first().waitFor();
    const { port } = new URL(gateway.url);
    await gateway.end('SIGKILL');
    await page.getByText(/Reconnecting|Stale/).waitFor();
    faults.clear();
    gateway = await startProcess({ ...variables, PORT: port });
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByText('Succeeded', { exact: true }).first().waitFor();
    await page.getByRole('link', { name: 'Receipt' }).waitFor();
    await page.close();
  });
});

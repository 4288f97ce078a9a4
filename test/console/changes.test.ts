import type { Browser, BrowserContext } from 'playwright-core';
import { recordEvents } from '../../src/events/index.js';
import { DEFAULT_TEAM_ID } from '../../src/teams/teams.service.js';
import { describeWith } from '../support/describe-with.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import {
  isRefusedLoad,
  openPage,
  settled,
  signedInContext,
  startBrowser,
  violations,
  type Watched,
} from './browser.js';

/** More than one page of a tab holds. */
const EVENTS = 60;

describeWith(['chromium'], 'pages of the console', () => {
  let gateway: Gateway;
  let browser: Browser;
  let context: BrowserContext;
  let connection: string;
  let account: string;
  /** Of the account, oldest first. */
  let events: string[];

  beforeAll(async () => {
    gateway = await startGateway();
    connection = await gateway.connect('outfame');
    account = (await gateway.root.get('/v1/accounts?limit=1')).body.data[0].id;
    const client = await gateway.database.pool.connect();
    const told = Array.from(
      { length: EVENTS },
      (_, number) => ({ type: 'account.updated', accountId: account, data: { number } }) as const,
    );
    await recordEvents(client, DEFAULT_TEAM_ID, told, new Date());
    client.release();
    await gateway.settled();
    const asked = `/v1/events?account_id=${account}&limit=200`;
    events = (await gateway.root.get(asked)).body.data.map(({ id }: { id: string }) => id);
    await gateway.app.recurringJobs.runNamed('health.note_levels');
    browser = await startBrowser();
    context = await signedInContext(browser, gateway.url, gateway.root.key ?? '');
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
  });

  const open = (path: string, isExpected?: (fault: string) => boolean): Promise<Watched> =>
    openPage(context, gateway.url + path, isExpected);
  const close = async ({ page, faults }: Watched) => {
    expect([page.url(), await violations(page), faults]).toEqual([page.url(), [], []]);
    await page.close();
  };

  test('the overview draws health over time, for the time that is in its address', async () => {
    await gateway.database.pool.query(
      `INSERT INTO health_hours SELECT team_id, hour - n * interval '1 hour', provider, 3, 1, 0, 4
       FROM health_hours, generate_series(1, 8) n WHERE n <> 4`,
    );
    const watched = await open('/');
    const { page } = watched;
    const chart = page.getByRole('img', { name: /^All accounts: 37\.5% of 8 healthy at / });
    await chart.locator('canvas').waitFor();
    await page.getByLabel('Time shown').selectOption('Last 7 days');
    await page.waitForURL('**/?range=7d');
    await chart.locator('canvas').waitFor();
    await close(watched);
  });

  test('a figure of an account over time, which and how long as its address says', async () => {
    const watched = await open(`/accounts/${account}?tab=metrics`);
    const { page } = watched;
    const chart = page.getByRole('img', { name: /^Followers: [\d,]+ at first, between .* now$/ });
    await chart.locator('canvas').waitFor();
    await page.getByLabel('Time shown').selectOption('Last 2 days');
    await page.waitForURL('**?tab=metrics&span=2d');
    await chart.locator('canvas').waitFor();
    await page.getByLabel('Figure shown').selectOption('Views');
    await page.getByText('outfame has not reported it in this time.').waitFor();
    await close(watched);
  });

  test('labels of an account are added, changed and removed', async () => {
    const other = (await gateway.root.get('/v1/accounts?limit=2')).body.data[1].id;
    const path = `/v1/accounts/${other}`;
    await gateway.root.patch(path, { labels: { brand: 'acme', owner: 'x' } });
    const watched = await open(`/accounts/${other}`);
    const { page } = watched;
    await page.getByRole('button', { name: 'Change labels' }).click();
    await page.getByLabel('Value of label 1').fill('globex');
    await page.getByLabel('Remove label 2').click();
    await page.getByRole('button', { name: 'Add a label' }).click();
    await page.getByLabel('Name of label 2').fill('brand');
    await page.getByText('Two labels have the same name.').waitFor();
    expect(await page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true);
    await page.getByLabel('Name of label 2').fill('région');
    await page.getByLabel('Value of label 2').fill('eu');
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('brand: globex, région: eu').waitFor();
    expect((await gateway.root.get(path)).body.data.labels).toEqual({
      brand: 'globex',
      région: 'eu',
    });
    await close(watched);
  });

  test('the events of an account come newest first, and the older ones when they are asked for', async () => {
    const watched = await open(`/accounts/${account}?tab=events`);
    const { page } = watched;
    const rows = page.getByRole('tabpanel').locator('details');
    await rows.first().waitFor();
    expect(await rows.count()).toBe(50);
    await rows.first().locator('summary').click();
    expect(await rows.first().textContent()).toContain(`"number": ${EVENTS - 1}`);
    await page.getByRole('button', { name: 'Older events' }).click();
    await rows.nth(events.length - 1).waitFor();
    expect(await page.getByRole('button', { name: 'Older events' }).count()).toBe(0);
    await close(watched);
  });

  test('the id of an event leads to its account; of what has no page to its audit entries', async () => {
    const watched = await open('/');
    const { page } = watched;
    for (const id of [events[3], events.at(-1)]) {
      await page.keyboard.press('Control+K');
      await page.getByRole('combobox', { name: /^Find/ }).fill(id ?? '');
      await page.getByRole('option', { name: `of ${account}` }).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/accounts/${account}?tab=events`);
    }
    const url = 'http://127.0.0.1:9/';
    const webhook = await gateway.root.post('/v1/webhooks', { url, types: ['finding.*'] });
    for (const path of [`/webhooks/${webhook.body.data.id}`, `/connections/${connection}`]) {
      const [, , id = ''] = path.split('/');
      await page.keyboard.press('Control+K');
      await page.getByRole('combobox', { name: /^Find/ }).fill(id);
      await page.getByRole('option', { name: id }).first().waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL(`**${path}`);
    }
    const sweep = (await gateway.root.get(`/v1/connections/${connection}/sweeps`)).body.data[0].id;
    await page.keyboard.press('Control+K');
    await page.getByRole('combobox', { name: /^Find/ }).fill(sweep);
    await page.getByRole('option', { name: `Audit entries of ${sweep}` }).waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/audit?target_id=${sweep}`);
    await settled(page, watched.faults);
    await close(watched);
  });

  test('a connection gets another key once its provider takes it', async () => {
    const watched = await open(`/connections/${connection}`, isRefusedLoad);
    const { page } = watched;
    await page.getByRole('button', { name: 'Change …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Api key').fill('no_key_of_theirs');
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await dialog.getByText('provider_credential_rejected').waitFor();
    await dialog.getByLabel('Api key').fill('');
    await dialog.getByLabel('Name').fill('Renamed here');
    await dialog.getByLabel('Seconds between sweeps').fill('600');
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await page.getByRole('heading', { name: 'Renamed here' }).waitFor();
    expect((await gateway.root.get(`/v1/connections/${connection}`)).body.data).toMatchObject({
      ...{ name: 'Renamed here', sweep_interval_seconds: 600, state: 'active' },
    });
    await settled(page, watched.faults);
    await close(watched);
  });

  test('a webhook gets another secret, and tells each attempt of a delivery', async () => {
    const url = 'http://127.0.0.1:9/';
    const made = await gateway.root.post('/v1/webhooks', { url, types: ['finding.*'] });
    const { id, secret } = made.body.data;
    await gateway.root.post(`/v1/webhooks/${id}/test`);
    const watched = await open(`/webhooks/${id}`);
    const { page } = watched;
    await page.getByRole('button', { name: 'webhook.test' }).first().click();
    await page.getByRole('dialog').getByText('no answer').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByRole('button', { name: 'New secret …' }).click();
    await page.getByRole('button', { name: 'Make it' }).click();
    const shown = page.getByRole('dialog').getByText(/^whsec_/);
    await shown.waitFor();
    expect(await shown.textContent()).not.toContain(secret);
    await page.getByRole('button', { name: 'I have saved it' }).click();
    await close(watched);
  });

  test('a provider tells its incidents', async () => {
    await gateway.database.pool.query(
      `INSERT INTO provider_incidents (id, provider, opened_at, last_failure_at, closed_at, error, accounts)
       VALUES ('inc_1', $1, now() - interval '2 hours', now() - interval '2 hours', now() - interval '1 hour', 'It timed out.', 7)`,
      [`outfame ${new URL(gateway.sandbox.baseUrl('outfame')).origin}`],
    );
    const watched = await open('/providers/outfame');
    await watched.page.getByText('for 1 h').waitFor();
    await watched.page.getByText('It timed out.').waitFor();
    await close(watched);
  });

  test('lists are saved as CSV, those of one resource too', async () => {
    const watched = await open('/keys');
    const { page } = watched;
    for (const [path, file] of [
      ['/keys', 'keys.csv'],
      [`/connections/${connection}`, 'sweeps.csv'],
    ] as const) {
      await page.goto(gateway.url + path);
      await settled(page, watched.faults);
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'CSV' }).click(),
      ]);
      expect(download.suggestedFilename()).toBe(file);
    }
    await close(watched);
  });
});

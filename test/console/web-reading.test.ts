import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { describeWith } from '../support/describe-with.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import {
  isRefusedLoad,
  newContext,
  newPage,
  openPage,
  press,
  settled,
  shown,
  signedInContext,
  signIn,
  startBrowser,
  violations,
} from './browser.js';

/** What is told of an element's style, as the page shows it. */
const STYLE = (selector: string, property: string) =>
  `getComputedStyle(document.querySelector(${JSON.stringify(selector)})).${property}`;
/** Whether each element is laid out at all. */
const IS_SHOWN = (selector: string) =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].map((one) => one.checkVisibility())`;

describeWith(['chromium'], 'the console shows', () => {
  let gateway: Gateway;
  let browser: Browser;
  /** Signed in as an administrator of the default team. */
  let context: BrowserContext;

  const newKey = async (asked: object = {}) => {
    const request = { name: 'operations', scopes: ['admin'], ...asked };
    return (await gateway.root.post('/v1/keys', request)).body.data as {
      readonly id: string;
      readonly key: string;
    };
  };
  const first = async (path: string) => (await gateway.root.get(path)).body.data[0];
  const open = (path: string, isExpected?: (fault: string) => boolean) =>
    openPage(context, gateway.url + path, isExpected);
  /** Of the first rows, which are drawn whatever the table's height. */
  const names = async (page: Page) =>
    (await page.locator('tbody tr .identity-text > :first-child').allTextContents()).slice(0, 8);

  beforeAll(async () => {
    gateway = await startGateway({ accounts: 240 });
    for (const provider of ['outfame', 'creatoraudit', 'octopost'] as const)
      await gateway.connect(provider);
    browser = await startBrowser();
    context = await signedInContext(browser, gateway.url, (await newKey()).key);
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
  });

  test('what stands in the address: filters, order, columns, density, the open row; back and forward', async () => {
    const { page, faults } = await open('/accounts');
    const address = () => new URL(page.url()).pathname + new URL(page.url()).search;
    const table = page.getByRole('table', { name: 'Accounts' });
    // More pages than are loaded: how many rows there are is not known, and is asked for on demand.
    expect(await table.getAttribute('aria-rowcount')).toBe('-1');
    await press(page, 'Count');
    await page.getByText(/^· \d+ accounts$/).waitFor();
    await page.getByText(/^as of /).waitFor();
    expect(await page.evaluate<string>(STYLE('thead', 'position'))).toBe('sticky');
    await page.locator('summary', { hasText: 'Health' }).click();
    await page.getByLabel('Healthy', { exact: true }).check();
    await page.keyboard.press('Escape');
    await press(page, 'Followers');
    await page.locator('summary[aria-label=Columns]').click();
    await page.getByLabel('Ref', { exact: true }).check();
    await page.getByLabel('Compact rows').check();
    await page.keyboard.press('Escape');
    await settled(page, faults);
    expect(Object.fromEntries(new URL(page.url()).searchParams)).toEqual({
      health: 'healthy',
      order_by: 'followers',
      order_direction: 'desc',
      columns: expect.stringMatching(/^username,.*,ref$/),
      density: 'compact',
    });
    expect(await page.evaluate<string>(STYLE('tbody tr', 'height'))).toBe('34px');
    await page
      .getByRole('columnheader', { name: 'Followers' })
      .and(page.locator('[aria-sort=descending]'))
      .waitFor();
    // What the API does not sort by has no button.
    expect(
      await page.getByRole('columnheader', { name: 'Status' }).getByRole('button').count(),
    ).toBe(0);
    const [kept, rows] = [address(), await names(page)];
    await page.locator('tbody tr a').first().click();
    await page.getByRole('tab', { name: 'Health' }).click();
    await page.getByText('Time to recovery').waitFor();
    expect(new URL(page.url()).searchParams.get('tab')).toBe('health');
    const inside = address();
    await page.goBack();
    await page.getByRole('tab').first().waitFor({ state: 'detached' });
    expect([address(), await names(page)]).toEqual([kept, rows]);
    await page.goForward();
    await page.getByText('Time to recovery').waitFor();
    expect(address()).toBe(inside);
    // The address alone brings it all back, in another tab too.
    const other = await open(kept);
    expect(await names(other.page)).toEqual(rows);
    await press(other.page, 'Remove the filter Health');
    await settled(other.page);
    expect(new URL(other.page.url()).searchParams.has('health')).toBe(false);
    expect([faults, other.faults]).toEqual([[], []]);
    await page.close();
    await other.page.close();
  });

  test('a saved view by its name to all of the team, or whenever the page is opened, until it is deleted', async () => {
    const { page, faults } = await open('/accounts?health=unhealthy&order_by=username');
    const views = page.locator('summary', { hasText: /Views|Broken ones/ });
    await views.click();
    await page.getByLabel('Name of the view').fill('Broken ones');
    await press(page, 'Save');
    await page.getByRole('button', { name: 'Broken ones', exact: true }).waitFor();
    const other = await open('/accounts');
    await other.page.locator('summary', { hasText: 'Views' }).click();
    await press(other.page, 'Broken ones');
    await settled(other.page);
    expect(new URL(other.page.url()).search).toBe('?health=unhealthy&order_by=username');
    await press(other.page, 'Open the page with the view Broken ones');
    await other.page.locator('nav a[href*="health=unhealthy"]', { hasText: 'Accounts' }).waitFor();
    await press(other.page, 'Delete the view Broken ones');
    await other.page.locator('nav a[href="/accounts"]').waitFor();
    await other.page.getByText('No view of this page is saved yet.').waitFor();
    expect([faults, other.faults]).toEqual([[], []]);
    await page.close();
    await other.page.close();
  });

  test('any id, ref, handle or page that is typed after Ctrl+K, and what was found before', async () => {
    const account = await first('/v1/accounts?provider=octopost&status=active');
    const request = { account_ids: [account.ref], scheduled_at: new Date(Date.now() + 3_600_000) };
    const disconnect = (await gateway.root.post('/v1/disconnects', request)).body.data.id;
    const key = await newKey({ name: 'found' });
    const hook = { url: `${gateway.url}/nowhere`, types: ['profile.*'] };
    const webhook = (await gateway.root.post('/v1/webhooks', hook)).body.data.id;
    const connection = (await first('/v1/connections')).id;
    const entry = await first('/v1/audit?action=key.created');
    const leads: readonly (readonly [typed: string, to: string])[] = [
      [account.id, `/accounts/${account.id}`],
      [account.id.toUpperCase(), `/accounts/${account.id}`],
      [account.ref, `/accounts/${account.id}`],
      [account.username, '/accounts/'],
      [account.profile_id, `/profiles/${account.profile_id}`],
      [disconnect, `/disconnects/${disconnect}`],
      [connection, `/connections/${connection}`],
      [webhook, `/webhooks/${webhook}`],
      [key.id, `/audit?key_id=${key.id}`],
      [entry.request_id, `/audit?request_id=${entry.request_id}`],
      ['Find', '/findings'],
    ];
    const { page, faults } = await open('/', isRefusedLoad);
    const dialog = page.getByRole('dialog');
    const box = dialog.getByRole('combobox', { name: 'Find an id, ref, handle or page' });
    for (const [typed, to] of leads) {
      await page.keyboard.press('Control+k');
      await box.and(page.locator(':focus')).waitFor();
      await page.keyboard.type(typed);
      await dialog.getByRole('option', { selected: true }).waitFor();
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => (url.pathname + url.search).startsWith(to));
      await box.waitFor({ state: 'detached' });
    }
    await page.keyboard.press('Control+k');
    await dialog.getByRole('option', { name: `/webhooks/${webhook}` }).waitFor();
    await box.fill('nobody-has-this');
    await page.getByText('Nothing has that name.').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await box.waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
    await page.close();
  });

  test('a dialog with the focus in its first field, and after Escape on what opened it', async () => {
    const account = await first('/v1/accounts?provider=outfame&status=active');
    await gateway.root.patch(`/v1/accounts/${account.id}`, { labels: { brand: 'acme' } });
    const { page, faults } = await open('/');
    const focused = page.locator(':focus');
    for (const [path, opener, field] of [
      ['/keys', 'Make a key', 'Name'],
      ['/keys', 'Revoke operations', 'Type operations to confirm'],
      ['/webhooks', 'Add a webhook', 'Address'],
      ['/connections', 'Add a connection', 'Provider'],
      [`/accounts/${account.id}`, 'Change labels', 'Name of label 1'],
    ] as const) {
      await page.goto(gateway.url + path);
      await settled(page, faults);
      const button = page.getByRole('button', { name: opener }).first();
      await button.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel(field).first().and(focused).waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await button.and(focused).waitFor();
    }
    // Where there is no field, it is the browser's choice.
    await page.keyboard.press('?');
    await page.getByRole('button', { name: 'Close', exact: true }).and(focused).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('the row that j, k and Enter open, and has the focus there again after Escape', async () => {
    const { page, faults } = await open('/accounts?provider=outfame');
    const links = page.locator('tbody a.row-link');
    const focused = page.locator(':focus');
    const leads = await Promise.all([0, 1, 2].map((row) => links.nth(row).getAttribute('href')));
    const opened = async (row: number) => {
      await page.waitForURL((url) => url.pathname === leads[row]?.split('?')[0]);
      await page.getByRole('tab', { name: 'Overview' }).waitFor();
    };
    const left = async (row: number) => {
      await page.getByRole('tab').first().waitFor({ state: 'detached' });
      await links.nth(row).and(focused).waitFor();
    };
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await opened(1);
    await page.keyboard.press('Escape');
    await left(1);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await opened(2);
    // The address alone: nothing was focused before.
    await page.reload();
    await opened(2);
    await page.getByRole('button', { name: 'Close the panel' }).click();
    await left(2);
    // Where there is no room beside it, the panel covers the list.
    await page.setViewportSize({ width: 400, height: 800 });
    await page.keyboard.press('Enter');
    await opened(2);
    await page.keyboard.press('Escape');
    await left(2);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('accounts one click after the link of a start, once; after that it says what to do', async () => {
    const link = `${gateway.url}/#sign-in=${await gateway.app.signInLink()}`;
    for (const isGood of [true, false]) {
      const newcomer = await newContext(browser);
      const { page, faults } = await newPage(newcomer, isRefusedLoad);
      await page.goto(link);
      if (isGood) await page.getByRole('heading', { name: 'Overview' }).waitFor();
      else await page.getByText(/The link is no longer valid/).waitFor();
      expect(page.url()).toBe(`${gateway.url}/`);
      if (!isGood) {
        expect(await violations(page)).toEqual([]);
        await page.getByLabel('Key', { exact: true }).fill((await newKey()).key);
        await press(page, 'Sign in');
        await page.getByRole('heading', { name: 'Overview' }).waitFor();
      }
      expect(faults).toEqual([]);
      await newcomer.close();
    }
  });

  test('to a key that may read alone nothing that it may not do, and why where it asks for it', async () => {
    const reader = await newContext(browser);
    const { page, faults } = await newPage(reader, isRefusedLoad);
    const { id } = await first('/v1/accounts?provider=outfame&status=active');
    await signIn(page, `${gateway.url}/accounts/${id}`, (await newKey({ scopes: ['read'] })).key);
    await page.getByRole('tab', { name: 'Overview' }).waitFor();
    await settled(page);
    for (const name of ['Check now', 'Pause', 'Disconnect …'])
      expect(await page.getByRole('main').getByText(name, { exact: true }).count()).toBe(0);
    for (const path of ['/keys', '/disconnects/new?provider=outfame']) {
      await page.goto(gateway.url + path);
      const problem = page.getByRole('alert');
      await problem.getByText('This key may not do that').waitFor();
      expect(await problem.innerText()).toMatch(/forbidden|insufficient_scope/);
      expect(await problem.innerText()).toMatch(/req_[0-9a-z]{26}/);
      // To try again would not help.
      expect(await problem.getByRole('button', { name: 'Try again' }).count()).toBe(0);
      expect(await violations(page)).toEqual([]);
    }
    expect(faults).toEqual([]);
    await reader.close();
  });

  test('all that a filter matches in the CSV that it saves', async () => {
    const { page, faults } = await open('/accounts?provider=octopost');
    const saving = page.waitForEvent('download');
    await press(page, 'CSV');
    const file = await saving;
    expect(file.suggestedFilename()).toBe('accounts.csv');
    const lines = (await readFile(await file.path(), 'utf8')).trim().split(/\r?\n/);
    const { pagination } = (
      await gateway.root.get('/v1/accounts?provider=octopost&limit=1&include_total=true')
    ).body;
    expect(lines).toHaveLength(pagination.total_count + 1);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('that the browser is offline, what cannot be shown for it, and all of it once it is back', async () => {
    const { page, faults } = await open('/accounts', (fault) =>
      /Failed to load resource|ERR_/.test(fault),
    );
    await shown(page, 'Live');
    await context.setOffline(true);
    await page
      .getByRole('status')
      .filter({ hasText: 'Offline' })
      .filter({ hasText: 'since' })
      .waitFor();
    await press(page, 'Followers');
    await shown(page, 'The gateway cannot be reached');
    expect(await violations(page)).toEqual([]);
    await context.setOffline(false);
    await shown(page, 'Live');
    await press(page, 'Try again');
    await page.locator('tbody tr a').first().waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('itself while parts of it cannot be had, and them once the gateway answers', async () => {
    const { page, faults } = await open('/audit', (fault) =>
      /Failed to (load resource|fetch)|ERR_|could not be loaded|another release/.test(fault),
    );
    const links = page.getByRole('navigation', { name: 'Pages' }).locator('.nav a');
    const notice = page.getByRole('alert').filter({ hasText: 'This could not be loaded' });
    const again = notice.getByRole('button', { name: 'Try again' });
    await page.evaluate('window.isSame = true');
    await context.setOffline(true);
    // Not from the browser's cache either.
    await page.route('**/assets/*', (route) => route.abort());
    const others = (await links.allTextContents()).filter((name) => name !== 'Audit log');
    expect(others.length).toBeGreaterThan(9);
    for (const name of others) {
      await links.getByText(name, { exact: true }).click();
      await notice.waitFor();
      await links.getByText('Audit log', { exact: true }).click();
      await notice.waitFor({ state: 'detached' });
    }
    await page.keyboard.press('Control+k');
    await page.getByRole('dialog').and(page.locator(':has([role=alert])')).waitFor();
    await page.keyboard.press('Escape');
    await links.getByText('Teams', { exact: true }).click();
    await again.click();
    await notice.waitFor();
    expect(await page.evaluate<boolean>('window.isSame')).toBe(true);
    await context.setOffline(false);
    await page.unroute('**/assets/*');
    await again.click();
    await page.getByRole('heading', { name: 'Teams', exact: true }).waitFor();
    // Another release has parts of other names.
    await page.route('**/assets/Keys-*', (route) => route.fulfill({ status: 404 }), { times: 1 });
    await links.getByText('Keys', { exact: true }).click();
    await again.click();
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('on paper what is read, all loaded rows of it, dark on light, without what is pressed', async () => {
    const { page, faults } = await open('/audit');
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const { length } = (await gateway.root.get('/v1/audit?limit=100')).body.data;
    const rows = page.locator('tbody tr:not(.table-more)');
    await rows.nth(length - 1).waitFor();
    expect(await rows.count()).toBe(length);
    const buttons = 'main .button, nav, header.top';
    expect(await page.evaluate<boolean[]>(IS_SHOWN(buttons))).not.toContain(true);
    expect(await page.evaluate<string>(STYLE('body', 'backgroundColor'))).toBe(
      'rgb(255, 255, 255)',
    );
    const account_ids = [(await first('/v1/accounts?provider=octopost')).id];
    const { body } = await gateway.root.post(
      '/v1/disconnects',
      { account_ids },
      { Prefer: 'wait=20' },
    );
    await page.goto(`${gateway.url}/disconnects/${body.data.id}/receipt`);
    await page.getByText('Ed25519').waitFor();
    expect(await page.evaluate<boolean[]>(IS_SHOWN(buttons))).not.toContain(true);
    expect(await violations(page)).toEqual([]);
    expect((await page.pdf()).length).toBeGreaterThan(1_000);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('nothing that moves to those who ask for that; pastes into the key field; its language', async () => {
    const { page, faults } = await open('/accounts');
    const moves = STYLE('main .button', 'transitionDuration');
    expect(await page.evaluate<string>(moves)).toBe('0s');
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    expect(await page.evaluate<string>(moves)).not.toBe('0s');
    expect(await page.evaluate<string>('document.documentElement.lang')).toBe('en');
    // Ages are times that programs read, with the exact one in reach.
    const time = page.locator('tbody time').first();
    expect(Date.parse((await time.getAttribute('datetime')) ?? '')).not.toBeNaN();
    expect(await time.getAttribute('title')).toMatch(/\d{4}-\d\d-\d\dT/);
    const stranger = await newContext(browser);
    const { page: door } = await newPage(stranger);
    await door.goto(gateway.url);
    const field = door.getByLabel('Key', { exact: true });
    expect(await field.getAttribute('autocomplete')).toBe('off');
    await field.focus();
    await door.keyboard.insertText('rc_pasted');
    expect(await field.inputValue()).toBe('rc_pasted');
    expect(faults).toEqual([]);
    await stranger.close();
    await page.close();
  });
});

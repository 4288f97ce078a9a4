import type { Browser, BrowserContext } from 'playwright-core';
import { describeWith } from '../support/describe-with.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';
import {
  isRefusedLoad,
  openPage,
  press,
  settled,
  shown,
  signedInContext,
  startBrowser,
  tabTo,
} from './browser.js';

const HOUR_MS = 3_600_000;
const clock = shiftedClock();

describeWith(['chromium'], 'in the console a person', () => {
  let gateway: Gateway;
  let browser: Browser;
  /** Signed in as an administrator of the default team. */
  let context: BrowserContext;
  const connections: Record<string, string> = {};

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
  const look = () => gateway.app.recurringJobs.runNamed('disconnects.start_due');

  beforeAll(async () => {
    gateway = await startGateway({ clock });
    for (const provider of ['outfame', 'creatoraudit', 'octopost', 'socialsyncer'] as const)
      connections[provider] = await gateway.connect(provider);
    browser = await startBrowser();
    context = await signedInContext(browser, gateway.url, (await newKey()).key);
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.stop();
  });

  test('links two profiles, sees what that does first, splits one off and reverts', async () => {
    // Nothing contradicts that they are one: neither has an id of the platform.
    const [one, other] = (
      await gateway.root.get('/v1/profiles?platform=instagram&provider_count=1&limit=100')
    ).body.data.filter(
      (profile: { platform_user_id: { value: string | null } }) =>
        profile.platform_user_id.value === null,
    ) as readonly { id: string }[];
    const { page, faults } = await open(`/profiles/${one?.id}`);
    const members = (count: number) =>
      page.getByRole('heading', { name: `Members (${count})` }).waitFor();
    const dialog = page.getByRole('dialog');
    const arrange = async (reason: string) => {
      await dialog.getByLabel('Reason').fill(reason);
      await dialog.getByRole('button', { name: 'Show what changes' }).click();
      const refused = dialog.getByRole('alert');
      await dialog.getByRole('heading', { name: 'Then' }).or(refused).waitFor();
      expect(await refused.allTextContents()).toEqual([]);
      await dialog.getByRole('button', { name: 'Do it' }).click();
      await dialog.waitFor({ state: 'hidden' });
    };
    await members(1);
    await press(page, 'Link with another …');
    await dialog.getByLabel('The other profile').fill(other?.id ?? '');
    await arrange('The same person');
    await members(2);
    await press(page, 'Revert …');
    await arrange('It was not');
    await page.goto(`${gateway.url}/profiles/${other?.id}`);
    await members(1);
    await press(page, 'Link with another …');
    await dialog.getByLabel('The other profile').fill(one?.id ?? '');
    await arrange('It was after all');
    await members(2);
    await page.getByRole('button', { name: 'Split off …' }).first().click();
    await arrange('Sold');
    await members(1);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('asks for a thing once, however quickly it is pressed twice', async () => {
    const account = await first('/v1/accounts?provider=outfame&status=active');
    const { page, faults } = await open('/keys');
    const asked: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') asked.push(new URL(request.url()).pathname);
    });
    const twice = (name: string) => page.getByRole('button', { name, exact: true }).dblclick();
    await press(page, 'Make a key');
    await page.getByLabel('Name', { exact: true }).fill('pressed twice');
    await twice('Make it');
    await shown(page, 'The key is made');
    await press(page, 'I have saved it');
    await page.goto(`${gateway.url}/webhooks`);
    await page.getByRole('button', { name: 'Add a webhook' }).first().click();
    await page.getByLabel('Address').fill(`${gateway.url}/nowhere`);
    await page.getByRole('dialog').locator('button[type=submit]').dblclick();
    await press(page, 'I have saved it');
    await page.goto(`${gateway.url}/accounts/${account.id}`);
    await twice('Check now');
    await shown(page, 'Asked the provider');
    // What ended may be asked for again.
    await press(page, 'Check now');
    const probe = `/v1/accounts/${account.id}/probe`;
    await waitFor('it to be asked for again', () => asked.at(3));
    expect(asked).toEqual(['/v1/keys', '/v1/webhooks', probe, probe]);
    expect(faults).toEqual([]);
    await page.close();
  });

  test('finds, selects, plans, disconnects and proves by keyboard alone', async () => {
    const { page, faults } = await open('/accounts');
    await page.keyboard.press('/');
    await page.keyboard.type('northwind');
    await waitFor('the search to be in the address', () => /q=northwind/.test(page.url()));
    await waitFor('what was searched for', () =>
      page.evaluate<boolean>(
        "((rows) => rows.length > 1 && rows.every((row) => /northwind/i.test(row.textContent)))([...document.querySelectorAll('tbody tr')])",
      ),
    );
    await page.keyboard.press('Enter');
    await page.keyboard.press('x');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByText('2 selected').waitFor();
    await tabTo(page, /^\s*Disconnect …$/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Disconnect 2 accounts' }).waitFor();
    await tabTo(page, /Type 2 to confirm/);
    await page.keyboard.type('2');
    await tabTo(page, /^\s*Disconnect 2 accounts$/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Disconnect of 2 accounts' }).waitFor();
    await page.getByText('Succeeded', { exact: true }).first().waitFor();
    await tabTo(page, /^\s*Receipt$/);
    await page.keyboard.press('Enter');
    await page.getByText('Ed25519').waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('is led back to a plan that is another one by the time it is run, and sees who joined', async () => {
    const { page, faults } = await open('/disconnects/new?provider=octopost', isRefusedLoad);
    const accounts = await open('/accounts?provider=octopost');
    const total = Number(/\d+/.exec((await page.getByRole('heading').first().textContent()) ?? ''));
    const rows = () => accounts.page.locator('tbody tr .identity-text').allTextContents();
    const before = await rows();
    gateway.sandbox
      .provider('octopost')
      .putAccount('acc_joined', { username: 'joined.meanwhile', platform: 'instagram' });
    await gateway.sweep(connections.octopost ?? '');
    // The list tells of it, and moves no row by itself.
    await accounts.page.getByRole('button', { name: /changes? – refresh$/ }).waitFor();
    expect(await rows()).toEqual(before);
    await press(accounts.page, /changes? – refresh$/);
    await shown(accounts.page, 'joined.meanwhile');
    await page.getByLabel(/to confirm/).fill(String(total));
    await press(page, `Disconnect ${total} accounts`);
    await shown(page, 'The plan is another one than before: nothing has been disconnected');
    await shown(page, 'New: octopost:acc_joined');
    await page.getByRole('heading', { name: `Disconnect ${total + 1} accounts` }).waitFor();
    // What was typed was about another plan.
    expect(await page.getByLabel(/to confirm/).inputValue()).toBe('');
    expect(await page.getByRole('button', { name: /^Disconnect \d+/ }).isDisabled()).toBe(true);
    await page.getByLabel(/to confirm/).fill(String(total + 1));
    await press(page, `Disconnect ${total + 1} accounts`);
    await page.getByRole('link', { name: 'Receipt' }).waitFor();
    expect([faults, accounts.faults]).toEqual([[], []]);
    await page.close();
    await accounts.page.close();
  });

  test('approves what waits for an administrator, and retries what has failed', async () => {
    const refs = (await gateway.root.get('/v1/accounts?provider=outfame&status=active&limit=2'))
      .body.data as readonly { id: string; ref: string }[];
    const lost = await newKey({ name: 'lost' });
    const scheduled_at = new Date(clock.now().getTime() + HOUR_MS);
    const request = { account_ids: refs.map(({ ref }) => ref), scheduled_at };
    const { id } = (await gateway.with(lost.key).post('/v1/disconnects', request)).body.data;
    await gateway.root.delete(`/v1/keys/${lost.id}`);
    clock.advance(2 * HOUR_MS);
    await look();
    const refused = refs[1]?.ref.slice('outfame:'.length) ?? '';
    gateway.sandbox.provider('outfame').faults.add({
      kind: 'forbidden',
      method: 'DELETE',
      path: `/accounts/${refused}`,
      times: 1,
    });
    const { page, faults } = await open(`/disconnects/${id}`);
    await shown(page, 'Awaiting approval');
    await shown(page, 'waits for an administrator');
    await press(page, 'Approve …');
    const dialog = page.getByRole('dialog');
    const approve = dialog.getByRole('button', { name: 'Approve and run' });
    await dialog.getByLabel('Type 2 to confirm').fill('3');
    expect(await approve.isDisabled()).toBe(true);
    await dialog.getByLabel('Type 2 to confirm').fill('2');
    await approve.click();
    await dialog.waitFor({ state: 'hidden' });
    await waitFor('it to be started', async () => {
      await look();
      return (await first(`/v1/disconnects?requested_by=${lost.id}`))?.state === 'partial';
    });
    await press(page, 'Retry 1 failed');
    await shown(page, 'Succeeded');
    await page.getByRole('link', { name: 'Receipt' }).waitFor();
    await page.getByText('2 succeeded').waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test('is told on every page of a provider that does not answer, and when it does again', async () => {
    const { page, faults } = await open('/profiles');
    const banner = page.getByText(/CreatorAudit is (degraded|down)/);
    expect(await banner.count()).toBe(0);
    const provider = gateway.sandbox.provider('creatoraudit');
    provider.faults.add({ kind: 'down' });
    const condition = async () => {
      await gateway.sweep(connections.creatoraudit ?? '');
      return (await gateway.root.get('/v1/providers/creatoraudit')).body.data.state.status;
    };
    await waitFor('the provider to be down', condition, { until: (is) => is !== 'operational' });
    await page.reload();
    await banner.waitFor();
    await page.getByRole('link', { name: 'Details' }).click();
    await page.getByRole('heading', { name: 'CreatorAudit' }).waitFor();
    await banner.waitFor();
    provider.faults.clear();
    await waitFor('the provider to be back', condition, { until: (is) => is === 'operational' });
    await page.reload();
    await settled(page);
    await banner.waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
    await page.close();
  });
});

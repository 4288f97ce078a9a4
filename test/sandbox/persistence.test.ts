import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../../sandbox/index.js';
import { afterEach, beforeEach, expect, it } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import { callerOf, items } from './caller.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('makes the folder of its file', async () => {
  const stateFile = join(folder, 'data', 'sandbox', 'state.json');
  const sandbox = await startSandbox({ port: 0, stateFile });
  const { status } = await callerOf(sandbox, 'octopost')('DELETE', '/accounts/acc_abc123');
  await sandbox.close();
  expect([status, readdirSync(join(folder, 'data', 'sandbox'))]).toEqual([204, ['state.json']]);
});

it('keeps deletes, pauses, creations and the key over a restart, and nothing but them in its file', async () => {
  const stateFile = join(folder, 'state.json');
  const settings = { port: 0, accounts: 10_000, stateFile };
  const first = await startSandbox(settings);
  const outfame = callerOf(first, 'outfame');
  const made = await outfame('POST', '/accounts', {
    body: { instagram_username: 'newhandle', platform: 'instagram' },
  });
  await outfame('DELETE', '/accounts/acc_S000004999');
  await outfame('POST', '/engagement/pause', { body: { account_id: 'acc_7Gx2kLm9Qr' } });
  await callerOf(first, 'octopost')('DELETE', '/accounts/acc_abc123');
  first.provider('octopost').setKey('oct_test_next');
  await first.close();
  expect(readdirSync(folder)).toEqual(['state.json']);
  expect(readFileSync(stateFile).length).toBeLessThan(3_000);

  const second = await startSandbox(settings);
  const again = callerOf(second, 'outfame');
  expect((await again('GET', `/accounts/${made.json.id}`)).json.instagram_username).toBe(
    'newhandle',
  );
  expect((await again('GET', '/accounts/acc_S000004999')).status).toBe(404);
  expect((await again('GET', '/accounts/acc_7Gx2kLm9Qr')).json).toMatchObject({
    status: 'paused',
    followers_count: 14832,
  });
  expect(second.provider('outfame').counts().accounts).toBe(5_012);
  expect(second.apiKey('octopost')).toBe('oct_test_next');
  expect(items(await callerOf(second, 'octopost')('GET', '/accounts'), 'accounts')).toHaveLength(
    11,
  );
  second.reset();
  await second.close();

  const third = await startSandbox(settings);
  expect((await callerOf(third, 'outfame')('GET', '/accounts/acc_S000004999')).status).toBe(200);
  await third.close();
});

it('finishes the validation of a new account that a restart interrupted', async () => {
  const stateFile = join(folder, 'state.json');
  const first = await startSandbox({ port: 0, stateFile });
  first.provider('outfame').changeSettings({ setup_ms: 30 });
  const body = { instagram_username: 'newhandle', platform: 'instagram' };
  const { json } = await callerOf(first, 'outfame')('POST', '/accounts', { body });
  await first.close();
  const second = await startSandbox({ port: 0, stateFile });
  await waitFor(
    'the account to be validated',
    () => second.provider('outfame').account(String(json.id))?.status,
    { until: (status) => status === 'active' },
  );
  await second.close();
});

it('drops changes to generated accounts that are no longer made', async () => {
  const stateFile = join(folder, 'state.json');
  const first = await startSandbox({ port: 0, accounts: 100, stateFile });
  first.provider('outfame').putAccount('acc_S000000040', { status: 'paused' });
  await first.close();
  const second = await startSandbox({ port: 0, stateFile });
  expect(second.provider('outfame').counts().accounts).toBe(12);
  await second.close();
});

it('refuses to start on a file it cannot read, naming it', async () => {
  const stateFile = join(folder, 'state.json');
  writeFileSync(stateFile, '{"outfame": 7}');
  await expect(startSandbox({ port: 0, stateFile })).rejects.toThrow(stateFile);
});

it('refuses a port that is taken', async () => {
  const first = await startSandbox({ port: 0 });
  await expect(startSandbox({ port: Number(new URL(first.url).port) })).rejects.toThrow(
    /EADDRINUSE/,
  );
  await first.close();
});

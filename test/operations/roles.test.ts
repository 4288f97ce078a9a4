import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type GatewayProcess, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

const ACCOUNT = '/v1/accounts/outfame:acc_7Gx2kLm9Qr';

describe('two processes over one database, one to serve and one to work', () => {
  let folder: string;
  let sandbox: Sandbox;
  let api: GatewayProcess;
  let worker: GatewayProcess | undefined;
  beforeAll(async () => {
    folder = await makeFolder();
    sandbox = await startSandbox({ port: 0 });
    api = await start('api', { SWEEP_INTERVAL_SECONDS: '600' });
  });
  afterAll(async () => {
    await Promise.all([api, worker].map((gateway) => gateway?.end('SIGTERM')));
    await sandbox?.close();
    await removeFolder(folder);
  });

  const start = (role: string, more: Record<string, string> = {}) =>
    startProcess({
      ROLE: role,
      DATA_DIR: folder,
      OUTFAME_API_KEY: sandbox.apiKey('outfame'),
      OUTFAME_BASE_URL: sandbox.baseUrl('outfame'),
      ...more,
    });
  const calls = () => sandbox.provider('outfame').counts().by_operation;
  const connection = async () => (await api.root.get('/v1/connections')).body.data[0];

  test('the first sweeps nothing by itself: its sweep waits', async () => {
    const { id } = await connection();
    const sweeps = await api.root.get(`/v1/connections/${id}/sweeps`);
    const states = sweeps.body.data.map(({ state }: { state: string }) => state);
    expect(states.every((state: string) => state === 'queued')).toBe(true);
    expect(calls()).toEqual({});
  });

  test('what it accepts the second one does', async () => {
    worker = await start('worker');
    await waitFor('the account to be imported', async () => (await api.root.get(ACCOUNT)).status, {
      until: (status) => status === 200,
    });
    const accepted = await api.root.delete(ACCOUNT, { Prefer: 'respond-async' });
    expect(accepted.status).toBe(202);
    await waitFor(
      'the disconnect to succeed',
      async () => (await api.root.get(`/v1/disconnects/${accepted.body.data.id}`)).body.data.state,
      { until: (state) => state === 'succeeded' },
    );
  });

  test('the second one serves what it takes to watch it, and no more', async () => {
    const statuses = async (gateway: GatewayProcess | undefined) =>
      Promise.all(
        ['/livez', '/readyz', '/metrics', '/v1/whoami', '/openapi.json', '/docs/'].map(
          async (path) => (await gateway?.root.get(path))?.status,
        ),
      );
    expect(await statuses(worker)).toEqual([200, 200, 200, 404, 404, 404]);
    expect(await statuses(api)).toEqual([200, 200, 200, 200, 200, 200]);
  });

  test('SWEEP_INTERVAL_SECONDS takes effect on connections that exist, where it is set', async () => {
    expect((await connection()).sweep_interval_seconds).toBe(600);
    await worker?.end('SIGTERM');
    worker = await start('worker', { SWEEP_INTERVAL_SECONDS: '60' });
    const { sweep_interval_seconds, next_sweep_at } = await connection();
    expect(sweep_interval_seconds).toBe(60);
    expect(Date.parse(next_sweep_at)).toBeLessThan(Date.now() + 70_000);
  });
});

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PROVIDER_NAMES } from '../../sandbox/index.js';
import { findHome } from '../../src/database/embedded/home.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import {
  type GatewayProcess,
  ROOT_KEY,
  run,
  SECRET,
  startProcess,
} from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { openSocket } from '../support/raw-socket.js';
import { countSeeded } from '../support/seeded.js';
import { waitFor } from '../support/wait.js';

let folder: string;
let seeded: number;
beforeAll(async () => {
  folder = await makeFolder();
  seeded = await countSeeded();
});
afterAll(() => removeFolder(folder));

/** Whether a server still holds the cluster of a data folder. */
async function isServed(dataDir: string): Promise<boolean> {
  const home = await findHome(dataDir, () => undefined);
  return existsSync(join(home.folder, 'cluster', 'postmaster.pid'));
}

describe('a start that cannot be', () => {
  const embedded = () => ({ DATA_DIR: join(folder, 'never') });
  const remote = (url: string) => ({ DATABASE_URL: url, ROLLCALL_SECRET: SECRET });

  test.each([
    ['PORT', { PORT: 'abc' }],
    ['PORT', { PORT: '70000' }],
    ['SWEEP_INTERVAL_SECONDS', { SWEEP_INTERVAL_SECONDS: '1' }],
    ['SANDBOX', { SANDBOX: 'maybe' }],
    ['SANDBOX_ACCOUNTS', { SANDBOX_ACCOUNTS: '-1' }],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }],
    ['ROLLCALL_SECRET', { ROLLCALL_SECRET: 'c2hvcnQ=' }],
    ['ROLLCALL_PREVIOUS_SECRETS', { ROLLCALL_PREVIOUS_SECRETS: `${SECRET},c2hvcnQ=` }],
    ['OUTFAME_BASE_URL', { OUTFAME_API_KEY: 'k', OUTFAME_BASE_URL: 'ftp://127.0.0.1/v1' }],
    ['ROLLCALL_ROOT_KEY', { ROLLCALL_ROOT_KEY: 'rc_hello' }],
    ['ROLLCALL_SECRET', { DATABASE_URL: 'postgresql://gateway:hunter2@127.0.0.1:1/rollcall' }],
    ['DATABASE_URL', { ...remote('mysql://gateway:hunter2@127.0.0.1:1/rollcall') }],
    ['DATABASE_URL', { ...remote('postgresql://gateway:hunter2@127.0.0.1:1/rollcall') }],
    ['DATABASE_URL', { ...remote('postgresql://gateway:hunter2@no-such-host.invalid/rollcall') }],
  ])('names %s in one line, shows no secret, and exits with 1 (%j)', async (name, variables) => {
    const { code, errors } = await run({ ...embedded(), ...variables }).ended();
    expect(code).toBe(1);
    expect(errors).toMatch(new RegExp(`^${name}[^\\n]+\\n$`));
    expect(errors).not.toMatch(/hunter2|rc_hello|c2hvcnQ/);
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });

  test('says which port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const dataDir = join(folder, 'port');
    const { code, errors } = await run({ DATA_DIR: dataDir, PORT: String(port) }).ended();
    server.close();
    expect([code, errors]).toEqual([
      1,
      `PORT: ${port} is in use on 127.0.0.1. Stop the process that uses it, or set another port.\n`,
    ]);
    expect(await isServed(dataDir)).toBe(false);
  });

  test('says which data folder it cannot use', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'no folder');
    const locked = join(folder, 'locked');
    await mkdir(locked, { mode: 0o700 });
    await writeFile(join(locked, 'secret'), 'not 32 bytes');
    for (const dataDir of [file, join(file, 'below'), locked]) {
      const { code, errors } = await run({ DATA_DIR: dataDir }).ended();
      expect(code).toBe(1);
      expect(errors).toMatch(/^DATA_DIR[^\n]+\n$/);
      expect(errors).toContain(file === dataDir || dataDir.startsWith(file) ? file : locked);
    }
  });

  test.each([
    ['before it listens to signals, by the system', '', { code: null, signal: 'SIGINT' }],
    ['while it makes its database', 'Creating the database', { code: 0, signal: null }],
    ['when its database is ready', 'Migrated the database', { code: 0, signal: null }],
  ])('is ended by a signal %s, and leaves nothing running', async (_when, printed, ending) => {
    const dataDir = await makeFolder();
    const { child, output, ended } = run({ DATA_DIR: dataDir });
    if (printed !== '')
      await waitFor(`"${printed}"`, output, { until: (text) => text.includes(printed) });
    child.kill('SIGINT');
    expect(await ended()).toMatchObject({
      ...ending,
      errors: '',
    });
    expect(await isServed(dataDir)).toBe(false);
    await removeFolder(dataDir);
  });
});

describe('a start with nothing but a folder', () => {
  let gateway: GatewayProcess;
  let dataDir: string;
  beforeAll(async () => {
    dataDir = join(folder, 'data');
    gateway = await startProcess({ DATA_DIR: dataDir });
  });

  test('shows accounts of all providers at once', async () => {
    expect(gateway.output()).toContain(`Sandbox: ${PROVIDER_NAMES.length} simulated providers`);
    const { body } = await gateway.root.get('/v1/accounts?limit=200&include_total=true');
    expect(body.pagination.total_count).toBe(seeded);
    expect(new Set(body.data.map(({ provider }: { provider: string }) => provider))).toEqual(
      new Set(PROVIDER_NAMES),
    );
    expect((await gateway.root.get('/readyz')).status).toBe(200);
    expect(gateway.output()).not.toContain(ROOT_KEY);
  });

  test('keeps its secret to itself', async () => {
    expect(await readdir(dataDir)).toContain('secret');
    const { mode } = await stat(join(dataDir, 'secret'));
    expect(mode & 0o777).toBe(0o600);
  });

  test('shares its folder with a second process, which outlives it', async () => {
    const second = await startProcess({ DATA_DIR: dataDir, DRAIN_SECONDS: '600' });
    const ids = async (process: GatewayProcess) =>
      (await process.root.get('/v1/accounts?limit=200')).body.data.map(
        ({ id }: { id: string }) => id,
      );
    expect(await ids(second)).toEqual(await ids(gateway));
    expect((await gateway.end('SIGKILL')).signal).toBe('SIGKILL');
    expect((await ids(second)).length).toBe(seeded);
    gateway = second;
  });

  test('on SIGTERM shows 503 in readyz and serves requests on; at SIGINT, or after DRAIN_SECONDS, finishes what is under way and exits with 0', async () => {
    const sandbox = /providers on (http\S+),/.exec(gateway.output())?.[1];
    const fault = { kind: 'slow', delay_ms: 1500, path: '/accounts/*' };
    await fetch(`${sandbox}/control/outfame/faults`, {
      method: 'POST',
      body: JSON.stringify(fault),
    });
    const underWay = gateway.root.post('/v1/accounts/outfame:acc_7Gx2kLm9Qr/probe');
    await waitFor('the provider to be asked', async () => {
      const counts = (await (await fetch(`${sandbox}/control/outfame`)).json()) as {
        by_operation: Record<string, number>;
      };
      return counts.by_operation['GET /accounts/{id}'] === 1;
    });
    const ended = gateway.end('SIGTERM');
    await waitFor('it to be not ready', async () => (await gateway.root.get('/readyz')).status, {
      until: (status) => status === 503,
    });
    expect((await gateway.root.get('/livez')).status).toBe(200);
    const served = await gateway.root.post('/v1/keys', { name: 'late', scopes: ['read'] });
    expect([served.status, served.headers.get('connection')]).toEqual([201, 'close']);
    process.kill(gateway.pid, 'SIGINT');
    const probed = await underWay;
    expect([probed.status, probed.headers.get('connection')]).toEqual([200, 'close']);
    expect(await ended).toMatchObject({ code: 0, errors: '' });
    expect(await isServed(dataDir)).toBe(false);
  });

  test('starts a second time with what it had', async () => {
    gateway = await startProcess({ DATA_DIR: dataDir });
    expect((await gateway.root.get('/v1/accounts?limit=200')).body.data).toHaveLength(seeded);
  });

  test('is held up by no caller who listens, sends slowly or does not read', async () => {
    const head = (request: string) =>
      `${request} HTTP/1.1\r\nHost: rollcall\r\nAuthorization: Bearer ${ROOT_KEY}\r\n`;
    const listening = await openSocket(gateway.url);
    listening.socket.write(`${head('GET /v1/events/stream')}\r\n`);
    await once(listening.socket, 'data');
    const deaf = await openSocket(gateway.url);
    deaf.socket.pause().write(`${head('GET /openapi.json')}\r\n`.repeat(200));
    const slowHead = await openSocket(gateway.url);
    slowHead.socket.write('GET /livez HTTP/1.1\r\n');
    const slowBody = await openSocket(gateway.url);
    slowBody.socket.write(
      `${head('POST /v1/teams')}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
    );
    // A terminal and npm may both pass one Ctrl-C on.
    process.kill(gateway.pid, 'SIGINT');
    expect(await gateway.end('SIGINT')).toMatchObject({ code: 0, errors: '' });
    deaf.socket.destroy();
  });

  test('does not start beside its database with another secret, or with none: no new one is made', async () => {
    const wrong = await run({ DATA_DIR: dataDir, ROLLCALL_SECRET: SECRET }).ended();
    expect(wrong.code).toBe(1);
    expect(wrong.errors).toMatch(
      /^ROLLCALL_SECRET: [^\n]+ encrypted with another secret [^\n]+\n$/,
    );
    await rename(join(dataDir, 'secret'), join(dataDir, 'away'));
    const lost = await run({ DATA_DIR: dataDir }).ended();
    expect(lost.code).toBe(1);
    expect(lost.errors).toMatch(
      /^DATA_DIR: \S+secret is missing, and the database was used [^\n]+\n$/,
    );
    expect(await readdir(dataDir)).not.toContain('secret');
    expect(await isServed(dataDir)).toBe(false);
  });
});

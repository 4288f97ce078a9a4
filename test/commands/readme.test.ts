import { readFileSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROVIDER_NAMES } from '../../sandbox/index.js';
import { checkout } from '../support/checkout.js';
import { type Clone, cloneCheckout, type Running } from '../support/clone.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { findFreePort } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

/** The first of them starts the gateway; the others show more requests. */
const DOCUMENTS = ['README.md', 'docs/api.md', 'docs/profiles.md', 'docs/operations/rotation.md'];
const commands = DOCUMENTS.flatMap((file) => [
  ...readFileSync(join(checkout, file), 'utf8').matchAll(/```sh\n(.*?)```/gs),
]).map(([, block = '']) => block.trim());
const requests = commands.filter((command) => command.startsWith('curl'));

let clone: Clone;
beforeAll(async () => {
  clone = await cloneCheckout();
});
afterAll(() => clone.remove());

describe('npm start on a fresh clone', () => {
  let port: number;
  let gateway: Running;
  let key: string;
  const quiet = () => ({ PORT: String(port), LOG_LEVEL: 'error', DRAIN_SECONDS: '0' });

  beforeAll(async () => {
    port = await findFreePort();
    gateway = clone.start('npm start', quiet());
    await gateway.prints(/Root key: in \S+[\s\S]*curl .*\n/);
    const [, print = ''] = /^export ROLLCALL_KEY=(.*)$/m.exec(commands.join('\n')) ?? [];
    key = (await clone.run(`echo ${print}`)).trim();
  });

  test('prints a request that answers with accounts of all providers', async () => {
    const [, request = ''] = await gateway.prints(/^\s+(curl .*)$/m);
    expect(JSON.parse(await clone.run(request)).data).not.toHaveLength(0);
    // The first page may be without those that were there first.
    const all = request.replace('/v1/accounts', '/v1/accounts?limit=200');
    const { data } = JSON.parse(await clone.run(all));
    const told = new Set(data.map(({ provider }: { provider: string }) => provider));
    expect(told).toEqual(new Set(PROVIDER_NAMES));
  });

  test('prints a link that signs in to the console, once', async () => {
    const [, console = '', link = ''] = await gateway.prints(/(http:\S+)\/#sign-in=(\S+)/);
    expect(await (await fetch(console)).text()).toContain('<div id="root">');
    const use = () =>
      fetch(`${console}/console/session`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ link }),
      });
    const used = await use();
    const Cookie = used.headers.get('set-cookie')?.split(';')[0] ?? '';
    const accounts = await fetch(`${console}/v1/accounts`, { headers: { Cookie } });
    expect(JSON.parse(await accounts.text()).data).not.toHaveLength(0);
    expect((await use()).status).toBe(401);
  });

  test('says nothing of the key but where it is, as output is collected', async () => {
    expect(key).toMatch(/^rc_\w{63}$/);
    expect(gateway.output()).not.toContain('rc_');
    const { mode } = await stat(join(clone.folder, 'data', 'root-key'));
    expect(mode & 0o777).toBe(0o600);
  });

  test.each(requests)('and the documents are right: %s', async (request) => {
    const sandbox = /on (http:\S+),/.exec(gateway.output())?.[1];
    const here = request
      .replace('http://127.0.0.1:3000', `http://127.0.0.1:${port}`)
      .replace(
        '"api_key": "oct_live_…"}',
        `"api_key": "oct_test_sandbox000000"}, "base_url": "${sandbox}/octopost/v1"`,
      );
    const ask = async () => JSON.parse(await clone.run(here, { ROLLCALL_KEY: key }));
    // Findings come up to 15 seconds after the accounts.
    const answer = await waitFor(`something in the answer to ${request}`, ask, {
      everyMs: 1_000,
      until: ({ data }) => data?.length !== 0,
    });
    expect(answer).toHaveProperty('data');
  });

  test('npx rollcall and npm run rollcall are the command line', async () => {
    const variables = { ROLLCALL_URL: `http://127.0.0.1:${port}`, ROLLCALL_API_KEY: key };
    expect(await clone.run('npx rollcall whoami --jq .key.name', variables)).toBe('root\n');
    const script = 'npm run --silent rollcall -- whoami --jq .key.name';
    expect(await clone.run(script, variables)).toBe('root\n');
    expect(await clone.run('npm run --silent rollcall -- completion bash')).toContain('complete ');
  });

  test('npm run verify-receipt verifies the receipt of a finished disconnect', async () => {
    const headers = { Authorization: `Bearer ${key}` };
    const get = async (path: string) =>
      (await fetch(`http://127.0.0.1:${port}${path}`, { headers })).text();
    const { data } = JSON.parse(await get('/v1/disconnects?state=succeeded'));
    await writeFile(
      join(clone.folder, 'receipt.json'),
      await get(`/v1/disconnects/${data[0].id}/receipt`),
    );
    await writeFile(join(clone.folder, 'keys.json'), await get('/.well-known/rollcall.json'));
    expect(await clone.run('npm run --silent verify-receipt -- receipt.json keys.json')).toContain(
      `Verified: the receipt of ${data[0].id}`,
    );
  });

  test('SIGTERM to npm stops everything it started, with exit code 0', async () => {
    expect(await gateway.end('SIGTERM')).toBe(0);
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
  });

  test('starts again on the same data, and SIGINT stops it too', async () => {
    const again = clone.start('npm start', quiet());
    await again.prints(/curl .*\$\(cat /);
    const answer = await fetch(`http://127.0.0.1:${port}/v1/whoami`, {
      headers: { Authorization: `Bearer ${key}` },
    });
    expect(answer.status).toBe(200);
    expect(await again.end('SIGINT')).toBe(0);
  });

  test('with another ROLLCALL_ROOT_KEY ends the key of the first start, and its file', async () => {
    const given = (await clone.run('npm run --silent root-key')).trim();
    const again = clone.start('npm start', { ...quiet(), ROLLCALL_ROOT_KEY: given });
    await again.prints(/Root key: is ROLLCALL_ROOT_KEY[\s\S]*curl .*\$ROLLCALL_KEY/);
    const statusOf = async (bearer: string) => {
      const headers = { Authorization: `Bearer ${bearer}` };
      return (await fetch(`http://127.0.0.1:${port}/v1/whoami`, { headers })).status;
    };
    expect([await statusOf(key), await statusOf(given)]).toEqual([401, 200]);
    await expect(stat(join(clone.folder, 'data', 'root-key'))).rejects.toThrow('ENOENT');
    expect(again.output()).not.toContain('rc_');
    expect(await again.end('SIGINT')).toBe(0);
  });

  test('npm run migrate finds nothing to do after a start', async () => {
    expect(await clone.run('npm run --silent migrate')).toBe('No migration was pending.\n');
  });

  test('npm run archive-audit finds nothing old to archive', async () => {
    const said = await clone.run('npm run --silent archive-audit -- 2020-01-01 audit.jsonl');
    expect(said).toMatch(/^No audit entry is from before 2020-01-01/);
  });

  test('npm run verify-audit finds the audit log whole', async () => {
    expect(await clone.run('npm run --silent verify-audit')).toMatch(
      /^Verified: \d+ audit entries [\s\S]+End of the chain, to be noted elsewhere: \d+:[0-9a-f]{64}\n$/,
    );
  });

  test('npm run rebuild-profiles finds every account in its profile', async () => {
    expect(await clone.run('npm run --silent rebuild-profiles')).toMatch(
      /^Decided on \d+ connected accounts: they are in \d+ profiles\.\nEvery account was already in its profile\.\n$/,
    );
  });

  test('npm run rotate-secret replaces the secret as its document says', async () => {
    const [prepared = '', command = ''] =
      commands.find((block) => block.includes('rotate-secret'))?.split(/\n(?=ROLLCALL_PREVIOUS)/) ??
      [];
    await clone.run(prepared);
    expect(await clone.run(command)).toMatch(/Encrypted \d+ values again/);
    expect(await clone.run('npm run --silent rotate-secret')).toMatch(/Encrypted 0 values again/);
    const again = clone.start('npm start', quiet());
    await again.prints(/curl .*ROLLCALL_KEY/);
    expect(await again.end('SIGTERM')).toBe(0);
  });
});

describe('the other commands of the README', () => {
  test('npm run sandbox runs until it is stopped', async () => {
    const sandbox = clone.start('npm run sandbox', { SANDBOX_PORT: String(await findFreePort()) });
    const [url] = await sandbox.prints(/http:\/\/127\.0\.0\.1:\d+\/octopost\/v1/);
    expect((await fetch(`${url}/accounts`)).status).toBe(401);
    expect(await sandbox.end('SIGTERM')).toBe(0);
  });

  test('npm run test:fast knows its tests', async () => {
    const files = await clone.run('npm run --silent test:fast -- --listTests');
    expect(files).toContain('test/contract');
    expect(files).not.toContain('test/workflows/crash');
  });

  test('npm run test:node names the releases that it runs the fast tests on', async () => {
    expect(await clone.run('npm run --silent test:node -- --list')).toMatch(/^\d+( \d+)+$/m);
  });

  test('npm run migration finds nothing to migrate', async () => {
    expect(await clone.run('npm run --silent migration -- nothing')).toContain(
      'The migrations already match the schema.',
    );
  });
});

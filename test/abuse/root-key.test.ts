import { execFile } from 'node:child_process';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newId } from '../../src/lib/ids.js';
import { makeKey } from '../../src/teams/key-format.js';
import { RootKeyFile } from '../../src/teams/root-key-file.js';
import type { Client } from '../support/client.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let folder: string;
beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => removeFolder(folder));

describe('the root key that a first start makes', () => {
  const fileIn = (name: string) => new RootKeyFile(join(folder, name), async () => 'live');

  test('is in a file that only its owner can read', async () => {
    const file = fileIn("it's data");
    const [key, another] = [makeKey(newId('key')), makeKey(newId('key'))];
    await file.keep(another);
    await file.keep(key);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    const { shell } = await file.describe(undefined, undefined, false);
    const { stdout } = await promisify(execFile)('sh', ['-c', `echo "${shell}"`]);
    expect(stdout).toBe(`${key}\n`);
  });

  test('is shown to a terminal, once', async () => {
    const file = fileIn('shown');
    const key = makeKey(newId('key'));
    await file.keep(key);
    expect((await file.describe(undefined, key, true)).where).toContain(key);
    for (const words of [
      await file.describe(undefined, key, false),
      await file.describe(undefined, undefined, true),
    ])
      expect(JSON.stringify(words)).not.toContain(key);
  });

  test('does not exist where its file cannot be written', async () => {
    await writeFile(join(folder, 'occupied'), '');
    const gateway = await startGateway();
    await gateway.database.prisma.apiKey.deleteMany();
    const made = gateway.app.teams.prepare(undefined, (key) => fileIn('occupied').keep(key));
    await expect(made).rejects.toThrow(/^DATA_DIR: cannot write the new root key/);
    expect(await gateway.database.prisma.apiKey.count()).toBe(0);
    await gateway.stop();
  });
});

describe('another ROLLCALL_ROOT_KEY', () => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.stop());
  const isLive = async (client: Client) => (await client.get('/v1/whoami')).status === 200;

  test('ends the former one on every replica, and nobody else’s key', async () => {
    const { client } = await gateway.newTeam('tenant');
    const keys = [1, 2].map(() => makeKey(newId('key')));
    const [first, second] = keys.map((key) => gateway.with(key)) as [Client, Client];
    await gateway.app.teams.prepare(keys[0]);
    expect([await isLive(gateway.root), await isLive(first)]).toEqual([false, true]);
    await gateway.app.teams.prepare(keys[0]);
    await gateway.app.teams.prepare(undefined);
    expect(await isLive(first)).toBe(true);
    await gateway.app.teams.prepare(keys[1]);
    expect([await isLive(first), await isLive(second)]).toEqual([false, true]);
    expect(await isLive(client)).toBe(true);
    // A replica that still has the former one in its environment does not bring it back.
    await expect(gateway.app.teams.prepare(keys[0])).rejects.toThrow(/^ROLLCALL_ROOT_KEY/);
    await expect(gateway.app.teams.prepare(client.key)).rejects.toThrow(/^ROLLCALL_ROOT_KEY/);
    expect([await isLive(first), await isLive(second)]).toEqual([false, true]);
    const { data } = (await second.get('/v1/audit?action=key.revoked')).body;
    expect(data).toMatchObject([
      { actor: null, target: { id: `key_${keys[0]?.split('_')[1]}` } },
      { actor: null },
    ]);
  });
  test('ends the file of the former one, and not that of another database', async () => {
    const keys = ['ours', 'theirs', 'next'].map(() => makeKey(newId('key')));
    const [ours, theirs] = ['ours', 'theirs'].map(
      (name) => new RootKeyFile(join(folder, name), (key) => gateway.app.teams.standingOf(key)),
    ) as [RootKeyFile, RootKeyFile];
    const shells = async () => {
      const files = [ours, theirs];
      await Promise.all(files.map((file) => file.removeEnded()));
      const words = await Promise.all(files.map((file) => file.describe(keys[2], undefined, true)));
      return words.map(({ shell }) => shell);
    };
    await ours.keep(`${keys[0]}`);
    await theirs.keep(`${keys[1]}`);
    await gateway.app.teams.prepare(keys[0]);
    expect(await shells()).toEqual([`$(cat '${ours.path}')`, '$ROLLCALL_KEY']);
    await gateway.app.teams.prepare(keys[2]);
    expect(await shells()).toEqual(['$ROLLCALL_KEY', '$ROLLCALL_KEY']);
    await expect(stat(ours.path)).rejects.toThrow('ENOENT');
    expect(await readFile(theirs.path, 'utf8')).toBe(`${keys[1]}\n`);
  });
});

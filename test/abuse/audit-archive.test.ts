import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readArchive } from '../../src/audit/index.js';
import { archiveAudit } from '../../src/cli/archive-audit.js';
import { verifyAudit } from '../../src/cli/verify-audit.js';
import type { DatabaseConnection } from '../../src/database/index.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type Gateway, SECRET, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';

const DAY_MS = 86_400_000;
const clock = shiftedClock();
let gateway: Gateway;
let folder: string;
beforeAll(async () => {
  gateway = await startGateway({ clock });
  folder = await makeFolder();
});
afterAll(async () => {
  await gateway?.stop();
  await removeFolder(folder);
});

const urlOf = ({ host = '', user, database }: DatabaseConnection) =>
  `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;

const settings = ({ asOwner = true } = {}) => ({
  databaseUrl: urlOf(gateway.connection),
  migrateUrl: asOwner ? urlOf(gateway.owner) : undefined,
  dataDir: '',
  secret: SECRET,
  previousSecrets: [],
});

async function archive(date: string, name: string, how?: { asOwner: boolean }) {
  const { exitCode, lines } = await archiveAudit(settings(how), [date, join(folder, name)]);
  return { exitCode, said: lines.join('\n') };
}

async function verify(...notes: string[]) {
  const { exitCode, lines } = await verifyAudit(settings(), notes);
  return { exitCode, said: lines.join('\n') };
}

const today = () => new Date(clock.now().getTime()).toISOString().slice(0, 10);
const endIn = (said: string) => /(\d+:[0-9a-f]{64})/.exec(said)?.[1] ?? '';

/** Writes entries and seals them. @returns the end of the chain */
async function write(entries: number): Promise<string> {
  for (let number = 0; number < entries; number++)
    await gateway.root.post('/v1/keys', { name: `made ${number}`, scopes: ['read'] });
  expect(await gateway.app.recurringJobs.runNamed('audit.seal')).toBe(true);
  return endIn((await verify()).said);
}

const names = async () =>
  (await gateway.root.get('/v1/audit?limit=200')).body.data.map(
    ({ id }: { id: string }) => id,
  ) as string[];

test('old entries move into a file, and what is left is verified with a signed beginning', async () => {
  expect(await archive(today(), 'none')).toMatchObject({
    exitCode: 0,
    said: expect.stringMatching(/^No audit entry/),
  });
  const first = await write(4);
  const old = await names();
  clock.advance(3 * DAY_MS);
  const second = await write(3);
  const all = await names();

  const { exitCode, said } = await archive(today(), 'first');
  expect({ exitCode, said }).toMatchObject({ exitCode: 0, said: expect.stringContaining(first) });
  expect(said).toContain(`Moved ${old.length} audit entries`);
  expect(await names()).toEqual(all.filter((id) => !old.includes(id)));
  const text = await readFile(join(folder, 'first'), 'utf8');
  for (const id of old) expect(text).toContain(id);
  expect((await readArchive(join(folder, 'first'))).position).toBe(old.length);
  expect((await verify(second, first)).exitCode).toBe(0);

  // The chain goes on, and into the next archive; the last entry always stays.
  clock.advance(2 * DAY_MS);
  const third = await write(2);
  clock.advance(2 * DAY_MS);
  expect((await archive(today(), 'second')).exitCode).toBe(0);
  expect(await names()).toHaveLength(1);
  const [line = ''] = (await readFile(join(folder, 'second'), 'utf8')).split('\n');
  const { position, hash } = JSON.parse(line);
  expect(`${position}:${hash}`).toBe(first);
  expect((await verify(third)).exitCode).toBe(0);
  expect(await verify(second)).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('in an archive'),
  });
  await write(1);
  expect((await verify(third)).exitCode).toBe(0);
});

test('a beginning that nobody signed shows, and so does an archive that was changed', async () => {
  await gateway.asOwner('CREATE TABLE kept AS TABLE audit_anchor');
  await gateway.asOwner('UPDATE audit_anchor SET at = at + $$1 s$$');
  expect(await verify()).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('The beginning of the chain is not signed'),
  });
  await gateway.asOwner('DELETE FROM audit_anchor');
  expect(await verify()).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('of the chain are missing'),
  });
  expect(await archive('2099-01-01', 'refused')).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('could not be verified'),
  });
  await gateway.asOwner('INSERT INTO audit_anchor TABLE kept; DROP TABLE kept');
  expect((await verify()).exitCode).toBe(0);

  const path = join(folder, 'first');
  await writeFile(path, (await readFile(path, 'utf8')).replace('made 1', 'made 9'));
  await expect(readArchive(path)).rejects.toThrow('is not as it was sealed');
});

test('takes a day, a new file and the owner of the tables', async () => {
  const usage = { exitCode: 2, said: expect.stringContaining('Usage:') };
  expect(await archive('yesterday', 'x')).toMatchObject(usage);
  expect(await archive('2026-02-30', 'x')).toMatchObject(usage);
  await write(2);
  expect(await archive('2099-01-01', 'first')).toMatchObject(usage);
  const before = await names();
  expect(await archive('2099-01-01', 'third', { asOwner: false })).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('ROLLCALL_MIGRATE_URL'),
  });
  expect(await names()).toEqual(before);
  expect((await verify()).exitCode).toBe(0);
});

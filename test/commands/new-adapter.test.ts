import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clone, cloneCheckout } from '../support/clone.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { testResults } from './test-results.js';

/*
 * The way of a new provider, command by command. That every command prepares a fresh clone first is
 * shown with the README.
 */

let clone: Clone;
beforeAll(async () => {
  clone = await cloneCheckout({ isPrepared: true });
});
afterAll(() => clone.remove());

test('npm run new:adapter makes an adapter that lacks nothing but the addresses of its provider', async () => {
  const before = await clone.run('ls -A . adapters src test');
  expect(await clone.run('npm run new:adapter acme')).toContain(
    'npm test -- test/contract -t acme',
  );
  const after = await clone.run('ls -A . adapters src test');
  expect(after.replace('acme\n', '')).toBe(before);
  expect(
    (await testResults(clone, 'npm test -- test/contract/declaration -t acme')).failed,
  ).toEqual([
    'acme: declaration its addresses are those of a real provider, and a path can follow the base URL',
  ]);
});

test('the same name again, or one that is no word, leaves everything as it is', async () => {
  const before = readdirSync(join(clone.folder, 'adapters'));
  await expect(clone.run('npm run new:adapter acme')).rejects.toThrow('already exists');
  await expect(clone.run('npm run new:adapter ../x')).rejects.toThrow('one lower-case word');
  expect(readdirSync(join(clone.folder, 'adapters'))).toEqual(before);
});

test('with its addresses it passes the checks and the suite, and no other file changes for it', async () => {
  const file = join(clone.folder, 'adapters', 'acme', 'index.ts');
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('example.com', 'acme.dev'));
  await clone.run('npm run format');
  // What `npm run check` holds the whole checkout to.
  await clone.run('npx biome check adapters/acme');
  const types = { extends: './tsconfig.json', include: ['adapters/acme'] };
  writeFileSync(join(clone.folder, 'acme.json'), JSON.stringify(types));
  await clone.run('npx tsc --noEmit --incremental false -p acme.json');
  const { failed, passed } = await testResults(clone, 'npm test -- test/contract -t acme');
  expect(failed).toEqual([]);
  expect(passed.length).toBeGreaterThan(20);
});

test('npm run mock:adapter serves its fixtures, and npm run try:adapter reads them', async () => {
  // Asked the same, the usual case counts.
  const fixtures = join(clone.folder, 'adapters', 'acme', 'fixtures');
  const list = JSON.parse(readFileSync(join(fixtures, 'list.json'), 'utf8'));
  writeFileSync(
    join(fixtures, 'list.empty.json'),
    JSON.stringify({ ...list, body: { accounts: [] }, output: { items: [] } }),
  );
  const mock = clone.start('npm run mock:adapter acme -- --port 0');
  const [, address] = await mock.prints(/--base-url (\S+)/);
  const trial = `npm run --silent try:adapter acme -- --base-url ${address} --key key_0`;
  expect(await clone.run(trial)).toContain('acme: 1 accounts, 0 quarantined, 0 degraded fields');
  const asked = async (authorization?: string) => {
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await fetch(`${address}/accounts?limit=100`, { headers });
    return [answer.status, await answer.json()];
  };
  const refused = [401, { code: 'invalid_key', message: 'The key is not valid.' }];
  expect(await asked('Bearer other')).toMatchObject([200, { accounts: [{ id: 'a1' }] }]);
  expect(await asked()).toEqual(refused);
  expect(await asked('other')).toEqual(refused);
  expect(await mock.end('SIGTERM')).toBe(0);
  const faulty = clone.start('npm run mock:adapter acme -- --port 0 --fault invalid-key');
  const [, other] = await faulty.prints(/--base-url (\S+)/);
  await expect(
    clone.run(`npm run --silent try:adapter acme -- --base-url ${other} --key any`),
  ).rejects.toThrow('credential_rejected');
  expect(await faulty.end('SIGTERM')).toBe(0);
});

test('a name of tests that no test has is told, and fails', async () => {
  await expect(clone.run('npm test -- test/contract/declaration -t acmee')).rejects.toThrow(
    'No test ran',
  );
});

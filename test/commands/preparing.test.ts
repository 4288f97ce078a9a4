import { readFile, rm, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clone, cloneCheckout } from '../support/clone.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

/** What commands do before their work, while another one prepares the same checkout. */

const VERSION = /^\d+\.\d+\.\d+\n$/;
let clone: Clone;

beforeAll(async () => {
  clone = await cloneCheckout({ isPrepared: true });
  // As a process that lives and prepares it: this one.
  await symlink(String(process.pid), lock());
});
afterAll(() => clone.remove());

const lock = () => join(clone.folder, 'dist', '.preparing');

test('a command waits for nobody, and says nothing of it, where nothing is to be done', async () => {
  const said = clone.start('npm run --silent rollcall -- --version');
  await said.prints(/./);
  expect(said.output()).toMatch(VERSION);
});

test('one that has something to do waits, says so where errors go, and goes on then', async () => {
  await rm(join(clone.folder, 'dist', 'openapi.json'));
  const version = clone.run('npm run --silent rollcall -- --version 2>errors');
  const errors = () => readFile(join(clone.folder, 'errors'), 'utf8').catch(() => '');
  await waitFor('it to say that it waits', errors, {
    until: (said) => said.includes('(lock: dist/.preparing)'),
  });
  await unlink(lock());
  expect(await version).toMatch(VERSION);
  await readFile(join(clone.folder, 'dist', 'openapi.json'));
});

test('one that has something to do takes over from a process that is gone, whoever has its number', async () => {
  await rm(join(clone.folder, 'dist', 'openapi.json'));
  // No process starts with the machine's first tick but the first.
  await symlink(`${process.pid} 0`, lock());
  expect(await clone.run('npm run --silent rollcall -- --version')).toMatch(VERSION);
  await readFile(join(clone.folder, 'dist', 'openapi.json'));
});

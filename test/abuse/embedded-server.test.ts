import { spawn } from 'node:child_process';
import { chown, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { findBinaries } from '../../src/database/embedded/binaries.js';
import { findHome } from '../../src/database/embedded/home.js';
import { run, type SystemUser } from '../../src/database/embedded/process.js';
import { type EmbeddedDatabase, startEmbedded } from '../../src/database/index.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

/** Only root can run something as another user: without that the modes of the files must do. */
const isRoot = process.getuid?.() === 0;
/** `nobody`, as every system that has it numbers it. */
const NOBODY: SystemUser = { uid: 65_534, gid: 65_534 };
/** The lock by which processes share a server. */
const HOLD_LOCK = 7_025_118;

let dataDir: string;
let cluster: string;
const said: string[] = [];
beforeAll(async () => {
  dataDir = await makeFolder();
  cluster = join(dataDir, 'postgres', 'cluster');
});
afterAll(() => removeFolder(dataDir));

async function start(): Promise<EmbeddedDatabase> {
  return startEmbedded({ dataDir, onProgress: (line) => said.push(line) });
}

async function query(database: EmbeddedDatabase, sql: string): Promise<unknown[]> {
  const client = new pg.Client(database.connection);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function serverPid(): Promise<number> {
  return Number.parseInt(await readFile(join(cluster, 'postmaster.pid'), 'utf8'), 10);
}

/** What a process of `nobody` comes to: the codes of its errors, or `done`. */
async function attackAsNobody(pid: number): Promise<Record<string, string>> {
  const program = `
    const { readdirSync } = require('node:fs');
    const { connect } = require('node:net');
    const [cluster, pid] = process.argv.slice(1);
    const attempt = (work) => { try { work(); return 'done'; } catch (error) { return error.code; } };
    const read = attempt(() => readdirSync(cluster));
    const kill = attempt(() => process.kill(Number(pid), 0));
    const memory = attempt(() => readdirSync('/proc/' + pid + '/fd'));
    const end = (login) => console.log(JSON.stringify({ read, kill, memory, login }));
    const socket = connect(cluster + '/.s.PGSQL.5432', () => { end('done'); socket.end(); });
    socket.on('error', (error) => end(error.code));`;
  const child = spawn(process.execPath, ['-e', program, cluster, String(pid)], {
    ...NOBODY,
    cwd: '/',
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  return JSON.parse(output) as Record<string, string>;
}

/** The server is out of reach for other users, as far as can be shown from here. */
async function expectOutOfReach(): Promise<void> {
  const { mode, uid } = await stat(cluster);
  expect(mode & 0o777).toBe(0o700);
  expect(uid).not.toBe(NOBODY.uid);
  if (!isRoot) {
    expect(uid).toBe(process.getuid?.());
    return;
  }
  expect(await attackAsNobody(await serverPid())).toStrictEqual({
    read: 'EACCES',
    kill: 'EPERM',
    memory: 'EACCES',
    login: 'EACCES',
  });
}

async function ownersOf(folder: string): Promise<number[]> {
  const files = await readdir(folder, { recursive: true });
  const owners = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).uid));
  return [...new Set(owners)];
}

/** The folder as the former release leaves it: when root ran it, the files are `nobody`'s. */
async function leaveAsFormerRelease(): Promise<void> {
  await writeFile(join(cluster, 'pg_hba.conf'), 'local all all trust\n');
  if (!isRoot) return;
  for (const file of await readdir(cluster, { recursive: true }))
    await chown(join(cluster, file), NOBODY.uid, NOBODY.gid);
  await chown(cluster, NOBODY.uid, NOBODY.gid);
}

describe("the embedded database and the system's other users", () => {
  test('its server, its files and its socket are out of their reach', async () => {
    const database = await start();
    await query(database, 'CREATE TABLE kept AS SELECT 1 AS value');
    await expectOutOfReach();
    await database.stop();
  });

  test('a folder of the former release is taken over with what is in it', async () => {
    await leaveAsFormerRelease();
    const database = await start();
    expect(await query(database, 'SELECT value FROM kept')).toStrictEqual([{ value: 1 }]);
    await expectOutOfReach();
    expect(await ownersOf(cluster)).toStrictEqual([(await stat(cluster)).uid]);
    await database.stop();
  });

  test('a takeover that was cut short is finished', async () => {
    await leaveAsFormerRelease();
    await writeFile(join(dataDir, 'postgres', 'cluster.taking-over'), '');
    const { user } = await findHome(dataDir, () => undefined);
    if (user) await chown(cluster, user.uid, user.gid);
    const database = await start();
    expect(await query(database, 'SELECT value FROM kept')).toStrictEqual([{ value: 1 }]);
    await expectOutOfReach();
    await database.stop();
  });

  test('a server that the former release uses is left alone until it is free', async () => {
    await leaveAsFormerRelease();
    const home = { ...(await findHome(dataDir, () => undefined)), ...(isRoot && { user: NOBODY }) };
    const { pgControl } = await findBinaries(home, () => undefined);
    const settings = '-c listen_addresses= -c unix_socket_directories=.';
    const begin = ['start', '-w', '-D', cluster, '-l', '/dev/null', '-o', settings];
    expect(await run(pgControl, begin, home.user)).toMatchObject({ code: 0 });
    const former = new pg.Client({ host: cluster, user: 'rollcall', database: 'postgres' });
    await former.connect();
    await former.query('SELECT pg_advisory_lock_shared($1)', [HOLD_LOCK]);

    const beside = await start();
    expect(await query(beside, 'SELECT value FROM kept')).toStrictEqual([{ value: 1 }]);
    expect(await former.query('SELECT 1 AS one')).toMatchObject({ rows: [{ one: 1 }] });
    if (isRoot) expect(said.join('\n')).toMatch(/runs as user nobody.+another process uses it/);
    await beside.stop();
    await former.end();

    // The server that the former release left runs on: it is ended, taken over and started again.
    const alone = await start();
    expect(await query(alone, 'SELECT value FROM kept')).toStrictEqual([{ value: 1 }]);
    await expectOutOfReach();
    await alone.stop();
  });
});

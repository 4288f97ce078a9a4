import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CATALOGUE } from '../../src/cli/catalogue.js';
import { CONSOLE_PAGES } from '../../src/cli/commands/open.js';
import { checkout } from '../support/checkout.js';
import { type CommandLine, commandLine } from '../support/cli.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let cli: CommandLine;
let folder: string;
beforeAll(async () => {
  // Nothing listens there: these commands ask no gateway.
  cli = await commandLine('http://127.0.0.1:9', undefined);
  folder = await mkdtemp(join(tmpdir(), 'rollcall-loaded-'));
});
afterAll(async () => {
  await cli?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** The sources that a command loads, as Node.js counts them. */
async function sourcesOf(words: readonly string[]): Promise<readonly string[]> {
  const place = await mkdtemp(join(folder, 'run-'));
  const { code } = await cli.run(words, '', { NODE_V8_COVERAGE: place });
  expect(code).toBe(0);
  const loaded = new Set<string>();
  for (const report of await readdir(place)) {
    const { result } = JSON.parse(await readFile(join(place, report), 'utf8')) as {
      result: readonly { readonly url: string }[];
    };
    for (const { url } of result) if (url.startsWith('file:')) loaded.add(fileURLToPath(url));
  }
  const files = [...loaded].filter((file) => file.includes('/dist/bundle/'));
  expect(files.length).toBeGreaterThan(0);
  const sources = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(`${file}.map`, 'utf8')).sources),
  );
  return sources.flat().map((source: string) => source.replace(/^(\.\.\/)+/, ''));
}

describe('help', () => {
  test('loads the words of the commands and how to parse them, and nothing else', async () => {
    const sources = await sourcesOf(['--help']);
    const own = sources.filter((source) => source.startsWith('src/'));
    // Where a file of commands or a package joins them, every command takes longer to start.
    expect(own.filter((source) => !/^src\/(cli|lib)\/(?!nouns|commands)/.test(source))).toEqual([]);
    expect(own.length).toBeLessThanOrEqual(14);
    const packages = sources.flatMap(
      (source) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? [],
    );
    expect([...new Set(packages)]).toEqual(['commander']);
  });

  test('of a noun loads no other noun', async () => {
    const nouns = (await sourcesOf(['audit', '--help'])).filter((source) =>
      source.startsWith('src/cli/nouns/'),
    );
    expect(nouns).toEqual(['src/cli/nouns/teams.ts']);
  });

  test('has a line for each noun', async () => {
    const { code, output } = await cli.inProcess('--help');
    expect(code).toBe(0);
    for (const { name } of CATALOGUE) expect(output).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  });
});

test('--version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8'));
  for (const word of ['--version', '-V'])
    expect(await cli.inProcess(word)).toEqual({ code: 0, output: `${version}\n`, errors: '' });
});

describe('open', () => {
  test('knows pages that the console has', async () => {
    const router = await readFile(join(checkout, 'web/src/router.tsx'), 'utf8');
    const own = [...router.matchAll(/\bat\(\s*'([^']+)'/g)].map(([, path]) => path);
    const pages = new Set([...own, '/accounts/$id']);
    expect(router).toMatch(/getParentRoute: \(\) => accounts,\s+path: '\$id'/);
    expect(own.length).toBeGreaterThan(15);
    expect(CONSOLE_PAGES.filter((page) => !pages.has(page.replace('{id}', '$id')))).toEqual([]);
  });

  test.each([
    ['', '/'],
    ['findings', '/findings'],
    ['prof_01k9z3m8q4v7x2c5n6b8a1s3d4', '/profiles/prof_01k9z3m8q4v7x2c5n6b8a1s3d4'],
    ['whk_01k9z3m8q4v7x2c5n6b8a1s3d4', '/webhooks/whk_01k9z3m8q4v7x2c5n6b8a1s3d4'],
  ])('%s tells the address of %s', async (id, path) => {
    const { code, output } = await cli.inProcess(`open ${id} --print`);
    expect([code, output]).toEqual([0, `http://127.0.0.1:9${path}\n`]);
  });

  test('says what has a page', async () => {
    const { code, errors } = await cli.inProcess('open nothing');
    expect([code, errors]).toEqual([2, expect.stringContaining('nothing has no page')]);
  });
});

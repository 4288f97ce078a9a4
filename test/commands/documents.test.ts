import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout } from '../support/checkout.js';
import { describe, expect, test } from '../support/jest.js';

const text = (file: string) => readFileSync(join(checkout, file), 'utf8');
const filesIn = (folder: string) =>
  readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
    join(folder, file),
  );

const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...filesIn('docs').filter((file) => file.endsWith('.md')),
].map((file) => ({ file }));
const code = ['src', 'adapters', 'sandbox', 'test', 'prisma', 'web'].flatMap(filesIn);

/** `npm start`, `npm run check` and `node src/setup/generate.mjs`, without their parameters. */
const commandsIn = (source: string) =>
  [...source.matchAll(/\bnpm (start|test|run (?:--silent )?[a-z:-]+)|\bnode (src\/\S+\.mjs)/g)].map(
    ([, npm, script]) => (npm ? `npm ${npm.replace('--silent ', '')}` : `node ${script}`),
  );

/**
 * What tests run in the checkout, in a copy of it or in an installation, and what `.ci/run` runs.
 */
const held = new Set([
  ...['test/commands', 'test/operations']
    .flatMap(filesIn)
    .flatMap((file) =>
      [
        ...text(file).matchAll(
          /\b(?:clone\s*\.(?:run|start)|inCheckout|inRelease)\(\s*[`']([^`']+)/g,
        ),
      ].flatMap(([, command = '']) => commandsIn(command)),
    ),
  // Run by the test of the installation for production.
  ...commandsIn(text('deploy/Dockerfile')),
  ...commandsIn(text('.ci/run')),
]);

describe.each(documents)('$file', ({ file }) => {
  test('links to files that are there', () => {
    const targets = [...text(file).matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, to = '']) => to);
    const missing = targets.filter((to) => !existsSync(join(checkout, dirname(file), to)));
    expect(missing).toEqual([]);
  });

  test('names source files that are there', () => {
    const named = [...text(file).matchAll(/`([\w./-]+\.(?:ts|mjs|prisma))`/g)]
      .map(([, name = '']) => name)
      .filter((name) => !/^(index|schema|map)\.ts$/.test(name));
    const missing = named.filter((name) => !code.some((path) => `/${path}`.endsWith(`/${name}`)));
    expect(missing).toEqual([]);
  });

  test('names commands that a test or .ci/run runs', () => {
    expect(commandsIn(text(file)).filter((command) => !held.has(command))).toEqual([]);
  });
});

test('the glossary names what the code calls so', () => {
  const source = filesIn('src')
    .filter((file) => file.endsWith('.ts'))
    .map(text)
    .join('\n');
  const [, rows = ''] = text('docs/glossary.md').split('## What the code calls it');
  const named = [...rows.matchAll(/`([A-Za-z_]+)`/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((name) => !new RegExp(`\\b${name}\\b`).test(source))).toEqual([]);
});

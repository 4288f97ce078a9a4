import { join } from 'node:path';
import { build } from 'esbuild';
import { CATALOGUE } from '../../src/cli/catalogue.js';
import { ROUTES } from '../../src/cli/routes.gen.js';
import { checkout } from '../support/checkout.js';
import { describe, expect, test } from '../support/jest.js';

// Of the console's sources, which its own build alone compiles.
const { outputFiles } = await build({
  entryPoints: [join(checkout, 'web/src/pages/account-calls.ts')],
  bundle: true,
  format: 'esm',
  write: false,
});
const { callsOf, curlOf }: typeof import('../../web/src/pages/account-calls.js') = await import(
  `data:text/javascript,${encodeURIComponent(outputFiles[0]?.text ?? '')}`
);

const ID = 'acct_01k9z3m8q4v7x2c5n6b8a1s3d4';

describe('what an account shows as requests and commands', () => {
  test.each(callsOf(ID).map((call) => [call.title, call] as const))('%s', async (_, call) => {
    const { pathname, searchParams } = new URL(call.path, 'http://gateway');
    const route = Object.values(ROUTES).find(
      ({ method, path }) => method === call.method && path === pathname.replace(ID, '{id}'),
    );
    expect(route).toBeDefined();
    const parameters = (route?.query ?? []).map(({ name }) => name);
    for (const name of searchParams.keys()) expect(parameters).toContain(name);

    const [program, first, verb, ...words] = call.command.split(' ');
    expect(program).toBe('rollcall');
    const noun = await CATALOGUE.find(({ name }) => name === first)?.load();
    const command = noun?.commands.find((declared) => declared.verb === verb);
    expect(command).toBeDefined();
    const own = command && 'route' in command ? ROUTES[command.route] : route;
    const flags = own?.query.map(({ name }) => `--${name.replaceAll('_', '-')}`);
    for (const word of words)
      if (word.startsWith('--') && word !== '--json') expect(flags).toContain(word);
  });

  test('are lines for a shell', () => {
    const lines = callsOf(ID).map((call) => curlOf(call, 'https://gateway.example'));
    expect(lines[0]).toBe(
      `curl -s 'https://gateway.example/v1/accounts/${ID}' \\\n  -H "Authorization: Bearer $ROLLCALL_KEY"`,
    );
    expect(lines.at(-1)).toContain(`-d '{"account_ids":["${ID}"],"dry_run":true}'`);
    expect(lines.at(-2)).toContain('-X POST ');
  });
});

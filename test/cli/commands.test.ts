import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CATALOGUE } from '../../src/cli/catalogue.js';
import type { Noun, RouteId } from '../../src/cli/declared.js';
import { PAGING } from '../../src/cli/flags.js';
import { isRoute } from '../../src/cli/program.js';
import { ROUTES } from '../../src/cli/routes.gen.js';
import { flagsOf } from '../../src/cli/run-route.js';
import { apiDocument } from '../support/api-document.js';
import { type CommandLine, commandLine } from '../support/cli.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

// One after the other: Jest cannot load modules that share others at once.
const nouns: Noun[] = [];
for (const entry of CATALOGUE) nouns.push(await entry.load());
const declared = nouns.flatMap(({ name, commands }) =>
  commands.map((command) => ({
    words: command.verb === name ? [name] : [name, command.verb],
    command,
  })),
);
/** Work on files and databases of their own; the tests of their npm scripts run them. */
const OPERATORS = new Set([
  ...['backup', 'restore', 'migrate', 'rotate-secret', 'rebuild-profiles'],
  ...['verify-audit', 'archive-audit', 'verify-receipt'],
]);
const commands = declared.filter(({ words: [noun = ''] }) => !OPERATORS.has(noun));

interface Profile {
  readonly id: string;
  readonly platform: string;
  readonly members: readonly { readonly account: { readonly id: string } }[];
}

let gateway: Gateway;
let cli: CommandLine;
/** What the capitals in examples stand for. */
const things: Record<string, string> = {};

beforeAll(async () => {
  gateway = await startGateway();
  const connections = {
    outfame: await gateway.connect('outfame'),
    octopost: await gateway.connect('octopost'),
    socialsyncer: await gateway.connect('socialsyncer'),
  };
  const key = gateway.root.key ?? '';
  cli = await commandLine(gateway.url, key);
  await writeFile(join(cli.folder, 'key.txt'), key);
  for (const profile of ['default', 'production'])
    await cli.inProcess(`login --profile ${profile} < key.txt`);
  await gateway.settled();
  const get = async (path: string) => (await gateway.root.get(path)).body.data;
  const post = async (path: string, body: unknown) =>
    (await gateway.root.post(path, body)).body.data;
  const shared: Profile[] = await get('/v1/profiles?provider=octopost,socialsyncer');
  const outfames: Profile[] = await get('/v1/profiles?provider=outfame&provider_count=1');
  const first = shared.find((one) => outfames.some(({ platform }) => platform === one.platform));
  const second = outfames.find(({ platform }) => platform === first?.platform);
  const third = shared.find(({ id }) => id !== first?.id);
  await gateway.with(undefined).post('/console/session', { key: gateway.root.key });
  const ended = await waitFor(
    'a disconnect to end',
    async () => {
      const path = '/v1/accounts/octopost:acc_bcd890';
      return (await gateway.root.delete(path)).body.data;
    },
    { everyMs: 200, until: ({ finished_at: at }) => at !== null },
  );
  for (const job of ['profiles.settle', 'findings.examine'])
    await gateway.app.recurringJobs.runNamed(job);
  await gateway.root.send(
    'PUT',
    `/v1/accounts/${third?.members[0]?.account.id}/profile`,
    JSON.stringify({ profile_id: null }),
    { 'Content-Type': 'application/json' },
  );
  const webhook = await post('/v1/webhooks', { url: `${gateway.url}/none` });
  const view = { name: 'all', page: 'accounts', query: 'health=warning' };
  Object.assign(things, {
    ACCOUNT: first?.members[0]?.account.id,
    PROFILE: first?.id,
    PROFILE2: second?.id,
    PROFILE3: third?.id,
    SESSION: (await get('/v1/sessions'))[0]?.id,
    CONNECTION: connections.octopost,
    DISCONNECT: ended.id,
    KEY: (await post('/v1/keys', { name: 'other', scopes: ['read'] })).id,
    WEBHOOK: webhook.id,
    DELIVERY: (await post(`/v1/webhooks/${webhook.id}/test`, undefined)).id,
    VIEW: (await post('/v1/views', view)).id,
    CHANGE: (await get(`/v1/profiles/${third?.id}/history`))[0]?.id,
    FINDING: (await get('/v1/findings'))[0]?.id,
    TEAM: (await get('/v1/whoami')).team.id,
  });
  await writeFile(join(cli.folder, 'octopost-key.txt'), gateway.sandbox.apiKey('octopost'));
  await writeFile(join(cli.folder, 'ids.txt'), `${things.ACCOUNT}\n`);
});
afterAll(async () => {
  await cli?.remove();
  await gateway?.stop();
});

/** What examples end with that do not end with 0, and why. */
const OTHERWISE: Readonly<Record<string, number>> = {
  // Accepted, and not waited for.
  'sweeps start': 8,
  // A test event is not kept.
  'webhooks replay': 6,
  // It has ended, and no step of it failed.
  'disconnects cancel': 6,
  'disconnects retry': 6,
  // Some are unhealthy; the shell goes on.
  'health --platform instagram --fail-on unhealthy || echo "some need attention"': 1,
  // No owner of an account was there to consent.
  'connect complete': 2,
};

describe('every command', () => {
  const alone = commands.filter(({ words }) => words.join(' ') !== 'events tail');

  test.each(alone.map(({ words, command }) => ({ name: words.join(' '), command })))(
    '$name: its examples run',
    async ({ name, command }) => {
      const elsewhere = `--base-url ${gateway.sandbox.baseUrl('octopost')}`;
      for (const example of command.examples) {
        const line = example
          .replace('octopost --name', `octopost ${elsewhere} --name`)
          .replace(/\b[A-Z][A-Z0-9]+\b/g, (word) => things[word] ?? word)
          .replace('https://hooks.example.com', gateway.url);
        const { code, output, errors } = await cli.inProcess(line);
        // Objects are no cells: their members are.
        if (isRoute(command) && ROUTES[command.route].isList && !/--(json|jq|output)/.test(line))
          expect([line, /(^|\t)[[{]+"[^\t]{0,60}/m.exec(output)?.[0]]).toEqual([line, undefined]);
        const expected = OTHERWISE[example] ?? OTHERWISE[name] ?? 0;
        const said = code === expected ? '' : errors;
        expect({ line, code, said }).toEqual({ line, code: expected, said: '' });
      }
    },
  );
});

/** What no command asks, and why; `rollcall api` reaches them all the same. */
const BY_API_ALONE = new Set<RouteId>([
  // Of the machinery around a gateway.
  ...(['system.live', 'system.metrics', 'documentation.document'] as const),
  ...(['disconnects.wellKnown'] as const),
  // Of browsers.
  ...(['sessions.signIn', 'sessions.current', 'sessions.signOut'] as const),
]);

describe('the API', () => {
  const routes = declared.flatMap(({ command }) =>
    isRoute(command) ? [command.route] : (command.routes ?? []),
  );

  test('is asked whole: each route has a command', () => {
    const document = Object.values<Record<string, { operationId: string }>>(
      apiDocument.paths as Record<string, Record<string, { operationId: string }>>,
    ).flatMap((operations) => Object.values(operations).map(({ operationId }) => operationId));
    expect(Object.keys(ROUTES).sort()).toEqual(document.sort());
    const asked = new Set<string>([...routes, ...BY_API_ALONE]);
    expect(document.filter((route) => !asked.has(route))).toEqual([]);
  });

  test('has a flag for each of its filters, and for each member of its bodies', () => {
    const given = (route: RouteId) =>
      declared.flatMap(({ command }) =>
        isRoute(command) && command.route === route
          ? [
              ...flagsOf(command).map(({ name }) => name),
              ...(command.inOrder ?? []),
              ...Object.keys(command.fixed ?? {}),
            ]
          : [],
      );
    const own = new Set(
      declared.flatMap(({ command }) => (isRoute(command) ? [] : (command.routes ?? []))),
    );
    const missing = (Object.keys(ROUTES) as RouteId[])
      .filter((route) => !own.has(route) && !BY_API_ALONE.has(route))
      .flatMap((route) => {
        const names = new Set(given(route));
        return [...ROUTES[route].query, ...ROUTES[route].body]
          .filter(({ name }) => !names.has(name) && !PAGING.includes(name))
          .map(({ name }) => `${route}: ${name}`);
      });
    expect(missing).toEqual([]);
  });

  test('is reached by any other request, a body from standard input among them', async () => {
    const made = await cli.run(
      ['api', 'POST', '/v1/teams', '--input', '-', '--jq', '.data.name'],
      '{"name":"reached"}',
    );
    expect(made).toMatchObject({ code: 0, output: 'reached\n' });
    const metrics = await cli.inProcess('api /metrics');
    expect(metrics.output).toContain('# HELP ');
  });
});

describe('completion', () => {
  const offered = async (words: string, environment = {}) => {
    const { code, output, errors } = await cli.inProcess(
      `completion --words -- ${words}`,
      environment,
    );
    expect([code, errors]).toEqual([0, '']);
    return output.split('\n').slice(0, -1);
  };

  test.each([
    ['acc', ['accounts']],
    ['accounts pr', ['probe']],
    ['accounts list --conn', ['--connection-id']],
    ['accounts list --health w', ['warning']],
    ['accounts list --health unhealthy,w', ['unhealthy,warning']],
    ['accounts list --health=w', ['--health=warning']],
    ['events list --type account.reapp', ['account.reappeared']],
    ['whoami --profile pro', ['production']],
    ['use d', ['default']],
    ['accounts of-identity instagram 1', []],
  ])('of %s knows nouns, verbs, flags and values', async (words, expected) => {
    await cli.inProcess('login --profile production < key.txt');
    await cli.inProcess('login --profile default < key.txt');
    expect(await offered(words)).toEqual(expected);
  });

  /** A gateway that is busy for a second has nothing to offer then. */
  const offeredInTime = (words: string) =>
    waitFor(`what completes "${words}"`, () => offered(words), {
      until: ({ length }) => length > 0,
    });

  test('offers the ids that there are, of whatever a command names', async () => {
    const { ACCOUNT = '', CONNECTION, DISCONNECT, KEY, WEBHOOK, PROFILE } = things;
    expect(await offeredInTime('accounts get outfame:acc_aCme1')).toEqual([
      'outfame:acc_aCme1Fit00',
    ]);
    expect(await offeredInTime(`accounts probe outfame:acc_aCme1Fit00 ${ACCOUNT}`)).toEqual([
      ACCOUNT,
    ]);
    expect(await offeredInTime('connections get conn_')).toContain(CONNECTION);
    expect(await offeredInTime('accounts list --connection-id conn_')).toContain(CONNECTION);
    expect(await offeredInTime('sweeps start conn_')).toContain(CONNECTION);
    expect(await offeredInTime('disconnects watch disc_')).toContain(DISCONNECT);
    expect(await offeredInTime('disconnects plan acct_')).toContain(ACCOUNT);
    expect(await offeredInTime('keys revoke key_')).toContain(KEY);
    expect(await offeredInTime('webhooks get whk_')).toContain(WEBHOOK);
    expect(await offeredInTime(`profiles get ${PROFILE}`)).toEqual([PROFILE]);
    expect(await offeredInTime('providers get out')).toEqual(['outfame']);
    expect(await offeredInTime('connections add octo')).toEqual(['octopost']);
    // There is one argument, and it is given.
    expect(await offered('disconnects get disc_1 disc_')).toEqual([]);
  });

  test('says nothing where it cannot know', async () => {
    const words = 'accounts get outfame:';
    expect(await offered(words, { ROLLCALL_API_KEY: 'rc_wrong' })).toEqual([]);
    const away = { ROLLCALL_URL: 'http://127.0.0.1:9', ROLLCALL_API_KEY: 'rc_x' };
    expect(await offered(words, away)).toEqual([]);
    expect(await offered('accounts get --profile nobody outfame:')).toEqual([]);
  });

  test('waits for no gateway that does not answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const environment = { ROLLCALL_URL: `http://127.0.0.1:${port}`, ROLLCALL_API_KEY: 'rc_x' };
    // It would never end otherwise.
    expect(await offered('accounts get outfame:', environment)).toEqual([]);
    silent.closeAllConnections();
    silent.close();
  });

  test('in bash goes on after a colon, a word of its own there', async () => {
    const script = (await cli.inProcess('completion bash')).output;
    await writeFile(join(cli.folder, 'complete.bash'), script);
    const line = 'rollcall accounts get outfame:acc_aCme1';
    const run = `. ./complete.bash; COMP_LINE='${line}' COMP_POINT=${line.length}; _rollcall; echo "$\{COMPREPLY[@]}"`;
    const { output, errors } = await waitFor(
      'what completes it',
      () => cli.shell(`bash -c '${run.replaceAll("'", `'\\''`)}'`),
      { until: (said) => said.output !== '\n' },
    );
    expect({ output, errors }).toEqual({ output: 'acc_aCme1Fit00\n', errors: '' });
  });
});

test('events tail tells an event as it happens, and ends after as many as were asked for', async () => {
  const tail = cli.start(['events', 'tail', '--type', 'account.updated', '--limit', '1', '--json']);
  await tail.says(/Listening/);
  await cli.inProcess(`accounts update ${things.ACCOUNT} --labels seen=yes`);
  const { code, output } = await tail.ended;
  expect(code).toBe(0);
  expect(JSON.parse(output)).toMatchObject({
    type: 'account.updated',
    account_id: things.ACCOUNT,
  });
});

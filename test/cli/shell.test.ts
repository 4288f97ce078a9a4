import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { checkout } from '../support/checkout.js';
import { type CommandLine, commandLine } from '../support/cli.js';
import { describeWith } from '../support/describe-with.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { findFreePort } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

const HOSTILE = '\u001b[2J\u009b31m\u202eexe\tx\ny';
const SPELLED = '\\u001b[2J\\u009b31m\\u202eexe';

let gateway: Gateway;
let cli: CommandLine;
let octopost: string;

beforeAll(async () => {
  gateway = await startGateway();
  for (const provider of ['outfame', 'socialsyncer', 'creatoraudit'] as const)
    await gateway.connect(provider);
  octopost = await gateway.connect('octopost');
  cli = await commandLine(gateway.url, undefined);
  await mkdir(join(cli.folder, 'data'));
  await writeFile(join(cli.folder, 'data', 'root-key'), `${gateway.root.key}\n`);
  const login = await cli.shell(`rollcall login --url ${gateway.url} < data/root-key`);
  expect(login).toMatchObject({ code: 0, errors: expect.stringContaining('(admin)') });
  const labelled = await gateway.root.patch('/v1/accounts/outfame:acc_aCme1Fit00', {
    labels: { hostile: HOSTILE, formula: '=1+1' },
  });
  expect(labelled.status).toBe(200);
});
afterAll(async () => {
  await cli?.remove();
  await gateway?.stop();
});

const blocks = async (file: string) => {
  const text = await readFile(join(checkout, file), 'utf8');
  return [...text.matchAll(/```sh\n(.*?)```/gs)]
    .map(([, block = '']) => block)
    .filter((block) => /^(npx )?rollcall |\| rollcall |\$\(rollcall /m.test(block));
};

/** Whether each line is one command, for which no shell is needed. */
const isSimple = (block: string) =>
  block
    .trim()
    .split('\n')
    .every((line) => /^rollcall ('[^']*'|[^|$'])*$/.test(line));

describe('what documents say', () => {
  test.each(['docs/cli.md', 'README.md'])('%s: every command runs', async (file) => {
    const found = await blocks(file);
    expect(found.length).toBeGreaterThan(0);
    for (const block of found) {
      const here = block
        .replaceAll('http://127.0.0.1:3000', gateway.url)
        .replaceAll('npx rollcall', 'rollcall');
      for (const line of isSimple(here) ? here.trim().split('\n') : [here]) {
        const ended = isSimple(here)
          ? await cli.inProcess(line.replace(/^rollcall /, ''))
          : await cli.shell(`set -e\n${line}`);
        const { code, errors } = ended;
        expect({ line, code, errors: code === 0 ? '' : errors }).toEqual({
          line,
          code: 0,
          errors: '',
        });
      }
    }
  });

  test('docs/cli.md publishes every exit code', async () => {
    const { EXIT } = await import('../../src/cli/exit-codes.js');
    const text = await readFile(join(checkout, 'docs/cli.md'), 'utf8');
    const told = [...text.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(told).toEqual(Object.values(EXIT));
  });
});

describe('output', () => {
  test('through a pipe is tab-separated, without header, and steers nothing', async () => {
    const words =
      'accounts get outfame:acc_aCme1Fit00 --columns id:ID,labels.hostile,labels.formula:f';
    const { output } = await cli.inProcess(words);
    const [id, hostile, formula, ...more] = output.trimEnd().split('\t');
    expect(id).toMatch(/^acct_/);
    expect([hostile, formula, more]).toEqual([`${SPELLED}\\tx\\ny`, '=1+1', []]);
  });

  test('as CSV has nothing that a spreadsheet computes', async () => {
    const words =
      'accounts list --username acmefitness --columns labels.formula,metrics.followers --output csv';
    const { output } = await cli.inProcess(words);
    expect(output).toMatch(/^labels\.formula,metrics\.followers\n/);
    expect(output).toMatch(/^'=1\+1,\d+$/m);
  });

  test('as JSON means the same, without a character that steers', async () => {
    const { output } = await cli.inProcess('accounts get outfame:acc_aCme1Fit00 --json labels');
    expect(JSON.parse(output).labels.hostile).toBe(HOSTILE);
    expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  });

  test('of all pages comes in any format, each item once', async () => {
    const { total_count: total } = (await gateway.root.get('/v1/accounts?include_total=true')).body
      .pagination;
    const count = async (format: string) =>
      (await cli.inProcess(`accounts list --all ${format}`)).output;
    const ids = (await count('--columns id')).trimEnd().split('\n');
    expect(new Set(ids).size).toBe(total);
    expect(JSON.parse(await count('--json id'))).toHaveLength(total);
    expect((await count('--output ndjson')).trimEnd().split('\n')).toHaveLength(total);
    expect(await count('--jq length')).toBe(`${total}\n`);
    expect((await cli.inProcess('accounts list --limit 3 --columns id')).output).toBe(
      `${ids.slice(0, 3).join('\n')}\n`,
    );
  });

  test('that nobody reads to its end is no error', async () => {
    const { code, output, errors } = await cli.shell(
      '{ rollcall accounts list --all --json; echo "exit $?" >&2; } | head -n 1',
    );
    expect({ code, output, errors }).toEqual({ code: 0, output: '[\n', errors: 'exit 0\n' });
  });
});

describe('failures', () => {
  test.each([
    ['an unknown command', 'acounts list', 2, /Did you mean accounts\?/],
    ['an unknown flag', 'accounts list --helth x', 2, /Did you mean --health\?/],
    ['an invalid filter', 'accounts list --health ill', 2, /: must be one of.*\n {2}request: /],
    ['an unknown field', 'accounts list --json usrname', 2, /The fields are id, type/],
    ['an unknown column', 'accounts list --columns id,usrname', 2, /The fields are id, type/],
    ['a column too many', 'accounts get outfame:none --columns helth.status', 2, /no field "helth/],
    ['a wrong jq program', 'accounts list --jq .[', 2, /--jq: /],
    ['what is not there', 'accounts get outfame:none', 5, /does not exist[\s\S]*request: req_/],
    ['a gateway that is not there', 'whoami --url http://127.0.0.1:9', 4, /is not sent to/],
    ['no ids on standard input', 'accounts get -', 2, /no ids/],
    [
      'a secret in a flag',
      'connections add octopost --credentials api_key=x',
      2,
      /other users can read/,
    ],
  ])('%s', async (_what, line, code, reason) => {
    const ended = await cli.inProcess(line);
    expect(ended).toEqual({ code, output: '', errors: expect.stringMatching(reason) });
  });

  test('with --json are one line of problem details', async () => {
    const { errors } = await cli.inProcess('accounts get outfame:none --json');
    expect(errors.trimEnd()).not.toContain('\n');
    expect(JSON.parse(errors)).toMatchObject({ code: 'not_found', status: 404, exit_code: 5 });
  });

  test('of some of several go on, and exit with 9', async () => {
    await writeFile(join(cli.folder, 'some.txt'), 'outfame:none\noutfame:acc_aCme1Fit00\n');
    const { code, output, errors } = await cli.inProcess('accounts probe - < some.txt');
    expect(code).toBe(9);
    expect(output.split('\n')).toHaveLength(2);
    expect(errors).toMatch(/Idempotency-Key: /);
  });

  test('with no gateway exit with 7', async () => {
    const url = `http://127.0.0.1:${await findFreePort()}`;
    const environment = { ROLLCALL_API_KEY: 'rc_x', ROLLCALL_URL: url };
    const { code, errors } = await cli.inProcess('accounts probe acc_1', environment);
    expect({ code, errors }).toEqual({
      code: 7,
      errors: expect.stringMatching(/ECONNREFUSED[\s\S]*Idempotency-Key: \S{36} /),
    });
  });

  test('with a key that has expired exit with 4', async () => {
    const expires_at = new Date(Date.now() + 1_500).toISOString();
    const made = await gateway.root.post('/v1/keys', {
      name: 'short',
      scopes: ['read'],
      expires_at,
    });
    const { key } = made.body.data;
    await waitFor('the key to expire', () => gateway.with(key).get('/v1/whoami'), {
      everyMs: 300,
      until: ({ status }) => status === 401,
    });
    const { code, errors } = await cli.inProcess('whoami', { ROLLCALL_API_KEY: key });
    expect({ code, errors }).toEqual({ code: 4, errors: expect.stringMatching(/expired/) });
  });
});

describe('settings', () => {
  const settings = () => join(cli.folder, 'settings');

  test('are the owner’s alone, and their keys of no use once others can read them', async () => {
    const file = join(settings(), 'credentials.json');
    const modes = async () =>
      Promise.all([settings(), file].map(async (place) => (await stat(place)).mode & 0o777));
    expect(await modes()).toEqual([0o700, 0o600]);
    expect(await readFile(join(settings(), 'config.json'), 'utf8')).not.toContain('rc_');
    await chmod(file, 0o644);
    const refused = await cli.inProcess('whoami');
    expect(refused).toMatchObject({ code: 4, errors: expect.stringContaining('chmod 600') });
    await chmod(file, 0o600);
    await chmod(settings(), 0o755);
    expect(await cli.inProcess('whoami')).toMatchObject({ code: 4 });
    await chmod(settings(), 0o700);
    expect(await cli.inProcess('whoami')).toMatchObject({ code: 0 });
  });

  test('give way to variables, and those to flags', async () => {
    const team = await gateway.newTeam('another');
    const key = team.client.key ?? '';
    const name = async (line: string, environment = {}) =>
      (await cli.inProcess(`${line} --jq .team.name`, environment)).output;
    expect(await name('whoami')).toBe('default\n');
    expect(await name('whoami', { ROLLCALL_API_KEY: key })).toBe('another\n');
    expect(await name(`whoami --team ${team.id}`)).toBe('another\n');
    expect(await name('whoami', { ROLLCALL_TEAM: team.id })).toBe('another\n');
  });

  test('keep no key that the gateway does not know', async () => {
    await writeFile(join(cli.folder, 'wrong.txt'), 'rc_wrong\n');
    const { code } = await cli.inProcess('login --profile wrong < wrong.txt');
    expect(code).toBe(4);
    expect((await cli.inProcess('use')).output).not.toContain('wrong');
  });
});

describe('what goes on until it is ended', () => {
  test('health --watch tells a line for each change', async () => {
    const watching = cli.start(['health', '--watch', '--username', 'acmefitness']);
    await watching.says(/Watching/);
    await cli.inProcess('accounts pause outfame:acc_aCme1Fit00');
    await watching.says(/account\.health_changed\tacct_\w+\toutfame:acc_aCme1Fit00\thealthy\twarn/);
    watching.child.kill('SIGINT');
    expect((await watching.ended).code).toBe(130);
    await cli.inProcess('accounts resume outfame:acc_aCme1Fit00');
  });

  test('health --watch --fail-on ends with 1 as soon as one is so', async () => {
    const words = ['health', '--watch', '--username', 'acmefitness', '--provider', 'outfame'];
    const watching = cli.start([...words, '--fail-on', 'warning', '--jq', '.summary // .type']);
    await watching.says(/Watching/);
    await cli.inProcess('accounts pause outfame:acc_aCme1Fit00');
    const { code, output } = await watching.ended;
    expect({ code, output }).toEqual({
      code: 1,
      output: expect.stringMatching(/"healthy": 1,[\s\S]*\naccount\.health_changed\n$/),
    });
    const now = await cli.inProcess(`${words.join(' ')} --fail-on warning --json summary`);
    expect(now).toMatchObject({ code: 1, errors: '' });
    await cli.inProcess('accounts resume outfame:acc_aCme1Fit00');
  });
});

describe('a disconnect without a terminal', () => {
  test('needs both flags, and the plan that there is', async () => {
    const line = 'accounts disconnect octopost:acc_efg135';
    const without = await cli.inProcess(line);
    expect(without).toMatchObject({
      code: 2,
      errors: expect.stringMatching(/Disconnects 1 account:[\s\S]*--yes and --plan-hash/),
    });
    expect((await cli.inProcess(`${line} --yes`)).code).toBe(2);
    const asJson = await cli.inProcess(`${line} --yes --json`);
    expect(JSON.parse(asJson.errors)).toMatchObject({ exit_code: 2 });
    expect((await cli.inProcess(`${line} --yes --plan-hash other`)).code).toBe(6);
    const hash = (await cli.inProcess(`${line} --dry-run --jq .plan_hash`)).output.trim();
    const done = await cli.inProcess(`${line} --yes --plan-hash ${hash} --json state,summary`);
    expect({ code: done.code, ...JSON.parse(done.output) }).toMatchObject({
      code: 0,
      state: 'succeeded',
      summary: { succeeded: 1 },
    });
  });

  test('that is cancelled is a success of who cancels it, and a no to who waits for it', async () => {
    const later = { scheduled_at: new Date(Date.now() + 3_600_000).toISOString() };
    const request = { account_ids: ['octopost:acc_yza567'], reason_code: 'cleanup', ...later };
    const { id } = (await gateway.root.post('/v1/disconnects', request)).body.data;
    expect((await cli.inProcess(`disconnects watch ${id}`)).code).toBe(8);
    const cancelled = await cli.inProcess(`disconnects cancel ${id} --json state`);
    expect(cancelled).toEqual({ code: 0, output: '{\n  "state": "cancelled"\n}\n', errors: '' });
    expect(await cli.inProcess(`disconnects watch ${id}`)).toMatchObject({
      code: 2,
      errors: expect.stringContaining(`${id} cancelled: 1 of 1 cancelled.`),
    });
  });

  test('that is cancelled halfway tells what was done and what was not', async () => {
    await gateway.root.patch(`/v1/connections/${octopost}`, { paused: true });
    const [other] = (await gateway.root.get('/v1/accounts?provider=creatoraudit&limit=1')).body
      .data;
    const request = { account_ids: ['octopost:acc_yza567', other.ref], reason_code: 'cleanup' };
    const { id } = (await gateway.root.post('/v1/disconnects', request)).body.data;
    await waitFor(
      'one of two accounts to be disconnected',
      async () => (await gateway.root.get(`/v1/disconnects/${id}`)).body.data.summary.succeeded,
      { everyMs: 200, until: (succeeded) => succeeded === 1 },
    );
    expect(await cli.inProcess(`disconnects cancel ${id}`)).toMatchObject({
      code: 0,
      errors: expect.stringContaining(`${id} partial: 1 of 2 done, 1 cancelled.`),
    });
    await gateway.root.patch(`/v1/connections/${octopost}`, { paused: false });
  });

  test('of a key asks as well', async () => {
    const { id } = (await gateway.root.post('/v1/keys', { name: 'k', scopes: ['read'] })).body.data;
    expect((await cli.inProcess(`keys revoke ${id}`)).code).toBe(2);
    const hash = (await cli.inProcess(`keys revoke ${id} --dry-run --jq .plan_hash`)).output.trim();
    expect((await cli.inProcess(`keys revoke ${id} --yes --plan-hash ${hash}`)).code).toBe(0);
    expect((await cli.inProcess(`keys get ${id}`)).code).toBe(5);
  });
});

describeWith(['script'], 'on Linux', () => {
  test('a full disk is said in a line', async () => {
    expect(await cli.shell('rollcall accounts list > /dev/full')).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/^Error: the output cannot be written: .*ENOSPC.*\n$/),
    });
  });
});

describeWith(['script'], 'at a terminal', () => {
  const bare = (text: string) => stripVTControlCharacters(text).replaceAll('\r', '');

  test.each([80, 200])('of %i columns a table fits, with whole ids', async (columns) => {
    const { code, output } = await cli.terminal(
      'rollcall accounts list --limit 15 --no-pager',
      columns,
    ).ended;
    expect(code).toBe(0);
    const lines = bare(output).trimEnd().split('\n').slice(0, 16);
    expect(lines[0]).toMatch(/^ID +USERNAME/);
    for (const line of lines) expect([...line].length).toBeLessThanOrEqual(columns);
    expect(lines.slice(1).every((line) => /^acct_[0-9a-z]{26} /.test(line))).toBe(true);
    expect(/FOLLOWERS/.test(lines[0] ?? '')).toBe(columns === 200);
    expect(output).toContain('\u001b[');
  });

  test.each(['audit list', 'profiles list', 'disconnects list', 'events list', 'keys list'])(
    'of 80 columns %s cuts no id either',
    async (line) => {
      const { output } = await cli.terminal(`rollcall ${line} --limit 5 --no-pager`, 80).ended;
      const lines = bare(output).trimEnd().split('\n');
      expect(lines[0]).toMatch(/^ID /);
      for (const one of lines) expect([...one].length).toBeLessThanOrEqual(80);
      expect(output).not.toMatch(/\b(acct|aud|conn|disc|evt|key|prof)_[0-9a-z]*…/);
    },
  );

  test('colours go with NO_COLOR, and what is longer than the window through the pager', async () => {
    const pager = { NO_COLOR: '1', ROLLCALL_PAGER: 'sed s/^/paged:/' };
    const { output } = await cli.terminal('rollcall accounts list --all', 80, pager).ended;
    expect(output).not.toContain('\u001b[1m');
    expect(bare(output)).toMatch(/^paged:ID /);
  });

  test.each([
    ['that is not there', '/nonexistent --x'],
    ['that may not be run', '/etc/passwd'],
    ['that fails at once', 'false'],
    ['that fails after all was read', 'cat > /dev/null; exit 3'],
    ['that is killed', 'kill -9 $$'],
  ])('a pager %s is done without', async (_what, pager) => {
    const line = 'rollcall accounts list --all --columns username';
    const { code, output } = await cli.terminal(line, 80, { ROLLCALL_PAGER: pager }).ended;
    expect({ code, output }).toEqual({
      code: 0,
      output: expect.stringContaining(`${pager}\` failed`),
    });
    expect(bare(output)).toMatch(/^acmefitness *$/m);
    expect(output).not.toContain('Nothing found.');
  });

  test('where there is no less, lists are written without it', async () => {
    const line = `PATH='${join(cli.folder, 'bin')}' rollcall accounts list --all --columns username`;
    const { code, output } = await cli.terminal(line, 80).ended;
    expect(code).toBe(0);
    expect(bare(output)).toMatch(/^acmefitness *$/m);
  });

  test('nothing was found only where the list has ended without an item', async () => {
    const leaves = { ROLLCALL_PAGER: 'true' };
    const left = await cli.terminal('rollcall accounts list --all', 80, leaves).ended;
    expect(left).toMatchObject({ code: 0, output: expect.not.stringContaining('Nothing found.') });
    const reads = { ROLLCALL_PAGER: 'sed p' };
    const none = cli.terminal('rollcall accounts list --all -q nobody-at-all', 80, reads);
    expect(await none.ended).toMatchObject({
      code: 0,
      output: expect.stringContaining('Nothing found.'),
    });
  });

  test('the key is asked for unseen', async () => {
    const started = cli.terminal(`rollcall login --profile typed --url ${gateway.url}`, 80);
    await started.says(/Key for /);
    started.child.stdin?.write(`${gateway.root.key}\r`);
    const { code, output } = await started.ended;
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('Logged in') });
    expect(output).not.toContain(gateway.root.key);
    expect((await cli.inProcess('use default')).code).toBe(0);
  });

  test('a disconnect asks for the count and does nothing for another', async () => {
    const started = cli.terminal('rollcall accounts disconnect octopost:acc_yza567', 80);
    await started.says(/Type 1 to continue/);
    started.child.stdin?.write('2\r');
    expect(await started.ended).toMatchObject({
      code: 2,
      output: expect.stringContaining('Nothing was done.'),
    });
    const { data } = (await gateway.root.get('/v1/accounts/octopost:acc_yza567')).body;
    expect(data.status).toBe('active');
  });

  test('Ctrl-C leaves a disconnect running and says how to return', async () => {
    await gateway.root.patch(`/v1/connections/${octopost}`, { paused: true });
    const started = cli.terminal('rollcall accounts disconnect octopost:acc_yza567', 80);
    await started.says(/Type 1 to continue/);
    started.child.stdin?.write('1\r');
    await started.says(/running: 0 of 1 done/);
    started.child.stdin?.write('\u0003');
    const { code, output } = await started.ended;
    expect(code).toBe(130);
    const [, id] = /rollcall disconnects watch (disc_\w+)/.exec(output) ?? [];
    const { data } = (await gateway.root.get(`/v1/disconnects/${id}`)).body;
    expect(data.state).toBe('running');
    expect(await cli.inProcess(`disconnects cancel ${id}`)).toMatchObject({
      code: 0,
      errors: expect.stringContaining(`${id} cancelled: 1 of 1 cancelled.`),
    });
    await gateway.root.patch(`/v1/connections/${octopost}`, { paused: false });
  });
});

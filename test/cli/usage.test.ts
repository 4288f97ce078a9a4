import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/cli.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

let gateway: Gateway;
let cli: CommandLine;

beforeAll(async () => {
  gateway = await startGateway();
  await gateway.connect('outfame');
  cli = await commandLine(gateway.url, gateway.root.key);
  await writeFile(join(cli.folder, 'team.json'), '{"name":"given"}');
});
afterAll(async () => {
  await cli?.remove();
  await gateway?.stop();
});

describe('a flag that would be ignored is refused', () => {
  const ID = 'outfame:acc_aCme1Fit00';

  test.each([
    ['accounts list --json id --output csv', /--json and --output csv contradict/],
    ['accounts list --json --output tsv', /--json and --output tsv contradict/],
    ['accounts list --jq . --output ndjson', /--jq and --output ndjson contradict/],
    ['accounts list --json --columns id', /--json has no columns/],
    ['accounts list --output ndjson --columns id', /--output ndjson has no columns/],
    [`disconnects plan ${ID} --json --output csv`, /contradict/],
    [`api /v1/teams --input team.json -f name=x`, /--input is the whole body/],
    [`api POST /v1/teams --input team.json -F name=1`, /--input is the whole body/],
    ['api GET /v1/teams --input team.json', /A GET has no body/],
    ['api delete /v1/teams/none --input team.json', /A DELETE has no body/],
    ['api /v1/teams --input team.json --paginate', /A GET has no body/],
    ['api POST /v1/teams -f name=x --paginate', /--paginate reads .* by GET/],
  ])('%s', async (line, reason) => {
    const ended = await cli.inProcess(line);
    expect(ended).toEqual({ code: 2, output: '', errors: expect.stringMatching(reason) });
  });

  test('before anything is done', async () => {
    const pausing = `accounts pause ${ID}`;
    expect((await cli.inProcess(`${pausing} --json nonsense`)).code).toBe(2);
    expect((await cli.inProcess(`${pausing} --json id --output csv`)).code).toBe(2);
    const { data } = (await gateway.root.get(`/v1/accounts/${ID}`)).body;
    expect(data.status).toBe('active');
  });

  test.each([
    ['accounts list --limit 1 --json id --output ndjson', /^\{"id":"acct_\w+"\}\n$/],
    ['accounts list --limit 1 --jq length --output json', /^1\n$/],
  ])('and one that is not holds: %s', async (line, expected) => {
    const ended = await cli.inProcess(line);
    expect(ended).toEqual({ code: 0, output: expect.stringMatching(expected), errors: '' });
  });
});

describe('rollcall api', () => {
  test('with --paginate and fields is a GET', async () => {
    const line = 'api /v1/accounts -f provider=outfame -f limit=2 --paginate --jq length';
    const { pagination } = (
      await gateway.root.get('/v1/accounts?provider=outfame&include_total=true')
    ).body;
    expect(await cli.inProcess(line)).toMatchObject({
      code: 0,
      output: `${pagination.total_count}\n`,
    });
  });

  test('with fields or a body and no method is a POST, and says so', async () => {
    const made = await cli.inProcess('api /v1/teams -f name=by-fields --jq .data.name');
    expect(made).toMatchObject({ code: 0, output: 'by-fields\n' });
    const { output } = await cli.inProcess('api --help');
    expect(output.replace(/\s+/g, ' ')).toMatch(/-f, .* makes it a POST without METHOD/);
  });
});

describe('a word after --json', () => {
  const get = (line: string) => cli.inProcess(line);

  test('is the argument where that would be missing', async () => {
    const own = (await gateway.root.get('/v1/accounts/outfame:acc_aCme1Fit00')).body.data;
    await writeFile(join(cli.folder, 'id.txt'), own.id);
    for (const words of ['acc_aCme1Fit00', 'outfame:acc_aCme1Fit00', own.id, '- < id.txt']) {
      const { output } = await get(`accounts get --json ${words}`);
      expect([JSON.parse(output)].flat()).toMatchObject([{ id: own.id, username: own.username }]);
    }
    const named = await get('accounts get acc_aCme1Fit00 --json id');
    expect(JSON.parse(named.output)).toEqual({ id: own.id });
  });

  test('is a list of fields where it cannot be the argument', async () => {
    expect(await get('accounts get --json id,username')).toMatchObject({
      code: 2,
      errors: expect.stringContaining("missing required argument 'id'"),
    });
  });
});

test('a provider that said nothing is not told to have said null', async () => {
  const provider = { id: 'octopost', status: null, code: null, message: null };
  const problem = {
    ...{ type: 'urn:rollcall:error:provider-error', title: 'Provider error', status: 502 },
    ...{ code: 'provider_error', detail: 'OctoPost does not answer.', request_id: 'req_1' },
    provider,
  };
  const server = createServer((_request, response) => {
    response.writeHead(502, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify(problem));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { code, errors } = await cli.inProcess('accounts update acc_1 --labels a=b', {
    ROLLCALL_URL: `http://127.0.0.1:${port}`,
  });
  expect({ code, errors }).toEqual({
    code: 7,
    errors: 'Error: OctoPost does not answer. (provider_error)\n  request: req_1\n',
  });
  server.close();
});

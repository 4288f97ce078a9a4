import { join } from 'node:path';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { checkout } from '../support/checkout.js';
import { type CommandLine, commandLine } from '../support/cli.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { findFreePort } from '../support/tcp-postgres.js';
import { type AgentSettings, agentOf, ERAS, type Era, makeClient } from './agent.js';
import { carriesOut } from './dialogue.js';

let gateway: Gateway;
let owner: Client;
let cli: CommandLine;
let accounts: readonly string[];
beforeAll(async () => {
  gateway = await startGateway({ accounts: 10 });
  const team = await gateway.newTeam('owner');
  owner = team.client;
  await gateway.connect('outfame', team.id);
  cli = await commandLine(gateway.url, owner.key);
  const { data } = (await owner.get('/v1/accounts?status=active')).body;
  accounts = data.map(({ id }: { id: string }) => id);
});
afterAll(async () => {
  await cli?.remove();
  await gateway?.stop();
});

/** The official client with `rollcall mcp` as the program that it starts. */
async function started(settings: AgentSettings) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(checkout, 'src/setup/rollcall.mjs'), 'mcp'],
    env: { ROLLCALL_URL: gateway.url, ROLLCALL_API_KEY: owner.key ?? '', HOME: cli.folder },
    stderr: 'pipe',
  });
  let said = '';
  transport.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const client = makeClient(settings);
  const faults: unknown[] = [];
  client.onerror = (error) => faults.push(error);
  await client.connect(transport);
  return {
    agent: agentOf(client),
    /** Closes the program's standard input, and waits until it has ended. */
    end: async () => {
      await client.close();
      expect({ said, faults }).toEqual({ said: '', faults: [] });
    },
  };
}

describe.each(Object.keys(ERAS) as Era[])('rollcall mcp, revision %s', (era) => {
  test('serves a client that starts it: tools, reads, and a disconnect that waits', async () => {
    const { agent, end } = await started({ era, name: 'desk' });
    expect(agent.client.getNegotiatedProtocolVersion()).toBe(era);
    const { tools } = await agent.client.listTools();
    expect(tools.map(({ name }) => name)).toContain('disconnect_execute');
    const found = await agent.call('accounts_find', { limit: 2 });
    expect(found.data.accounts).toHaveLength(2);
    const gone = await agent.call('account_get', { account: 'acct_nobody' });
    expect(gone).toMatchObject({ isError: true, text: expect.stringContaining('`not_found`') });

    const [id] = accounts.slice(Object.keys(ERAS).indexOf(era));
    const planned = await agent.call('disconnect_plan', { accounts: [id] });
    expect(planned.data).toMatchObject({ count: 1 });
    const reply = await agent.call('disconnect_execute', carriesOut(planned));
    expect(reply.data).toMatchObject({
      awaiting_approval: true,
      disconnect: { state: 'awaiting_approval' },
    });
    await end();
    expect((await owner.get(`/v1/accounts/${id}`)).body.data.status).not.toBe('disconnected');
  });
});

const messages = (...all: readonly object[]) =>
  all.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join('');
const INITIALIZE = {
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
};

test('standard output has the protocol and nothing else, whatever comes in', async () => {
  const serving = cli.start(['mcp']);
  const { child } = serving;
  child.stdin?.write(messages(INITIALIZE, { method: 'notifications/initialized' }));
  child.stdin?.write('no message\n{"jsonrpc":"2.0"}\n\n');
  child.stdin?.write(messages({ id: 2, method: 'tools/call', params: { name: 'no_such_tool' } }));
  child.stdin?.write(messages({ id: 3, method: 'tools/list' }));
  await serving.says(/"id":3\b[^\n]*\n/);
  child.stdin?.end();
  const { code, output } = await serving.ended;
  expect(code).toBe(0);
  const lines = output.trimEnd().split('\n');
  const ids = lines.map((line) => {
    const { jsonrpc, id } = JSON.parse(line);
    expect(jsonrpc).toBe('2.0');
    return id;
  });
  expect(ids).toEqual(expect.arrayContaining([1, 2, 3]));
});

describe('rollcall mcp ends', () => {
  test('quietly when its input does', async () => {
    expect(await cli.run(['mcp'])).toEqual({ code: 0, output: '', errors: '' });
  });

  test('with 4 and a sentence for a key that is not good', async () => {
    const { code, output, errors } = await cli.run(['mcp'], '', { ROLLCALL_API_KEY: 'rc_wrong' });
    expect({ code, output }).toEqual({ code: 4, output: '' });
    expect(errors).toMatch(/^Error: The key is unknown, mistyped or revoked\./);
  });

  test('with 4 where there is no key', async () => {
    const { code, output, errors } = await cli.run(['mcp'], '', { ROLLCALL_API_KEY: '' });
    expect({ code, output }).toEqual({ code: 4, output: '' });
    expect(errors).toMatch(/^Error: There is no key: run `rollcall login`/);
  });

  test('with 7 where there is no gateway', async () => {
    const ROLLCALL_URL = `http://127.0.0.1:${await findFreePort()}`;
    const { code, output } = await cli.run(['mcp'], '', { ROLLCALL_URL });
    expect({ code, output }).toEqual({ code: 7, output: '' });
  });

  test('with 130 when it is interrupted', async () => {
    const serving = cli.start(['mcp']);
    serving.child.stdin?.write(messages(INITIALIZE));
    await serving.says(/"id":1\b/);
    serving.child.kill('SIGINT');
    expect((await serving.ended).code).toBe(130);
  });
});

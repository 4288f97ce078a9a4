import { Ajv2020 } from 'ajv/dist/2020.js';
import { TOOLS } from '../../src/mcp/server.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Agent, connectAgent, ERAS, type Era } from './agent.js';
import { carriesOut } from './dialogue.js';

let gateway: Gateway;
let owner: Client;
let teamId: string;
let connectionId: string;
beforeAll(async () => {
  gateway = await startGateway();
  const team = await gateway.newTeam('owner');
  owner = team.client;
  teamId = team.id;
  connectionId = await gateway.connect('octopost', team.id);
  await gateway.connect('outfame', team.id);
  await gateway.settled();
});
afterAll(() => gateway.stop());

async function keyOf(more: object): Promise<string> {
  return (await owner.post('/v1/keys', { name: 'agent', ...more })).body.data.key;
}
const names = async ({ client }: Agent) => (await client.listTools()).tools.map(({ name }) => name);
/** An agent of its own for a test. */
async function withAgent(key: string | undefined, era: Era, work: (agent: Agent) => Promise<void>) {
  const agent = await connectAgent(gateway.url, key, { era });
  await work(agent).finally(() => agent.close());
}

/** They have tests of their own. */
const DISCONNECTS = ['disconnect_get', 'disconnect_plan', 'disconnect_execute'];

describe.each(Object.keys(ERAS) as Era[])('revision %s', (era) => {
  let agent: Agent;
  let accountId: string;
  beforeAll(async () => {
    agent = await connectAgent(gateway.url, owner.key, { era });
    const { body } = await owner.get('/v1/accounts?provider=octopost&limit=1&status=active');
    accountId = body.data[0].id;
  });
  afterAll(() => agent.close());

  test('is the one that was agreed on', () => {
    expect(agent.client.getNegotiatedProtocolVersion()).toBe(era);
    expect(agent.client.getServerVersion()).toMatchObject({ name: 'rollcall' });
    expect(agent.client.getInstructions()).toContain('a person confirms or approves');
  });

  test('every tool that reads answers as its schema says, in data and in text', async () => {
    const { tools } = await agent.client.listTools();
    const profile = (await owner.get('/v1/profiles?limit=1')).body.data[0].id;
    const given: Record<string, Record<string, unknown>> = {
      account_get: { account: accountId },
      account_health: { account: accountId },
      account_probe: { account: accountId },
      account_label: { account: accountId, labels: { brand: 'acme', [era]: 'yes' } },
      profile_get: { profile_id: profile },
      sweeps_list: { connection_id: connectionId },
      connection_sweep: { connection_id: connectionId },
    };
    const called = tools.filter(({ name }) => !DISCONNECTS.includes(name));
    expect(called.length).toBeGreaterThan(12);
    for (const { name, outputSchema } of called) {
      const reply = await agent.call(name, given[name]);
      expect([name, reply.isError, reply.text.split('\n')[0]]).toEqual([
        name,
        false,
        expect.any(String),
      ]);
      expect(outputSchema).toMatchObject({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
      });
      const check = new Ajv2020({ strict: false }).compile(outputSchema as object);
      expect([name, check(reply.data), check.errors]).toEqual([name, true, null]);
      expect(JSON.parse(reply.text.split('\n').at(-1) ?? '')).toEqual(reply.data);
    }
  });

  test('accounts are found page after page, and told of one by one', async () => {
    const all = (await owner.get('/v1/accounts?limit=200')).body.data;
    const ids: string[] = [];
    let cursor: string | null | undefined;
    for (let read = 0; read < all.length && cursor !== null; read += 3) {
      const page = await agent.call('accounts_find', { limit: 3, ...(cursor && { cursor }) });
      ids.push(...page.data.accounts.map(({ id }: { id: string }) => id));
      if (!cursor) expect(page.data.total_count).toBe(all.length);
      cursor = page.data.next_cursor;
    }
    expect(cursor).toBeNull();
    expect(ids).toEqual(all.map(({ id }: { id: string }) => id));

    const one = all.find(({ health }: { health: { reason: string } }) => health.reason !== null);
    const { data, text } = await agent.call('account_health', { account: one.ref });
    expect(data).toMatchObject({
      account: { id: one.id, ref: one.ref, status: one.status },
      diagnosis: {
        status: one.health.status,
        reason: one.health.reason,
        fault: one.health.fault,
        next_step: one.health.next_step,
        cause: expect.stringMatching(/\.$/),
        what_to_do: expect.stringMatching(/\.$/),
      },
      evidence: { provider: { status: 'operational' } },
    });
    expect(text).toContain(data.diagnosis.cause);
  });

  test('a wrong argument, id or cursor is told in the result, with what to do', async () => {
    const wrong = await agent.call('accounts_find', { health: ['sick'], confirmed: true });
    expect(wrong).toMatchObject({ isError: true, data: undefined });
    expect(wrong.text).toMatch(/^Refused with `validation_error`/);
    expect(wrong.text).toContain('"field":"health.0","message":"must be one of: healthy, warning');
    expect(wrong.text).toContain('"field":"confirmed","message":"unknown argument; known: ');
    const missing = await agent.call('account_get', {});
    expect(missing.text).toContain('"field":"account","message":"is required"');
    const gone = await agent.call('account_get', { account: 'acct_nobody' });
    expect(gone.isError).toBe(true);
    expect(gone.text).toMatch(/`not_found`.*do not guess ids/);
    const forged = await agent.call('accounts_find', { cursor: 'forged' });
    expect(forged.text).toMatch(/`cursor_mismatch`.*without `cursor`/);
  });

  test('resources are read by their address', async () => {
    const { resourceTemplates } = await agent.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'rollcall://accounts/{id}',
      'rollcall://providers/{id}',
    ]);
    const read = async (uri: string) => {
      const { contents } = await agent.client.readResource({ uri });
      return (contents[0] as { text: string }).text;
    };
    expect(JSON.parse(await read(`rollcall://accounts/${accountId}`))).toMatchObject({
      account: { id: accountId },
    });
    expect(JSON.parse(await read('rollcall://providers/outfame'))).toMatchObject({
      provider: { id: 'outfame' },
    });
    expect(await read('rollcall://docs/reasons')).toContain('`token_invalid`: ');
    await expect(read('rollcall://accounts/acct_nobody')).rejects.toThrow(/not found/i);
  });

  test('a key sees the tools of its scopes, of its providers and of its team', async () => {
    const reading = await keyOf({ scopes: ['read'], providers: ['outfame'] });
    await withAgent(reading, era, async (reader) => {
      const all = await names(agent);
      const writing = [
        'account_probe',
        'account_label',
        'connection_sweep',
        ...DISCONNECTS.slice(1),
      ];
      expect(await names(reader)).toEqual(all.filter((name) => !writing.includes(name)));
      await expect(reader.call('account_probe', { account: accountId })).rejects.toThrow(
        /account_probe/,
      );
      const found = await reader.call('accounts_find', { limit: 100 });
      const providers = found.data.accounts.map(({ provider }: { provider: string }) => provider);
      expect(new Set(providers)).toEqual(new Set(['outfame']));
      expect((await reader.call('account_get', { account: accountId })).text).toContain(
        '`not_found`',
      );
    });
    const stranger = await gateway.newTeam(`stranger ${era}`);
    await withAgent(stranger.client.key, era, async (other) => {
      expect((await other.call('accounts_find')).data).toMatchObject({ accounts: [] });
      expect((await other.call('account_health', { account: accountId })).text).toContain(
        '`not_found`',
      );
      expect((await other.call('sweeps_list', { connection_id: connectionId })).isError).toBe(true);
    });
  });
});

test('tools keep to the rules for them', async () => {
  expect(TOOLS.length).toBeLessThanOrEqual(20);
  expect(new Set(TOOLS.map(({ name }) => name)).size).toBe(TOOLS.length);
  for (const tool of TOOLS) {
    const { name, description, hints, audit, requiredScope } = tool;
    expect([name, description]).toEqual([
      name,
      expect.stringMatching(/^.+\.\n\nUse this tool when you need to:\n- [\s\S]+\n\nExamples:\n- /),
    ]);
    expect([name, Object.keys(hints).sort()]).toEqual([
      name,
      ['destructive', 'idempotent', 'openWorld', 'readOnly'],
    ]);
    // What reads needs no more than `read`; a plan is asked for on the route that carries it out.
    const reads = hints.readOnly && name !== 'disconnect_plan';
    expect([name, requiredScope]).toEqual([name, reads ? 'read' : 'write']);
    expect([name, 'none' in audit ? audit.none.length : audit.actions.length]).toEqual([
      name,
      expect.any(Number),
    ]);
    if (!hints.readOnly && 'none' in audit) expect(audit.none).toMatch(/changes nothing/);
  }
});

test('writes are in the audit log under the key, with the id of the request', async () => {
  const [account] = (await owner.get('/v1/accounts?limit=1')).body.data;
  const sent = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${owner.key}`,
      'Content-Type': 'application/json',
      Accept: 'application/json, text/event-stream',
      'X-Request-ID': 'asked-by-agent',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'account_label',
        arguments: { account: account.id, labels: { seen: 'yes' } },
      },
    }),
  });
  expect([sent.status, sent.headers.get('x-request-id')]).toEqual([200, 'asked-by-agent']);
  const agent = await connectAgent(gateway.url, owner.key);
  const found = await agent.call('audit_search', { request_id: 'asked-by-agent' });
  await agent.close();
  expect(found.data.entries).toMatchObject([
    { action: 'account.labels_changed', target_id: account.id, request_id: 'asked-by-agent' },
  ]);
});

describe('the audit log has the name of the client', () => {
  const last = async (action: string) =>
    (await owner.get(`/v1/audit?action=${action}&limit=1`)).body.data[0];

  test.each([
    ['2026-07-28', 'desk – é 1.0'],
    // That revision tells it at the start of a session alone, and there are none.
    ['2025-11-25', 'node'],
  ] as const)('with whatever a tool writes, revision %s', async (era, name) => {
    await gateway.settled();
    const [account] = (await owner.get('/v1/accounts?limit=1&status=active')).body.data;
    const given: Record<string, Record<string, unknown>> = {
      account_label: { account: account.id, labels: { asked: `by ${era}` } },
      connection_sweep: { connection_id: connectionId },
    };
    const agent = await connectAgent(gateway.url, owner.key, { era, name: 'desk – é' });
    const planned = await agent.call('disconnect_plan', { accounts: [account.id] });
    given.disconnect_execute = carriesOut(planned);
    for (const { name: tool, audit } of TOOLS) {
      if ('none' in audit) continue;
      const reply = await agent.call(tool, given[tool]);
      expect([tool, reply.isError]).toEqual([tool, false]);
      for (const action of audit.actions)
        expect([action, (await last(action)).after.agent]).toEqual([
          action,
          expect.objectContaining({ client: name }),
        ]);
    }
    await agent.close();
  });

  test('where a program gives one, made harmless; otherwise there is none', async () => {
    const [account] = (await owner.get('/v1/accounts?limit=1')).body.data;
    const labelled = async (value: string, headers: Record<string, string>) => {
      const path = `/v1/accounts/${account.id}`;
      const { status } = await owner.patch(path, { labels: { value } }, headers);
      expect(status).toBe(200);
      return (await last('account.labels_changed')).after.agent;
    };
    const hostile = `%00%E2%80%AE%ED%A0%80\\u0000 ${'x'.repeat(300)}%`;
    const { client } = await labelled('1', { 'Rollcall-Agent': hostile });
    expect(client).toMatch(/^[\x20-\x7e]{90,100}$/);
    const decoded = { 'Rollcall-Agent': '%00%E2%80%AEdesk%20%C3%A9' };
    expect(await labelled('4', decoded)).toEqual({ client: 'desk é' });
    expect(await labelled('2', { 'Rollcall-Agent': '%E2%80%8B' })).toBeUndefined();
    expect(await labelled('3', {})).toBeUndefined();
  });
});

test('root acts for the team that its header names', async () => {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const { agentOf, makeClient } = await import('./agent.js');
  const client = makeClient({});
  const headers = { Authorization: `Bearer ${gateway.root.key}`, 'Rollcall-Team': teamId };
  const address = new URL(`${gateway.url}/mcp`);
  await client.connect(new StreamableHTTPClientTransport(address, { requestInit: { headers } }));
  const agent = agentOf(client);
  expect((await agent.call('accounts_find', { limit: 1 })).data.accounts).toHaveLength(1);
  await agent.close();
});

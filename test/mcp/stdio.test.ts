import { PassThrough } from 'node:stream';
import { ReadBuffer, serializeMessage, type Transport } from '@modelcontextprotocol/client';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { createRollcall } from '../../src/client/index.js';
import { serveMcpOverStdio } from '../../src/mcp/index.js';
import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Agent, type AgentSettings, agentOf, ERAS, type Era, makeClient } from './agent.js';
import { carriesOut } from './dialogue.js';

let gateway: Gateway;
let owner: Client;
let accounts: readonly string[];
beforeAll(async () => {
  gateway = await startGateway({ accounts: 10 });
  const team = await gateway.newTeam('owner');
  owner = team.client;
  await gateway.connect('outfame', team.id);
  const { data } = (await owner.get('/v1/accounts?status=active')).body;
  accounts = data.map(({ id }: { id: string }) => id);
});
afterAll(() => gateway.stop());

/** The client's end of the two pipes. */
function pipes(toServer: PassThrough, fromServer: PassThrough): Transport {
  const buffer = new ReadBuffer();
  const transport: Transport = {
    start: async () => {
      fromServer.on('data', (chunk: Buffer) => {
        buffer.append(chunk);
        let message = buffer.readMessage();
        for (; message !== null; message = buffer.readMessage()) transport.onmessage?.(message);
      });
    },
    send: async (message) => {
      toServer.write(serializeMessage(message));
    },
    close: async () => {
      toServer.end();
      transport.onclose?.();
    },
  };
  return transport;
}

/** An agent whose server runs beside it, on pipes, and asks the gateway over the network. */
async function onPipes(key: string | undefined, settings: AgentSettings): Promise<Agent> {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const errors: Error[] = [];
  const end = await serveMcpOverStdio({
    apiFor: (agent) =>
      createRollcall({ baseUrl: gateway.url, key: key ?? '', ...(agent && { agent }) }),
    version: '1.0.0',
    onError: (error) => errors.push(error),
    transport: new StdioServerTransport(input, output),
  });
  const client = makeClient(settings);
  await client.connect(pipes(input, output));
  const agent = agentOf(client);
  return {
    ...agent,
    close: async () => {
      await agent.close();
      await end();
      expect(errors).toEqual([]);
    },
  };
}

describe.each(Object.keys(ERAS) as Era[])('over stdio, revision %s', (era) => {
  test('the tools are those of the key, and answer as over HTTP', async () => {
    const agent = await onPipes(owner.key, { era });
    expect(agent.client.getNegotiatedProtocolVersion()).toBe(era);
    expect((await agent.client.listTools()).tools).toHaveLength(19);
    const found = await agent.call('accounts_find', { limit: 2 });
    expect(found.data.accounts).toHaveLength(2);
    await agent.close();
    const made = await owner.post('/v1/keys', { name: 'reader', scopes: ['read'] });
    const reader = await onPipes(made.body.data.key, { era });
    expect((await reader.client.listTools()).tools).toHaveLength(14);
    await reader.close();
  });

  test('a person is asked on the connection, in either revision', async () => {
    const [id] = accounts.slice(Object.keys(ERAS).indexOf(era));
    const messages: string[] = [];
    const agent = await onPipes(owner.key, {
      era,
      person: (message) => {
        messages.push(message);
        return { action: 'accept', content: { count: 1 } };
      },
    });
    const planned = await agent.call('disconnect_plan', { accounts: [id] });
    const reply = await agent.call('disconnect_execute', carriesOut(planned));
    await agent.close();
    expect(messages).toEqual([expect.stringContaining('Disconnect 1 account?')]);
    expect(reply).toMatchObject({ isError: false, data: { awaiting_approval: false } });
  });
});

test('without a person to ask it waits for an approval', async () => {
  const agent = await onPipes(owner.key, { era: '2025-11-25' });
  const planned = await agent.call('disconnect_plan', { accounts: accounts.slice(-1) });
  const reply = await agent.call('disconnect_execute', carriesOut(planned));
  await agent.close();
  expect(reply.data).toMatchObject({ awaiting_approval: true });
});

test('a key that is not good ends it at the start', async () => {
  await expect(onPipes('rc_wrong', {})).rejects.toThrow(/unauthorized/);
});

import type { Client } from '../support/client.js';
import type { Gateway } from '../support/gateway.js';
import { type Agent, type AgentSettings, connectAgent, type ToolReply } from './agent.js';

/** A request of the protocol as bytes: what an honest client would not send. */
interface RawCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
  readonly inputResponses?: Record<string, unknown>;
  readonly requestState?: string;
  /** Whether the client says that it can ask a person. */
  readonly canAsk?: boolean;
}

/** What a hostile dialogue has to play with. */
export interface World {
  readonly gateway: Gateway;
  readonly owner: Client;
  /** Ids of active accounts of the owner, all of one provider. */
  readonly accounts: readonly string[];
  /** An account of another team. */
  readonly foreign: string;
  readonly strangerKey: string;
  /** A new key of the owner's team that may write. */
  key(more?: object): Promise<{ readonly id: string; readonly key: string }>;
  /** Talks through an agent with a key of its own. */
  talk<Said>(settings: AgentSettings, work: (agent: Agent) => Promise<Said>): Promise<Said>;
  raw(key: string, call: RawCall): Promise<ReturnType<typeof JSON.parse>>;
  advance(ms: number): void;
}

/** Arguments that carry out what was planned. */
export const carriesOut = ({ data }: ToolReply) => ({
  plan_hash: data.plan_hash,
  confirmation_token: data.confirmation_token,
});

export function worldOf(
  parts: Pick<World, 'gateway' | 'owner' | 'accounts' | 'foreign' | 'strangerKey' | 'advance'>,
): World {
  const { gateway, owner } = parts;
  const key: World['key'] = async (more = {}) => {
    const made = await owner.post('/v1/keys', { name: 'agent', scopes: ['write'], ...more });
    return { id: made.body.data.id, key: made.body.data.key };
  };
  return {
    ...parts,
    key,
    talk: async (settings, work) => {
      const agent = await connectAgent(gateway.url, (await key()).key, settings);
      return work(agent).finally(() => agent.close());
    },
    raw: async (bearer, { canAsk = true, ...params }) => {
      const meta = 'io.modelcontextprotocol/';
      const response = await fetch(`${gateway.url}/mcp`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${bearer}`,
          'Content-Type': 'application/json',
          Accept: 'application/json, text/event-stream',
          'MCP-Protocol-Version': '2026-07-28',
          'Mcp-Method': 'tools/call',
          'Mcp-Name': params.name,
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: {
            ...params,
            _meta: {
              [`${meta}protocolVersion`]: '2026-07-28',
              [`${meta}clientInfo`]: { name: 'raw', version: '1' },
              [`${meta}clientCapabilities`]: canAsk ? { elicitation: { form: {} } } : {},
            },
          },
        }),
      });
      return response.json();
    },
  };
}

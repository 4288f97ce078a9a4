import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

/** The revisions of the protocol, by how a client finds the one to speak. */
export const ERAS = { '2025-11-25': 'legacy', '2026-07-28': { pin: '2026-07-28' } } as const;
export type Era = keyof typeof ERAS;

/** What a tool answered. */
export interface ToolReply {
  readonly isError: boolean;
  /** All text of the answer. */
  readonly text: string;
  /** Tests look into it freely. */
  readonly data: ReturnType<typeof JSON.parse>;
}

/** A client of the official SDK, connected. */
export interface Agent {
  readonly client: Client;
  call(name: string, given?: Record<string, unknown>): Promise<ToolReply>;
  close(): Promise<void>;
}

export interface AgentSettings {
  readonly era?: Era;
  readonly name?: string;
  /**
   * What the person behind the client does when asked; without it the client cannot ask anybody.
   */
  readonly person?: (message: string) => { action: string; content?: Record<string, unknown> };
}

/** The client before it is connected. */
export function makeClient({ era = '2026-07-28', name = 'test agent', person }: AgentSettings) {
  const client = new Client(
    { name, version: '1.0' },
    {
      versionNegotiation: { mode: ERAS[era] },
      capabilities: person ? { elicitation: { form: {} } } : {},
    },
  );
  if (person)
    client.setRequestHandler(
      'elicitation/create',
      async ({ params }) => person(params.message) as { action: 'accept' },
    );
  return client;
}

export async function connectAgent(
  url: string,
  key: string | undefined,
  settings: AgentSettings = {},
): Promise<Agent> {
  const client = makeClient(settings);
  const headers: Record<string, string> =
    key === undefined ? {} : { Authorization: `Bearer ${key}` };
  const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: { headers },
  });
  await client.connect(transport);
  return agentOf(client);
}

export function agentOf(client: Client): Agent {
  return {
    client,
    call: async (name, given = {}) => {
      const result = await client.callTool({ name, arguments: given });
      const content = result.content as readonly { type: string; text?: string }[];
      return {
        isError: result.isError === true,
        text: content.map(({ text = '' }) => text).join('\n'),
        data: result.structuredContent,
      };
    },
    close: () => client.close(),
  };
}

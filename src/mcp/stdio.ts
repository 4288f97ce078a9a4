import { randomBytes } from 'node:crypto';
import type { Transport } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Rollcall } from '../client/index.js';
import { createMcpServer } from './server.js';

/** Names that one connection goes by: more are of no honest client. */
const MAX_CLIENTS = 10;

/** Whom a server on standard input and output works for. */
export interface StdioSettings {
  /** The gateway, as the key has it. @param agent that asks, for the audit log */
  readonly apiFor: (agent?: string) => Rollcall;
  readonly version: string;
  /** Is told, on standard error, what goes wrong unexpectedly. */
  readonly onError: (error: Error) => void;
  /** Standard input and output when left out. */
  readonly transport?: Transport;
}

/**
 * Serves the tools of the gateway's `/mcp` on standard input and output, for one client.
 * @returns ends it
 * @throws RollcallError when the key is not good
 */
export async function serveMcpOverStdio(settings: StdioSettings): Promise<() => Promise<void>> {
  const { version, onError, transport } = settings;
  const { data: answer } = await settings.apiFor().GET('/v1/whoami');
  if (answer === undefined) throw new Error('the API answered without a body');
  const { team, key } = answer.data;
  // One process serves all of a client's calls.
  const stateKey = randomBytes(32).toString('base64');
  const principal = `${key.id} ${team.id}`;
  const { scopes } = key;
  const clients = new Map<string | undefined, Rollcall>();
  // One client of the gateway's for all of an agent's calls: what it has written it reads.
  const apiFor = (agent?: string) => {
    const api = clients.get(agent) ?? settings.apiFor(agent);
    if (clients.size < MAX_CLIENTS) clients.set(agent, api);
    return api;
  };
  const handle = serveStdio(
    () => createMcpServer({ apiFor, principal, scopes, version, stateKey, onError }),
    { onerror: onError, ...(transport && { transport }) },
  );
  return () => handle.close();
}

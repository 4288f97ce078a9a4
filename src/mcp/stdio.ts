import { randomBytes } from 'node:crypto';
import type { Transport } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Rollcall } from '../client/index.js';
import { createMcpServer } from './server.js';

/** Whom a server on standard input and output works for. */
export interface StdioSettings {
  /** The gateway, as the key has it. */
  readonly api: Rollcall;
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
  const { api, version, onError, transport } = settings;
  const { data: answer } = await api.GET('/v1/whoami');
  if (answer === undefined) throw new Error('the API answered without a body');
  const { team, key } = answer.data;
  // One process serves all of a client's calls.
  const stateKey = randomBytes(32).toString('base64');
  const principal = `${key.id} ${team.id}`;
  const { scopes } = key;
  const handle = serveStdio(
    () => createMcpServer({ api, principal, scopes, version, stateKey, onError }),
    { onerror: onError, ...(transport && { transport }) },
  );
  return () => handle.close();
}

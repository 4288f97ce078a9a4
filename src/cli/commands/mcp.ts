import { once } from 'node:events';
import type { OwnCall } from '../declared.js';

/** Serves the Model Context Protocol until the standard input ends. */
export async function serveMcp(call: OwnCall): Promise<void> {
  const { context } = call;
  const apiFor = await context.clientsOf(await context.settings.access(call.options));
  const { serveMcpOverStdio } = await import('../../mcp/index.js');
  const { VERSION } = await import('../../lib/version.js');
  const end = await serveMcpOverStdio({
    apiFor,
    version: VERSION,
    onError: ({ message }) => context.say(message),
  });
  await once(context.streams.input, 'end');
  await end();
}

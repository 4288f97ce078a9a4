import type { StdioSettings } from './stdio.js';

export { hostGuard, type PublicPlace } from './host-guard.js';
export { mcpRoute } from './route.js';

/** See `stdio.ts`; what it is made of is loaded when it is asked for. */
export async function serveMcpOverStdio(settings: StdioSettings): Promise<() => Promise<void>> {
  const stdio = await import('./stdio.js');
  return stdio.serveMcpOverStdio(settings);
}

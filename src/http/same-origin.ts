import type { Request } from 'express';

/**
 * Whose page made a browser send this: our own, another origin's, or `unknown` where no browser says
 * so. A person who opens an address counts as our own.
 */
export function senderOf(request: Request): 'own' | 'foreign' | 'unknown' {
  const site = request.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none' ? 'own' : 'foreign';
  const origin = request.get('origin');
  if (origin === undefined) return 'unknown';
  return hostOf(origin) === hostOf(`${request.protocol}://${request.host}`) ? 'own' : 'foreign';
}

/** With the port, unless it is the usual one; `undefined` for what is no address, such as `null`. */
function hostOf(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).host : undefined;
}

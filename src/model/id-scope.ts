import type { Platform } from './account.js';

/**
 * Within what a network's user id names one profile: everywhere (`global`), at the provider's app
 * alone (`app`), at one server of the network (`instance`), or nobody knows (`unknown`).
 */
export const ID_SCOPES = ['global', 'app', 'instance', 'unknown'] as const;
export type IdScope = (typeof ID_SCOPES)[number];

/** The scope of a network's user ids as a provider shows them. */
export function idScope(
  { platformUserIds = {} }: { readonly platformUserIds?: Readonly<Record<Platform, IdScope>> },
  platform: Platform,
): IdScope {
  const scopes = new Map(Object.entries(platformUserIds));
  return scopes.get(platform) ?? scopes.get('*') ?? 'unknown';
}

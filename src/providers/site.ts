import type { AnyAdapter } from '../model/index.js';

/** Where a connection's requests go: to `baseUrl`, or to the provider's own where it is `null`. */
export interface Address {
  readonly provider: string;
  readonly baseUrl: string | null;
}

/**
 * Names a provider at one origin: its id for its own, and the id with the origin behind it for
 * others, such as an installation that a company runs itself. What fails at one site shows nothing
 * of another.
 * @throws TypeError when the base URL is invalid
 */
export function siteOf(
  { id, baseUrl: own }: Pick<AnyAdapter, 'id' | 'baseUrl'>,
  baseUrl: string | null,
): string {
  const { origin } = new URL(baseUrl ?? own);
  return origin === new URL(own).origin ? id : `${id} ${origin}`;
}

/** The provider that a site is of. */
export function providerOf(site: string): string {
  return site.split(' ', 1)[0] ?? site;
}

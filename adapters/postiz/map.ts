import type { ObservedAccount } from '../../src/model/index.js';
import { handle, NO_METRICS, NOT_TOLD, profileUrl, UNREADABLE } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

/** Networks by what Postiz calls them; any other is called as it is. */
const NETWORKS = new Map([
  ['x', 'twitter'],
  ['gmb', 'googlebusiness'],
  ['wrapcast', 'farcaster'],
]);

/** The network of an `identifier`, which may end with the way into it: `instagram-standalone`. */
function networkOf(identifier: string | null): string | null {
  const name = identifier?.replace(/-(page|standalone)$/, '') ?? null;
  return name === null ? null : (NETWORKS.get(name) ?? name);
}

/** The `identifier` of a network's usual way in. */
export function identifierOf(platform: string): string {
  return [...NETWORKS].find(([, network]) => network === platform)?.[0] ?? platform;
}

/** `disabled` is set by hand or by the plan's limit. Of the token nothing is told. */
function mapState({ disabled }: AccountWire): Pick<ObservedAccount, 'status' | 'verdict'> {
  if (disabled === null) return { status: null, verdict: UNREADABLE };
  if (!disabled) return { status: 'active', verdict: NOT_TOLD };
  return {
    status: 'paused',
    verdict: { status: 'warning', reason: 'account_paused', fault: 'account' },
  };
}

function mapGroup({ customer }: AccountWire): Required<ObservedAccount>['providerGroup'] {
  if (typeof customer?.id !== 'string' || customer.id === '') return null;
  return { id: customer.id, name: typeof customer.name === 'string' ? customer.name : null };
}

export function mapAccount(wire: AccountWire): ObservedAccount {
  const platform = networkOf(wire.identifier);
  const username = handle(wire.profile);
  return {
    providerAccountId: wire.id,
    platform,
    username,
    displayName: wire.name,
    avatarUrl: wire.picture,
    profileUrl: profileUrl(platform, username),
    ...mapState(wire),
    advice: [],
    metrics: NO_METRICS,
    providerGroup: mapGroup(wire),
  };
}

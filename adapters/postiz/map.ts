import type { MappedAccount, State } from '../../src/model/index.js';
import { groupOf, handle, NOT_TOLD, STATES } from '../../src/model/index.js';
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

/** `disabled` is set by a person or by the plan's limit. The API says nothing about the token. */
function mapState({ disabled }: AccountWire): State {
  if (disabled === null) return STATES.answer_unreadable;
  return disabled ? STATES.account_paused : { status: 'active', verdict: NOT_TOLD };
}

export function mapAccount(wire: AccountWire): MappedAccount {
  return {
    providerAccountId: wire.id,
    platform: networkOf(wire.identifier),
    username: handle(wire.profile),
    displayName: wire.name,
    avatarUrl: wire.picture,
    ...mapState(wire),
    providerGroup: groupOf(wire.customer),
  };
}

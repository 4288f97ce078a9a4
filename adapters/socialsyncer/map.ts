import type { GrantReport, MappedAccount, UnreadableFields } from '../../src/model/index.js';
import { grantState, handle } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';
import { pairSchema } from './schema.js';

/** `platform/accountId`, byte for byte. */
export function accountId(pair: { readonly platform: string; readonly accountId: string }): string {
  return `${pair.platform}/${pair.accountId}`;
}

/** The id of the account that an item shows; `undefined` when it shows none. */
export function accountIdIn(item: unknown): string | undefined {
  const pair = pairSchema.safeParse(item);
  return pair.success ? accountId(pair.data) : undefined;
}

/** The two halves of an account's id. A network's name holds no `/`; a network's id may. */
export function splitAccountId(id: string): readonly [platform: string, accountId: string] {
  const [platform = '', ...accountId] = id.split('/');
  return [platform, accountId.join('/')];
}

/** Joins a health item to its list item: their account's id, however the network is spelled. */
export function joinKey(item: unknown): string | undefined {
  const pair = pairSchema.safeParse(item);
  if (!pair.success) return undefined;
  return accountId({ ...pair.data, platform: pair.data.platform.toLowerCase() });
}

/** Its health report; of a token's end it has prose alone, such as "Token expires in 3 days." */
const REPORT: GrantReport = {
  fields: ['tokenValid', 'health', 'permissions', 'recommendations'],
  token: 'tokenValid',
  word: 'health',
};

export function mapAccount(
  wire: AccountWire,
  _observedAt: Date,
  unreadable: UnreadableFields,
): MappedAccount {
  const platform = wire.platform.toLowerCase();
  const username = handle(wire.username);
  const advice = wire.recommendations ?? [];
  return {
    providerAccountId: accountId(wire),
    platform,
    platformUserId: wire.accountId,
    username,
    // Facebook pages carry their title where others carry a handle.
    displayName: username === null ? wire.username : null,
    ...grantState(REPORT, wire, unreadable, { advice }),
    providerStatus: wire.health,
    tokenValid: wire.tokenValid,
    permissions: wire.permissions,
    advice,
    connectedAt: wire.connectedAt,
  };
}

import type { GrantReport, MappedAccount, State, UnreadableFields } from '../../src/model/index.js';
import { grantState, groupOf, handle, STATES } from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

type Item = Readonly<Record<string, unknown>>;

/** The bulk health leaves open why an account whose token works is not healthy. */
export function needsDetail({ tokenValid, needsReconnect, status }: Item): boolean {
  return tokenValid === true && needsReconnect !== true && status !== 'healthy';
}

const REPORT: GrantReport = {
  fields: ['status', 'tokenValid', 'needsReconnect'],
  token: 'tokenValid',
  word: 'status',
};

/** A dead grant comes first, whichever of the reports shows it. */
function mapState(wire: AccountWire, unreadable: UnreadableFields): State {
  if (wire.needsReconnection || wire.needsReconnect) return STATES.token_invalid;
  const { missingRequired: missing } = wire;
  return grantState(REPORT, wire, unreadable, { advice: adviceOf(wire), missing });
}

function adviceOf({ issues, missingRequired, recommendations }: AccountWire): readonly string[] {
  const missing = missingRequired?.map((scope) => `Missing permission: ${scope}`);
  return [issues, missing, recommendations].flatMap((texts) => texts ?? []);
}

export function mapAccount(
  wire: AccountWire,
  _observedAt: Date,
  unreadable: UnreadableFields,
): MappedAccount {
  return {
    providerAccountId: wire._id,
    platform: wire.platform,
    username: handle(wire.username),
    displayName: wire.displayName,
    avatarUrl: wire.profilePicture,
    profileUrl: wire.profileUrl,
    ...mapState(wire, unreadable),
    providerStatus: wire.status,
    tokenValid: wire.tokenValid,
    tokenExpiresAt: wire.tokenExpiresAt,
    advice: adviceOf(wire),
    metrics: { followers: wire.followersCount, asOf: wire.followersLastUpdated },
    providerGroup: groupOf(wire.profileId, '_id'),
  };
}

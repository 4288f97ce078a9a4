import type { ObservedAccount, UnreadableFields } from '../../src/model/index.js';
import {
  HEALTHY,
  handle,
  NO_METRICS,
  NOT_TOLD,
  namesExpiry,
  PERMISSION_MISSING,
  UNREADABLE,
} from '../../src/model/index.js';
import type { AccountWire } from './schema.js';

type Item = Readonly<Record<string, unknown>>;

/** The id of the account that an item of the list or of a health report shows. */
export function accountIdIn(item: unknown): string | undefined {
  const { _id, accountId }: Item = Object(item);
  const id = _id ?? accountId;
  return typeof id === 'string' || Number.isSafeInteger(id) ? String(id) : undefined;
}

/** The bulk health leaves open why an account whose token works is not healthy. */
export function needsDetail({ tokenValid, needsReconnect, status }: Item): boolean {
  return tokenValid === true && needsReconnect !== true && status !== 'healthy';
}

/**
 * A dead grant comes first, whoever tells it. Health words are an open set: any but `healthy` is a
 * warning while the token works.
 */
function mapState(
  wire: AccountWire,
  unreadable: UnreadableFields,
): Pick<ObservedAccount, 'status' | 'verdict'> {
  const { status, tokenValid, needsReconnect, needsReconnection, missingRequired } = wire;
  if (needsReconnection || needsReconnect || tokenValid === false)
    return {
      status: 'reconnect_required',
      verdict: { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
    };
  const isSilent = [status, tokenValid, needsReconnect].every((value) => value === null);
  if (isSilent && !HEALTH_FIELDS.some((name) => unreadable.has(name)))
    return { status: null, verdict: NOT_TOLD };
  if (status === null || unreadable.has('tokenValid')) return { status: null, verdict: UNREADABLE };
  const word = status.toLowerCase();
  if (word === 'healthy') return { status: 'active', verdict: HEALTHY };
  if (tokenValid === null && word !== 'warning') return { status: null, verdict: UNREADABLE };
  if (missingRequired?.length) return { status: 'active', verdict: PERMISSION_MISSING };
  const reason = adviceOf(wire).some(namesExpiry) ? 'token_expiring' : 'provider_warning';
  return { status: 'active', verdict: { status: 'warning', reason, fault: 'account' } };
}

const HEALTH_FIELDS = ['status', 'tokenValid', 'needsReconnect'];

function adviceOf({ issues, missingRequired, recommendations }: AccountWire): readonly string[] {
  const missing = missingRequired?.map((scope) => `Missing permission: ${scope}`);
  return [issues, missing, recommendations].flatMap((texts) => texts ?? []);
}

/** An id alone, or the profile whole. */
function mapGroup({ profileId }: AccountWire): Required<ObservedAccount>['providerGroup'] {
  const { _id: id, name }: Item = Object(
    typeof profileId === 'string' ? { _id: profileId } : profileId,
  );
  if (typeof id !== 'string' || id === '') return null;
  return { id, name: typeof name === 'string' && name !== '' ? name : null };
}

export function mapAccount(
  wire: AccountWire,
  _observedAt: Date,
  unreadable: UnreadableFields,
): ObservedAccount {
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
    metrics: { ...NO_METRICS, followers: wire.followersCount, asOf: wire.followersLastUpdated },
    providerGroup: mapGroup(wire),
  };
}

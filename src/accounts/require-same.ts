import { Problem } from '../http/problem.js';
import { UNKNOWN_PLATFORM } from '../model/index.js';
import type { Observation } from '../providers/index.js';
import type { FoundAccount } from './accounts.repository.js';
import { changedFacts, compareIdentity, identityOf, identityShown } from './identity.js';

/** What a caller can do when the account is not, or may not be, who was meant. */
const REMEDY =
  'Probe the account (POST /v1/accounts/{id}/probe), and repeat the request if it is the one to change.';

/**
 * Lets a change go on only while the provider shows who was meant under its id.
 * @param look made just now, before anything is changed
 * @throws Problem 409 `identity_changed` when it shows somebody else, a newer connection, or not
 * provably who was meant
 */
export function requireSame(meant: FoundAccount, look: Observation): void {
  const [before, now] = [identityOf(meant), identityShown(look)];
  if (compareIdentity(before, now, lookOf(meant, look)).result === 'same') return;
  throw identityChanged(meant, changedFacts(before, now), `Nothing was changed. ${REMEDY}`);
}

/**
 * Checks what the provider shows after a change: its id can be given to somebody else between the
 * look and the change. Only a fact that both sides have counts, as the answer to a change may leave
 * facts out.
 * @throws Problem 409 `identity_changed`
 */
export function requireSameAfter(meant: FoundAccount, shown: Observation): void {
  const [before, now] = [identityOf(meant), identityShown(shown)];
  const told = {
    platform: now.platform === UNKNOWN_PLATFORM ? before.platform : now.platform,
    platform_user_id: now.platform_user_id ?? before.platform_user_id,
    username: now.username ?? before.username,
    connected_at: now.connected_at ?? before.connected_at,
  };
  if (compareIdentity(before, told, lookOf(meant, shown)).result === 'same') return;
  const remedy = `The change was sent and may have reached the new one. ${REMEDY}`;
  throw identityChanged(meant, changedFacts(before, told), remedy);
}

const lookOf = ({ looked_at: seenAt }: FoundAccount, { coverage }: Observation) => ({
  seenAt,
  coverage,
});

function identityChanged(meant: FoundAccount, facts: readonly string[], what: string): Problem {
  return new Problem(
    'identity_changed',
    `The account is no longer the one that the request was made for: ${facts.join(', ')}. ${what}`,
    { account_id: meant.id, fault: 'account' },
  );
}

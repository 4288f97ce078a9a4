import { UNKNOWN_PLATFORM } from '../model/index.js';
import type { Coverage, Observation } from '../providers/index.js';
import { usernameKey } from './account-filter.js';
import type { AccountRow } from './accounts.repository.js';
import { namesNobody } from './nobody.js';

/** Who holds an account at a provider, as one look showed it. `null`: the provider did not say. */
export interface Identity {
  /** `UNKNOWN_PLATFORM` where it cannot be read. */
  readonly platform: string;
  readonly platform_user_id: string | null;
  readonly username: string | null;
  /** RFC 3339 in UTC. */
  readonly connected_at: string | null;
}

/** The facts of an identity, each of which a provider may leave out. */
export const COMPARED_FACTS = ['platform', 'platform_user_id', 'username', 'connected_at'] as const;
export type ComparedFact = (typeof COMPARED_FACTS)[number];

/** Who an account is, as the last good look showed it. */
export const identityOf = (account: AccountRow): Identity => ({
  platform: account.platform,
  platform_user_id: account.platform_user_id,
  username: account.username,
  connected_at: account.connected_at?.toISOString() ?? null,
});

/** Who an account is, as this look shows it. */
export const identityShown = ({ account }: Observation): Identity => ({
  platform: account.platform ?? UNKNOWN_PLATFORM,
  platform_user_id: account.platformUserId,
  username: account.username,
  connected_at: account.connectedAt,
});

const MAX_LOOK_AGE_MS = 60_000;

/** Whether the last good look is too old to say who an account is now. */
export const isStale = (lookedAt: Date, now: Date) =>
  now.getTime() - lookedAt.getTime() > MAX_LOOK_AGE_MS;

interface Comparison {
  /**
   * `same`: who was meant. `reconnected`: the account was connected again since, which is a
   * connection that nobody asked to end. `other`: somebody else, or not provably the one that was
   * meant.
   */
  readonly result: 'same' | 'reconnected' | 'other';
  /** The facts that only one side has, or neither. */
  readonly notCompared: readonly ComparedFact[];
}

/**
 * Whether an account is still the one that was meant. Both are what the provider showed under one
 * provider account id, which providers give out again.
 *
 * The network's own id decides where both sides have it: a handle changes with a rename and is
 * taken by others. One that is nobody's (`namesNobody`) is none. Without it the handle must be as it
 * was, and so must the connect time. A missing fact is never taken for an equal one: it leaves the
 * decision to the others, and where none of them is known on both sides the account is not shown to
 * be who was meant. A connect time that was known and is missing now could be of a newer connection.
 * Of an account about which nothing was ever said, the provider account id is all there is, and it is
 * taken to be the same.
 * @param look `seenAt`: when `meant` was seen, as a later connect time is of a newer connection even
 * where `meant` has none; `coverage`: what `found` was read from, as a health report tells no connect
 * times, so that one which it lacks is not missing
 */
export function compareIdentity(
  meant: Identity,
  found: Identity,
  look: { readonly seenAt: Date; readonly coverage: Coverage },
): Comparison {
  const isTold = look.coverage !== 'health' || found.connected_at !== null;
  const relations = {
    ...relationsOf(meant, found),
    ...(!isTold && { connected_at: 'not told' as const }),
  };
  const { platform, platform_user_id: id, username: name, connected_at: time } = relations;
  const notCompared = COMPARED_FACTS.filter((fact) => !DECIDED.has(relations[fact]));
  const result = () => {
    if (platform === 'different' || id === 'different') return 'other';
    if (isLater(found, meant, look.seenAt)) return 'reconnected';
    if (time === 'lost') return 'other';
    if (id === 'equal') return 'same';
    if (name === 'different' || name === 'lost' || time === 'different') return 'other';
    if (name === 'equal') return 'same';
    if (id === 'lost') return 'other';
    if (time === 'equal') return 'same';
    return [id, name, time].every((relation) => relation === 'unknown') ? 'same' : 'other';
  };
  return { result: result(), notCompared };
}

/** The facts that tell two identities apart, in words. */
export function changedFacts(meant: Identity, found: Identity): string[] {
  const relations = relationsOf(meant, found);
  return COMPARED_FACTS.filter((fact) => !ALIKE.has(relations[fact])).map((fact) =>
    changeInWords(fact, meant, found),
  );
}

/** `username was "a" and is "b"` */
export const changeInWords = (fact: ComparedFact, meant: Identity, found: Identity) =>
  `${fact} was ${quoted(meant[fact])} and is ${quoted(found[fact])}`;

/** `lost`: known before and not now. `learned`: the other way round. `unknown`: on neither side. */
type Relation = 'equal' | 'different' | 'lost' | 'learned' | 'unknown' | 'not told';
const DECIDED: ReadonlySet<Relation> = new Set(['equal', 'different']);
const ALIKE: ReadonlySet<Relation> = new Set(['equal', 'unknown']);

function relationsOf(meant: Identity, found: Identity): Record<ComparedFact, Relation> {
  return {
    platform: compare(knownPlatform(meant), knownPlatform(found)),
    platform_user_id: compare(knownId(meant), knownId(found)),
    username: compare(foldedName(meant), foldedName(found)),
    connected_at: compare(connectSecond(meant), connectSecond(found)),
  };
}

function compare<Value>(meant: Value | null, found: Value | null): Relation {
  if (meant === null) return found === null ? 'unknown' : 'learned';
  if (found === null) return 'lost';
  return meant === found ? 'equal' : 'different';
}

function knownPlatform({ platform }: Identity): string | null {
  return platform === UNKNOWN_PLATFORM ? null : platform;
}

function knownId({ platform_user_id: id }: Identity): string | null {
  return id === null || namesNobody(id) ? null : id;
}

function foldedName({ username }: Identity): string | null {
  return username === null ? null : usernameKey(username.normalize('NFC'));
}

/** In whole seconds: of one connection, a list may hold fewer digits than a single account. */
function connectSecond({ connected_at }: Identity): number | null {
  return connected_at === null ? null : secondOf(new Date(connected_at));
}

function isLater(found: Identity, meant: Identity, seenAt: Date): boolean {
  const second = connectSecond(found);
  return second !== null && second > (connectSecond(meant) ?? secondOf(seenAt));
}

const secondOf = (time: Date) => Math.floor(time.getTime() / 1000);

const quoted = (value: string | null) => (value === null ? 'unknown' : JSON.stringify(value));

import { createHash } from 'node:crypto';
import type pg from 'pg';
import { type NewEvent, recordEvents } from '../events/index.js';
import { canonicalJson } from '../lib/canonical-json.js';
import { newId } from '../lib/ids.js';
import { FINDINGS, type Found, findingsOf, type ProfileFacts } from './finding-kinds.js';
import type { FindingsRepository, HeldFinding, NewFinding } from './findings.repository.js';
import { MAX_FINDING_ACCOUNTS } from './findings.schema.js';

/**
 * Brings the findings about profiles in line with what is found now: what is found still stays as it
 * is, what is not is closed, and the rest is opened, unless it was dismissed when it was the same.
 * Accounts are in one profile each, so a finding is the same whichever profile has them by now.
 * @param profileIds those examined, some of which may be gone
 * @param profiles those of them about which there may be something to find
 * @param client within the transaction that has this process alone examine them
 */
export async function reconcile(
  client: pg.ClientBase,
  findings: FindingsRepository,
  teamId: string,
  { profileIds, profiles }: { profileIds: readonly string[]; profiles: readonly ProfileFacts[] },
  at: Date,
): Promise<void> {
  const wanted = new Map(
    profiles.flatMap((profile) =>
      findingsOf(profile).map((found) => {
        const finding = newFinding(profile, found, at);
        return [finding.fingerprint, { finding, found }] as const;
      }),
    ),
  );
  const held = await findings.findHeld(client, profileIds);
  const kept = held.filter(
    ({ profileId, fingerprint }) => wanted.get(fingerprint)?.finding.profile_id === profileId,
  );
  const others = without(wanted, kept).map(({ finding }) => finding);
  const resumed = others.length > 0 ? await findings.resume(client, teamId, others, at) : [];
  const stays = new Set([...kept, ...resumed].map(({ id }) => id));
  const gone = held.filter(({ id }) => !stays.has(id));
  const fresh = without(wanted, [...kept, ...resumed]);
  if (fresh.length > 0)
    await findings.open(
      client,
      teamId,
      fresh.map(({ finding }) => finding),
      at,
    );
  const closed =
    gone.length === 0
      ? []
      : await findings.close(
          client,
          gone.map(({ id }) => id),
          at,
        );
  const isClosed = new Set(closed);
  await recordEvents(
    client,
    teamId,
    [
      ...gone.filter(({ id }) => isClosed.has(id)).map((one) => closedEvent(one, 'gone')),
      ...fresh.map(openedEvent),
    ],
    at,
  );
}

/** @param cause `gone`: it no longer holds; `dismissed`: a person hid it */
export function closedEvent(
  { id, kind, profileId, providers }: Omit<HeldFinding, 'fingerprint'>,
  cause: 'gone' | 'dismissed',
): NewEvent {
  return {
    type: 'finding.closed',
    accountId: null,
    providers,
    data: { finding: { id, kind, profile_id: profileId }, cause },
  };
}

interface Fresh {
  readonly finding: NewFinding;
  readonly found: Found;
}

function openedEvent({ finding, found }: Fresh): NewEvent {
  const { id, kind, profile_id, platform, providers, details, since } = finding;
  const { severity, nextStep } = FINDINGS[kind];
  const accounts = found.accounts.slice(0, MAX_FINDING_ACCOUNTS).map((account) => ({
    id: account.id,
    ref: `${account.provider}:${account.providerAccountId}`,
    provider: account.provider,
    username: account.username,
  }));
  return {
    type: 'finding.opened',
    accountId: null,
    providers,
    data: {
      finding: {
        id,
        kind,
        severity,
        profile_id,
        platform,
        accounts,
        since,
        next_step: nextStep,
        details,
      },
    },
  };
}

/** What is found, but for what these are of. */
function without(
  wanted: ReadonlyMap<string, Fresh>,
  known: readonly { readonly fingerprint: string }[],
): Fresh[] {
  const isKnown = new Set(known.map(({ fingerprint }) => fingerprint));
  return [...wanted].flatMap(([fingerprint, one]) => (isKnown.has(fingerprint) ? [] : [one]));
}

function newFinding(
  { id: profileId, platform }: ProfileFacts,
  { kind, accounts, related = [], details, facts, since }: ReturnType<typeof findingsOf>[number],
  at: Date,
): NewFinding {
  const accountIds = accounts.map(({ id }) => id).sort();
  const providers = [
    ...accounts.map(({ provider }) => provider),
    ...related.flatMap((profile) => profile.providers),
  ];
  const identity = canonicalJson([kind, accountIds, facts ?? details]);
  return {
    id: newId('find'),
    kind,
    profile_id: profileId,
    platform,
    account_ids: accountIds,
    providers: [...new Set(providers)].sort(),
    details,
    fingerprint: createHash('sha256').update(identity).digest('base64url'),
    since: since ?? at,
  };
}

import type { Database, Transaction } from '../database/index.js';
import { type Connection, Prisma } from '../database/prisma-client/client.js';
import { recordEvents } from '../events/index.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Credentials } from '../model/index.js';
import { DEFAULT_TEAM_ID } from '../teams/index.js';
import { NOT_REFRESHED, sweptEvery } from './connection-columns.js';
import { connectionEvent } from './connection-events.js';
import type { ConnectionsRepository } from './connections.repository.js';
import { isSameCredentials, type SealedCredentials } from './sealed-credentials.js';

/** A connection that Rollcall makes for itself at start. */
export interface OwnConnection {
  readonly provider: string;
  readonly name: string;
  readonly source: 'environment' | 'sandbox';
  readonly credentials: Credentials;
  readonly baseUrl: string | null;
  /** Seconds; absent: as it is, and the standard one when it is made. */
  readonly sweepIntervalSeconds?: number | undefined;
}

export interface OwnConnectionsParts {
  readonly database: Database;
  readonly connections: ConnectionsRepository;
  readonly sealed: SealedCredentials;
  readonly clock: Clock;
  /** Seconds, of connections that are made without an interval of their own. */
  readonly sweepIntervalSeconds: number;
}

/**
 * Makes or updates connections of the default team that the environment or the sandbox asks for: all
 * of them or none.
 */
export async function ensureConnections(
  parts: OwnConnectionsParts,
  wanted: readonly OwnConnection[],
): Promise<void> {
  if (wanted.length === 0) return;
  const { clock, connections, database } = parts;
  const now = clock.now();
  await database.transaction(async (transaction) => {
    const { prisma, client } = transaction;
    // Replicas that start together make one connection between them: its credentials are sealed
    // to its id.
    await connections.lockTeam(client, DEFAULT_TEAM_ID);
    const names = wanted.map(({ name }) => name);
    const rows = await connections.findByNames(prisma, DEFAULT_TEAM_ID, names);
    for (const own of wanted) {
      const known = rows.find((row) => row.provider === own.provider && row.name === own.name);
      if (known && isSameAccess(parts, own, known)) {
        const interval = own.sweepIntervalSeconds ?? known.sweepIntervalSeconds;
        if (interval === known.sweepIntervalSeconds) continue;
        const data = { ...sweptEvery(interval, known, now), updatedAt: now };
        await connections.update(prisma, known.id, data);
      } else await giveAccess(parts, transaction, { own, known, now });
    }
  });
}

function isSameAccess(
  { sealed }: OwnConnectionsParts,
  own: OwnConnection,
  known: Connection,
): boolean {
  // Refreshed credentials are those that were given, later on.
  return (
    known.baseUrl === own.baseUrl && isSameCredentials(sealed.open(known).given, own.credentials)
  );
}

async function giveAccess(
  { connections, sealed, sweepIntervalSeconds }: OwnConnectionsParts,
  { prisma, client }: Transaction,
  { own, known, now }: { own: OwnConnection; known: Connection | undefined; now: Date },
): Promise<void> {
  const id = known?.id ?? newId('conn');
  const access = {
    baseUrl: own.baseUrl,
    credentials: sealed.seal(own.credentials, id),
    source: own.source,
    state: 'active',
    stateSince: now,
    nextSweepAt: now,
    lastError: Prisma.DbNull,
    silentSince: null,
    heldAt: null,
    ...NOT_REFRESHED,
    sweepIntervalSeconds:
      own.sweepIntervalSeconds ?? known?.sweepIntervalSeconds ?? sweepIntervalSeconds,
    updatedAt: now,
  };
  const named = { teamId: DEFAULT_TEAM_ID, provider: own.provider, name: own.name };
  const row = known
    ? await connections.update(prisma, id, { ...access, accessChangedAt: now })
    : await connections.create(prisma, { id, ...named, createdAt: now, ...access });
  if (known?.state === 'active') return;
  const type = known ? 'connection.recovered' : 'connection.created';
  await recordEvents(client, row.teamId, [connectionEvent(type, row)], now);
}

import type pg from 'pg';
import { type AuditEntry, actorOf, recordAudit } from '../audit/index.js';
import type { Transaction } from '../database/index.js';
import { type Connection, Prisma } from '../database/prisma-client/client.js';
import { recordEvents } from '../events/index.js';
import { type Caller, maySeeProvider } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import { validate } from '../http/validate.js';
import { newId } from '../lib/ids.js';
import type { AnyAdapter, Credentials } from '../model/index.js';
import {
  type CallContext,
  credentialsSchemaOf,
  hasToken,
  type ProviderConnection,
  type Providers,
} from '../providers/index.js';
import { NOT_REFRESHED, sweptEvery } from './connection-columns.js';
import { connectionEvent } from './connection-events.js';
import { connectionDeleted, connectionPaused } from './connection-problems.js';
import type { ConnectionChange, ConnectionRequest } from './connections.requests.js';
import {
  ensureConnections,
  type OwnConnection,
  type OwnConnectionsParts,
} from './own-connections.js';
import { isSameCredentials } from './sealed-credentials.js';

interface ConnectionsServiceParts extends OwnConnectionsParts {
  readonly providers: Providers;
}

/** A team's sets of credentials at the providers. */
export class ConnectionsService {
  constructor(private readonly parts: ConnectionsServiceParts) {}

  /**
   * The credentials for a new connection, once the provider has accepted them (unless `verify` is
   * false).
   */
  async accept(
    caller: Caller,
    request: ConnectionRequest,
    context: CallContext,
  ): Promise<ProviderConnection> {
    const adapter = this.adapterFor(caller, request.provider);
    this.mayAddress(caller, request.base_url);
    const { provider, base_url: baseUrl = null } = request;
    const credentials = readCredentials(adapter, request.credentials);
    const access = { id: newId('conn'), provider, baseUrl, credentials, isUnstored: true };
    if (request.verify && hasToken(adapter, access))
      await this.parts.providers.verify(access, context);
    return access;
  }

  /** Makes a connection with credentials that were accepted. It is due for a sweep. */
  async create(
    { prisma, client }: Transaction,
    caller: Caller,
    request: ConnectionRequest,
    access: ProviderConnection,
  ): Promise<Connection> {
    const { id, provider, baseUrl, credentials } = access;
    const now = this.parts.clock.now();
    await this.parts.connections.lockNames(client, caller.teamId);
    const data = {
      id,
      teamId: caller.teamId,
      provider,
      name: request.name ?? (await this.freeName(prisma, { teamId: caller.teamId, provider })),
      baseUrl,
      credentials: this.parts.sealed.seal(credentials, id),
      stateSince: now,
      sweepIntervalSeconds: request.sweep_interval_seconds ?? this.parts.sweepIntervalSeconds,
      nextSweepAt: now,
      createdAt: now,
      updatedAt: now,
    };
    const row = await this.parts.connections.create(prisma, data);
    const event = connectionEvent('connection.created', row);
    await recordEvents(client, caller.teamId, [event], now);
    const entry = { action: 'connection.created', targetId: id, after: factsOf(row) };
    await audit(client, caller, entry, now);
    return row;
  }

  /** @throws Problem 404 */
  async get(caller: Caller, id: string): Promise<Connection> {
    const row = await this.parts.connections.find(caller, id);
    if (!row || !maySeeProvider(caller, row.provider)) throw notFound(`Connection ${id}`);
    return row;
  }

  /** A connection of any team, for work that no caller waits for; `null`: it was deleted. */
  findById(id: string): Promise<Connection | null> {
    return this.parts.connections.findById(id);
  }

  /** The caller's connections, oldest first. */
  list(caller: Caller): Rows<Connection> {
    return this.parts.connections.list(caller);
  }

  /**
   * Changes a connection. A new key is verified first, and makes the connection `active` and due for
   * a sweep, as does the end of a pause.
   * @param follow does within the transaction what follows of it
   */
  async change(
    caller: Caller,
    id: string,
    change: ConnectionChange,
    context: CallContext,
    follow: (transaction: Transaction, changed: Connection) => Promise<void>,
  ): Promise<Connection> {
    const row = await this.get(caller, id);
    if (change.base_url !== undefined) this.mayAddress(caller, change.base_url);
    requireKeyFor(change, row);
    const given = await this.acceptChange(row, change, context);
    const now = this.parts.clock.now();
    return this.parts.database.transaction(async (transaction) => {
      const { prisma, client } = transaction;
      if (change.name !== undefined) await this.parts.connections.lockNames(client, caller.teamId);
      // The provider may have taken its time: what is changed is what others have made of it since.
      const held = await this.parts.connections.lock(transaction, id);
      requireKeyFor(change, held);
      if (given !== undefined && change.base_url === undefined && held.baseUrl !== row.baseUrl)
        throw addressChanged();
      const data = this.columnsOf(change, given, held, now);
      const changed = await this.parts.connections.update(prisma, id, data);
      const after = {
        ...factsOf(changed),
        ...(given !== undefined && { credentials: 'replaced' }),
      };
      const facts = { before: factsOf(held), after };
      await audit(client, caller, { action: 'connection.changed', targetId: id, ...facts }, now);
      if (given !== undefined && held.state !== 'active') {
        const event = connectionEvent('connection.recovered', changed);
        await recordEvents(client, held.teamId, [event], now);
      }
      await follow(transaction, changed);
      return changed;
    });
  }

  /** The credentials that a change gives, if any, once the provider has accepted them. */
  private async acceptChange(
    row: Connection,
    change: ConnectionChange,
    context: CallContext,
  ): Promise<Credentials | undefined> {
    if (change.credentials === undefined) return undefined;
    const { providers } = this.parts;
    const { id, provider } = row;
    const adapter = providers.adapters.require(provider);
    const credentials = readCredentials(adapter, change.credentials);
    const baseUrl = change.base_url === undefined ? row.baseUrl : change.base_url;
    const access = { id, provider, baseUrl, credentials, isUnstored: true };
    if (change.verify && hasToken(adapter, access)) await providers.verify(access, context);
    return credentials;
  }

  /** What a change writes to the row, which is locked; its credentials only where it gives some. */
  private columnsOf(
    change: ConnectionChange,
    given: Credentials | undefined,
    held: Connection,
    now: Date,
  ): Prisma.ConnectionUncheckedUpdateInput {
    const { name, paused, base_url: baseUrl = held.baseUrl } = change;
    const interval = change.sweep_interval_seconds;
    const isOther =
      baseUrl !== held.baseUrl ||
      (given !== undefined && !isSameCredentials(given, this.accessTo(held).credentials));
    return {
      updatedAt: now,
      ...(name !== undefined && { name }),
      ...(interval !== undefined && sweptEvery(interval, held, now)),
      ...(given !== undefined && {
        baseUrl,
        credentials: this.parts.sealed.seal(given, held.id),
        state: 'active',
        stateSince: held.state === 'active' ? held.stateSince : now,
        nextSweepAt: now,
        lastError: Prisma.DbNull,
        silentSince: null,
        ...(isOther && { accessChangedAt: now, heldAt: null }),
        ...NOT_REFRESHED,
      }),
      ...(paused !== undefined && { paused }),
      ...(held.paused && paused === false && { nextSweepAt: now }),
    };
  }

  /** Deletes the connection and its accounts here; at the provider nothing is touched. */
  async delete(caller: Caller, id: string): Promise<void> {
    const { clock, connections, database } = this.parts;
    const row = await this.get(caller, id);
    const now = clock.now();
    await database.transaction(async ({ prisma, client }) => {
      await this.requireNoDisconnect(prisma, id);
      const accounts = await connections.countAccounts(prisma, id);
      await connections.delete(prisma, id);
      // One that was being accepted held the accounts, which were waited for.
      await this.requireNoDisconnect(prisma, id);
      const entry = { action: 'connection.deleted', targetId: id, before: factsOf(row) };
      await audit(client, caller, entry, now);
      const event = connectionEvent('connection.deleted', row, { accounts });
      await recordEvents(client, row.teamId, [event], now);
    });
    this.abortCalls(id);
  }

  /** @throws Problem 409 while a disconnect of its accounts has not finished */
  private async requireNoDisconnect(prisma: Prisma.TransactionClient, id: string): Promise<void> {
    if (!(await this.parts.connections.hasUnfinishedSteps(prisma, id))) return;
    throw new Problem(
      'conflict',
      "A disconnect of the connection's accounts has not finished. Cancel it, or wait until it has.",
    );
  }

  /**
   * Keeps the connection from being deleted until the transaction ends, in which is written what its
   * provider has done.
   * @throws Problem 404 when it is deleted already
   */
  async hold(client: pg.ClientBase, id: string): Promise<void> {
    if (!(await this.parts.connections.hold(client, id))) throw connectionDeleted(id);
  }

  /**
   * Ends what a paused connection asks of its provider. What it changes there is not cut off, but
   * followed by nothing.
   */
  abortPaused(id: string, abortWork: (connectionId: string) => void): void {
    abortWork(id);
    this.parts.providers.abortReads(id, connectionPaused(id));
  }

  /**
   * Ends the calls of connections that were deleted or paused in the meantime, by any replica, so
   * that their keys are no longer sent.
   */
  async abortUnwanted(abortWork: (connectionId: string) => void): Promise<void> {
    const { connections, providers } = this.parts;
    const inUse = providers.connectionsInUse();
    if (inUse.length === 0) return;
    const stored = await connections.findStored(inUse);
    for (const id of inUse) {
      const paused = stored.get(id);
      if (paused === undefined) this.abortCalls(id);
      else if (paused) this.abortPaused(id, abortWork);
    }
  }

  /** The connection as the provider engine takes it, credentials opened. */
  accessTo(
    row: Pick<
      Connection,
      | 'id'
      | 'provider'
      | 'baseUrl'
      | 'credentials'
      | 'accessChangedAt'
      | 'tokenExpiresAt'
      | 'tokenRefreshAt'
    >,
  ): ProviderConnection {
    return {
      id: row.id,
      provider: row.provider,
      baseUrl: row.baseUrl,
      credentials: this.parts.sealed.open(row).current,
      tokenExpiresAt: row.tokenExpiresAt,
      tokenRefreshAt: row.tokenRefreshAt,
      isUnproven: row.accessChangedAt !== null,
    };
  }

  /**
   * The same for what a caller asks of the provider.
   * @throws Problem 409 while the connection is paused
   */
  openAccessTo(row: Connection): ProviderConnection {
    if (row.paused) throw connectionPaused(row.id);
    return this.accessTo(row);
  }

  /**
   * The one connection that `connection_id`, or else `provider`, names.
   * @throws Problem 422 when only the id is unambiguous, 404 when there is none
   */
  async resolve(
    caller: Caller,
    named: { readonly connection_id?: string | undefined; readonly provider?: string | undefined },
  ): Promise<Connection> {
    if (named.connection_id !== undefined) {
      const row = await this.get(caller, named.connection_id);
      if (named.provider !== undefined && named.provider !== row.provider) {
        throw invalidField('provider', `must be ${row.provider}, the connection's provider`);
      }
      return row;
    }
    if (named.provider === undefined)
      throw invalidField('connection_id', 'is required unless `provider` is given');
    this.adapterFor(caller, named.provider);
    const [row, another] = await this.parts.connections.findOfProvider(caller, named.provider, 2);
    if (!row)
      throw invalidField('provider', 'has no connection yet; create one with POST /v1/connections');
    if (another)
      throw invalidField(
        'connection_id',
        `is required: the team has several connections to ${named.provider}`,
      );
    return row;
  }

  /** See `ensureConnections`. */
  ensure(wanted: readonly OwnConnection[]): Promise<void> {
    return ensureConnections(this.parts, wanted);
  }

  /** Whether anything but the sandbox is connected. */
  hasRealConnection(): Promise<boolean> {
    return this.parts.connections.hasReal();
  }

  private abortCalls(id: string): void {
    this.parts.providers.abort(id, connectionDeleted(id));
  }

  /** The provider's id, or with a number behind it where another connection has that name. */
  private async freeName(
    prisma: Prisma.TransactionClient,
    where: { readonly teamId: string; readonly provider: string },
  ): Promise<string> {
    const { provider } = where;
    const names = await this.parts.connections.namesWith(prisma, where, provider);
    if (!names.has(provider)) return provider;
    let number = 2;
    while (names.has(`${provider}-${number}`)) number++;
    return `${provider}-${number}`;
  }

  /** The adapter of a provider that the caller names. @throws Problem 422 */
  adapterFor(caller: Caller, provider: string): AnyAdapter {
    const adapter = this.parts.providers.adapters.get(provider);
    if (!adapter || !maySeeProvider(caller, provider)) {
      const known = this.parts.providers.adapters.all().map(({ id }) => id);
      throw invalidField(
        'provider',
        `must be one of: ${known.filter((id) => maySeeProvider(caller, id)).join(', ')}`,
      );
    }
    return adapter;
  }

  /** An address of one's own would let a team send requests from inside our network. */
  private mayAddress(caller: Caller, baseUrl: string | null | undefined): void {
    if (baseUrl !== undefined && !caller.key.isRoot)
      throw new Problem('forbidden', 'base_url: only the root key may set it. Leave it out.');
  }
}

/** @throws Problem 422 where a change gives another address than the stored key was given for */
function requireKeyFor(change: ConnectionChange, { baseUrl }: Connection): void {
  const isOther = change.base_url !== undefined && change.base_url !== baseUrl;
  if (isOther && change.credentials === undefined)
    throw invalidField(
      'credentials',
      'is required with another `base_url`: a stored key is only sent to the address that it was given for',
    );
}

function addressChanged(): Problem {
  return new Problem(
    'conflict',
    'Another request has changed `base_url` since the key was verified. Look at the connection, and send the request again.',
  );
}

/** @throws Problem 422 naming each credential that is missing, wrong or unknown */
function readCredentials(adapter: AnyAdapter, given: Credentials): Credentials {
  const schema = credentialsSchemaOf(adapter);
  const read = validate(schema, given, 'credential', 'credentials');
  return Object.fromEntries(
    Object.entries(read).filter(([, value]) => value !== undefined),
  ) as Credentials;
}

/** @param client within the transaction of the change */
function audit(
  client: pg.ClientBase,
  caller: Caller,
  entry: Omit<AuditEntry, 'targetType'>,
  at: Date,
): Promise<void> {
  return recordAudit(client, actorOf(caller), [{ targetType: 'connection', ...entry }], at);
}

/** A connection in the audit log: everything a caller may set but its credentials. */
function factsOf(
  row: Pick<Connection, 'provider' | 'name' | 'baseUrl' | 'sweepIntervalSeconds' | 'paused'>,
) {
  return {
    provider: row.provider,
    name: row.name,
    base_url: row.baseUrl,
    sweep_interval_seconds: row.sweepIntervalSeconds,
    paused: row.paused,
  };
}

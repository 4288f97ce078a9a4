import { actorOf, auditRow } from '../audit/index.js';
import type { Database, Transaction } from '../database/index.js';
import { type Connection, Prisma } from '../database/prisma-client/client.js';
import { eventRow, type NewEvent } from '../events/index.js';
import { type Caller, maySeeProvider } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { Sealer } from '../lib/seal.js';
import type { AnyAdapter } from '../model/index.js';
import type { CallContext, ProviderConnection, Providers } from '../providers/index.js';
import { DEFAULT_TEAM_ID } from '../teams/index.js';
import type { ConnectionChange, ConnectionRequest } from './connection.schema.js';
import { connectionEvent } from './connection-events.js';

/** A connection that Rollcall makes for itself at start. */
export interface OwnConnection {
  readonly provider: string;
  readonly name: string;
  readonly source: 'environment' | 'sandbox';
  readonly apiKey: string;
  readonly baseUrl: string | null;
}

/** A team's sets of credentials at the providers. */
export class ConnectionsService {
  constructor(
    private readonly database: Database,
    private readonly providers: Providers,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
    private readonly defaultSweepIntervalSeconds: number,
  ) {}

  /**
   * The credentials for a new connection, once the provider has accepted them (unless `verify` is
   * false).
   */
  async accept(
    caller: Caller,
    request: ConnectionRequest,
    context: CallContext,
  ): Promise<ProviderConnection> {
    this.adapterFor(caller, request.provider);
    this.mayAddress(caller, request.base_url);
    const { provider, base_url: baseUrl = null, credentials } = request;
    const access = { id: newId('conn'), provider, baseUrl, apiKey: credentials.api_key };
    if (request.verify) await this.providers.verify(access, context);
    return access;
  }

  /** Makes a connection with credentials that were accepted. It is due for a sweep. */
  async create(
    { prisma }: Transaction,
    caller: Caller,
    request: ConnectionRequest,
    access: ProviderConnection,
  ): Promise<Connection> {
    const { id, provider, baseUrl, apiKey } = access;
    const now = this.clock.now();
    const data = {
      id,
      teamId: caller.teamId,
      provider,
      name: request.name ?? (await freeName(prisma, caller.teamId, provider)),
      baseUrl,
      credentials: this.sealCredentials(apiKey, id),
      stateSince: now,
      sweepIntervalSeconds: request.sweep_interval_seconds ?? this.defaultSweepIntervalSeconds,
      nextSweepAt: now,
      createdAt: now,
      updatedAt: now,
    };
    const row = await prisma.connection.create({ data }).catch(refuseTakenName);
    await prisma.event.create({
      data: eventRow(caller.teamId, connectionEvent('connection.created', data), now),
    });
    await prisma.auditEvent.create({
      data: auditOf(caller, 'connection.created', id, null, tell(data), now),
    });
    return row;
  }

  async get(caller: Caller, id: string): Promise<Connection> {
    const row = await this.database.prisma.connection.findFirst({
      where: { id, teamId: caller.teamId },
    });
    if (!row || !maySeeProvider(caller, row.provider)) throw notFound(`Connection ${id}`);
    return row;
  }

  /** The caller's connections, oldest first. */
  all(caller: Caller): Rows<Connection> {
    const { providers } = caller.key;
    const where = {
      teamId: caller.teamId,
      ...(providers.length > 0 && { provider: { in: [...providers] } }),
    };
    const { connection } = this.database.prisma;
    return {
      read: (beyondId, take) =>
        connection.findMany({
          where: { ...where, id: { gt: beyondId ?? '' } },
          orderBy: { id: 'asc' },
          take,
        }),
      count: () => connection.count({ where }),
    };
  }

  /**
   * Changes a connection. A new key or address is verified first, and makes the connection `active`
   * and due for a sweep.
   */
  async change(
    caller: Caller,
    id: string,
    change: ConnectionChange,
    context: CallContext,
  ): Promise<Connection> {
    const row = await this.get(caller, id);
    if (change.base_url !== undefined) this.mayAddress(caller, change.base_url);
    const baseUrl = change.base_url === undefined ? row.baseUrl : change.base_url;
    const apiKey = change.credentials?.api_key ?? this.open(row).apiKey;
    const newAccess = change.credentials !== undefined || change.base_url !== undefined;
    if (newAccess && change.verify)
      await this.providers.verify({ id, provider: row.provider, baseUrl, apiKey }, context);
    const now = this.clock.now();
    const interval = change.sweep_interval_seconds;
    const data = {
      updatedAt: now,
      ...(change.name !== undefined && { name: change.name }),
      ...(interval !== undefined && {
        sweepIntervalSeconds: interval,
        nextSweepAt: sooner(row.nextSweepAt, now, interval),
      }),
      ...(newAccess && {
        baseUrl,
        credentials: this.sealCredentials(apiKey, id),
        state: 'active',
        stateSince: row.state === 'active' ? row.stateSince : now,
        nextSweepAt: now,
        lastError: Prisma.DbNull,
      }),
    };
    const after = {
      ...tell({ ...row, ...data }),
      ...(change.credentials !== undefined && { credentials: 'replaced' }),
    };
    const audited = this.audited(caller, 'connection.changed', id, tell(row), after, now);
    const changed = this.database.prisma.connection.update({ where: { id }, data });
    const recovers = newAccess && row.state !== 'active';
    const event = recovers
      ? [this.record(row, connectionEvent('connection.recovered', row), now)]
      : [];
    return (
      await this.database.prisma.$transaction([changed, audited, ...event]).catch(refuseTakenName)
    )[0];
  }

  /** Forgets the connection and its accounts here; at the provider nothing is touched. */
  async delete(caller: Caller, id: string): Promise<void> {
    const row = await this.get(caller, id);
    const pending = { connectionId: id, state: { in: ['pending', 'running'] } };
    if ((await this.database.prisma.disconnectStep.count({ where: pending })) > 0) {
      throw new Problem(
        'conflict',
        "A disconnect of the connection's accounts is still running. Wait until it has finished.",
      );
    }
    const { prisma } = this.database;
    const now = this.clock.now();
    const audited = this.audited(caller, 'connection.deleted', id, tell(row), null, now);
    const accounts = await prisma.account.count({
      where: { connectionId: id, status: { not: 'disconnected' } },
    });
    const event = this.record(row, connectionEvent('connection.deleted', row, { accounts }), now);
    await prisma.$transaction([prisma.connection.delete({ where: { id } }), audited, event]);
  }

  /** The connection as the provider engine takes it, credentials opened. */
  open(row: Pick<Connection, 'id' | 'provider' | 'baseUrl' | 'credentials'>): ProviderConnection {
    const credentials = JSON.parse(this.sealer.open(row.credentials, row.id)) as {
      api_key: string;
    };
    return {
      id: row.id,
      provider: row.provider,
      baseUrl: row.baseUrl,
      apiKey: credentials.api_key,
    };
  }

  /**
   * The one connection that `connection_id`, or else `provider`, names.
   * @throws Problem 422 when it takes the id to tell which, 404 when there is none
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
    const [row, another] = await this.database.prisma.connection.findMany({
      where: { teamId: caller.teamId, provider: named.provider },
      orderBy: { id: 'asc' },
      take: 2,
    });
    if (!row)
      throw invalidField('provider', 'has no connection yet; create one with POST /v1/connections');
    if (another)
      throw invalidField(
        'connection_id',
        `is required: the team has several connections to ${named.provider}`,
      );
    return row;
  }

  /**
   * Makes or updates a connection of the default team that the environment or the sandbox asks for.
   */
  async ensure(own: OwnConnection): Promise<void> {
    const now = this.clock.now();
    const where = { teamId_name: { teamId: DEFAULT_TEAM_ID, name: own.name } };
    await this.database.transaction(async ({ prisma }) => {
      // Replicas that start together make one connection between them: its credentials are sealed
      // to its id.
      await prisma.$queryRaw`SELECT 1 FROM teams WHERE id = ${DEFAULT_TEAM_ID} FOR UPDATE`;
      const known = await prisma.connection.findUnique({ where });
      const id = known?.id ?? newId('conn');
      const same =
        known !== null && known.baseUrl === own.baseUrl && this.open(known).apiKey === own.apiKey;
      if (same) return;
      const access = {
        baseUrl: own.baseUrl,
        credentials: this.sealCredentials(own.apiKey, id),
        source: own.source,
        state: 'active',
        stateSince: now,
        nextSweepAt: now,
        lastError: Prisma.DbNull,
        updatedAt: now,
      };
      const create = {
        id,
        teamId: DEFAULT_TEAM_ID,
        provider: own.provider,
        name: own.name,
        sweepIntervalSeconds: this.defaultSweepIntervalSeconds,
        createdAt: now,
        ...access,
      };
      await prisma.connection.upsert({ where, update: access, create });
      const told =
        known === null
          ? 'connection.created'
          : known.state === 'active'
            ? null
            : 'connection.recovered';
      if (told !== null)
        await prisma.event.create({
          data: eventRow(create.teamId, connectionEvent(told, create), now),
        });
    });
  }

  /** Whether anything but the sandbox is connected. */
  async hasRealConnection(): Promise<boolean> {
    return (
      (await this.database.prisma.connection.count({
        where: { source: { not: 'sandbox' } },
        take: 1,
      })) > 0
    );
  }

  private audited(...entry: Parameters<typeof auditOf>) {
    return this.database.prisma.auditEvent.create({ data: auditOf(...entry) });
  }

  /** The outbox row of an event, for the transaction that makes the change. */
  private record({ teamId }: Pick<Connection, 'teamId'>, event: NewEvent, at: Date) {
    return this.database.prisma.event.create({ data: eventRow(teamId, event, at) });
  }

  private adapterFor(caller: Caller, provider: string): AnyAdapter {
    const adapter = this.providers.adapters.get(provider);
    if (!adapter || !maySeeProvider(caller, provider)) {
      const known = this.providers.adapters.all().map(({ id }) => id);
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

  private sealCredentials(apiKey: string, id: string): Uint8Array<ArrayBuffer> {
    return this.sealer.seal(JSON.stringify({ api_key: apiKey }), id);
  }
}

async function freeName(
  prisma: Prisma.TransactionClient,
  teamId: string,
  provider: string,
): Promise<string> {
  const taken = await prisma.connection.findMany({
    where: { teamId, name: { startsWith: provider } },
    select: { name: true },
  });
  const names = new Set(taken.map(({ name }) => name));
  if (!names.has(provider)) return provider;
  let number = 2;
  while (names.has(`${provider}-${number}`)) number++;
  return `${provider}-${number}`;
}

function auditOf(
  caller: Caller,
  action: string,
  id: string,
  before: object | null,
  after: object | null,
  at: Date,
) {
  const facts = { ...(before && { before }), ...(after && { after }) };
  return auditRow(
    actorOf(caller),
    { action, targetType: 'connection', targetId: id, ...facts },
    at,
  );
}

/** What the audit log tells of a connection: everything a caller may set but its credentials. */
function tell(row: Pick<Connection, 'provider' | 'name' | 'baseUrl' | 'sweepIntervalSeconds'>) {
  return {
    provider: row.provider,
    name: row.name,
    base_url: row.baseUrl,
    sweep_interval_seconds: row.sweepIntervalSeconds,
  };
}

function sooner(planned: Date, now: Date, intervalSeconds: number): Date {
  return new Date(Math.min(planned.getTime(), now.getTime() + intervalSeconds * 1000));
}

function refuseTakenName(error: unknown): never {
  if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
    throw new Problem(
      'conflict',
      'name: another connection of the team already uses it. Choose another name.',
    );
  }
  throw error;
}

import type pg from 'pg';
import type { Database, Transaction } from '../database/index.js';
import { type Connection, Prisma } from '../database/prisma-client/client.js';
import type { SealedColumn } from '../database/sealed-column.js';
import { lockUntilEnd } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { Problem } from '../http/problem.js';
import type { Address } from '../providers/index.js';

/** The column of sealed credentials, for the rotation of the secret. */
export const SEALED_CREDENTIALS: SealedColumn = {
  table: 'connections',
  key: ['id'],
  column: 'credentials',
  boundTo: ([id = '']) => id,
};

/** The rows of connections. */
export class ConnectionsRepository {
  constructor(private readonly database: Database) {}

  /** A connection of the caller's team, whatever its provider. */
  find(caller: Caller, id: string): Promise<Connection | null> {
    return this.database.prisma.connection.findFirst({ where: { id, teamId: caller.teamId } });
  }

  /** A connection of any team. @throws when it is deleted */
  findById(id: string): Promise<Connection | null> {
    return this.database.prisma.connection.findUnique({ where: { id } });
  }

  /** Those of these ids that connections of any team have, and whether each is paused. */
  async findStored(ids: readonly string[]): Promise<ReadonlyMap<string, boolean>> {
    const where = { id: { in: [...ids] } };
    const select = { id: true, paused: true };
    const rows = await this.database.prisma.connection.findMany({ where, select });
    return new Map(rows.map(({ id, paused }) => [id, paused]));
  }

  /** Where connections lead, of a team or of all; each address once. */
  async addresses(
    teamId?: string,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<Address[]> {
    const { rows } = await client.query<Address>(
      `SELECT DISTINCT provider, base_url AS "baseUrl" FROM connections
       WHERE $1::text IS NULL OR team_id = $1`,
      [teamId],
    );
    return rows;
  }

  /** The connections that the caller may see, oldest first. */
  list(caller: Caller): Rows<Connection> {
    const { connection } = this.database.prisma;
    const { providers } = caller.key;
    const where = {
      teamId: caller.teamId,
      ...(providers.length > 0 && { provider: { in: [...providers] } }),
    };
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

  /** Up to `limit` connections of the caller's team to one provider, oldest first. */
  findOfProvider(caller: Caller, provider: string, limit: number): Promise<Connection[]> {
    return this.database.prisma.connection.findMany({
      where: { teamId: caller.teamId, provider },
      orderBy: { id: 'asc' },
      take: limit,
    });
  }

  /** A team's connections of these names, of any provider. */
  findByNames(
    prisma: Prisma.TransactionClient,
    teamId: string,
    names: readonly string[],
  ): Promise<Connection[]> {
    return prisma.connection.findMany({ where: { teamId, name: { in: [...names] } } });
  }

  /** The names of a team's connections to a provider that begin with `prefix`. */
  async namesWith(
    prisma: Prisma.TransactionClient,
    { teamId, provider }: { readonly teamId: string; readonly provider: string },
    prefix: string,
  ): Promise<ReadonlySet<string>> {
    const rows = await prisma.connection.findMany({
      where: { teamId, provider, name: { startsWith: prefix } },
      select: { name: true },
    });
    return new Set(rows.map(({ name }) => name));
  }

  /** @throws Problem 409 when another connection of the team to the provider has the name */
  create(
    prisma: Prisma.TransactionClient,
    data: Prisma.ConnectionUncheckedCreateInput,
  ): Promise<Connection> {
    return prisma.connection.create({ data }).catch(refuseTakenName);
  }

  /** @throws Problem 409 when another connection of the team to the provider has the name */
  update(
    prisma: Prisma.TransactionClient,
    id: string,
    data: Prisma.ConnectionUncheckedUpdateInput,
  ): Promise<Connection> {
    return prisma.connection.update({ where: { id }, data }).catch(refuseTakenName);
  }

  /**
   * The connection, which nobody else changes until the transaction ends.
   * @throws when it is deleted
   */
  async lock({ prisma, client }: Transaction, id: string): Promise<Connection> {
    await client.query('SELECT 1 FROM connections WHERE id = $1 FOR NO KEY UPDATE', [id]);
    return prisma.connection.findUniqueOrThrow({ where: { id } });
  }

  /** Keeps it from being deleted until the transaction ends. @returns `false`: it is deleted */
  async hold(client: pg.ClientBase, id: string): Promise<boolean> {
    const { rowCount } = await client.query(
      'SELECT 1 FROM connections WHERE id = $1 FOR KEY SHARE',
      [id],
    );
    return rowCount === 1;
  }

  /** Deletes the connection, and with it its accounts and sweeps. */
  async delete(prisma: Prisma.TransactionClient, id: string): Promise<void> {
    await prisma.connection.delete({ where: { id } });
  }

  /** Whether a disconnect of the connection's accounts has not finished. */
  async hasUnfinishedSteps(prisma: Prisma.TransactionClient, id: string): Promise<boolean> {
    const step = await prisma.disconnectStep.findFirst({
      where: { connectionId: id, state: { in: ['pending', 'running'] } },
      select: { id: true },
    });
    return step !== null;
  }

  /** How many accounts the connection has that are not disconnected. */
  countAccounts(prisma: Prisma.TransactionClient, id: string): Promise<number> {
    return prisma.account.count({
      where: { connectionId: id, status: { not: 'disconnected' } },
    });
  }

  /**
   * Has the next sweep begin earlier: now, but a quarter of the interval (15 s to 60 s) after the
   * last one began.
   * @returns whether it does
   */
  async bringSweepForward(id: string, now: Date): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(
      `UPDATE connections c SET next_sweep_at = earlier.at
       FROM (SELECT GREATEST($2::timestamptz, COALESCE(max(s.created_at), '-infinity')
           + make_interval(secs => LEAST(60, GREATEST(15, o.sweep_interval_seconds / 4)))) AS at
         FROM connections o LEFT JOIN sweeps s ON s.connection_id = o.id WHERE o.id = $1
         GROUP BY o.id) earlier
       WHERE c.id = $1 AND c.state = 'active' AND NOT c.paused AND c.next_sweep_at > earlier.at`,
      [id, now],
    );
    return rowCount === 1;
  }

  /** Whoever names a connection of the team meanwhile waits until the transaction ends. */
  lockNames(client: pg.ClientBase, teamId: string): Promise<void> {
    return lockUntilEnd(client, `names of connections of ${teamId}`);
  }

  /** Has transactions that make connections of a team for Rollcall itself take turns. */
  async lockTeam(client: pg.ClientBase, teamId: string): Promise<void> {
    await client.query('SELECT 1 FROM teams WHERE id = $1 FOR UPDATE', [teamId]);
  }

  /** Whether anything but the sandbox is connected. */
  async hasReal(): Promise<boolean> {
    const row = await this.database.prisma.connection.findFirst({
      where: { source: { not: 'sandbox' } },
      select: { id: true },
    });
    return row !== null;
  }
}

function refuseTakenName(error: unknown): never {
  if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
    throw new Problem(
      'conflict',
      'name: another connection of the team to the provider already uses it. Choose another name.',
    );
  }
  throw error;
}

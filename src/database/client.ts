import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { connectTimeout } from './connection.js';
import { type DatabaseConnection, Hosts } from './hosts.js';
import { type Prisma, PrismaClient } from './prisma-client/client.js';
import type { QuerySlots } from './query-slots.js';
import { Reachability } from './reachability.js';
import { ReadReplicas } from './read-replicas.js';
import type { PreparedStatements } from './session.js';
import { firstSession, SharedPool } from './shared-pool.js';
import { unlessDeadlocked } from './transact.js';

/** One transaction for both ways to speak to the database. */
export interface Transaction {
  readonly prisma: Prisma.TransactionClient;
  /** For SQL by hand; the same session. */
  readonly client: pg.PoolClient;
}

/**
 * The database in use: Prisma for plain rows, the pool for SQL by hand, both on the same
 * connections.
 */
export interface Database {
  readonly prisma: PrismaClient;
  /**
   * Here `bigint` and `numeric` come as strings, as `pg` has it, and `jsonb` as the value it holds.
   */
  readonly pool: pg.Pool;
  /** How the connections are divided among the teams whose requests run. */
  readonly slots: QuerySlots;
  /**
   * Runs `work` as one transaction, and again if it is the victim of a deadlock: everything it does
   * besides queries must be safe to repeat.
   */
  transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Where reads may come from, too. */
  readonly replicas: ReadReplicas;
  /** Asks over none of those connections. */
  readonly reachability: Reachability;
  /** Does now what Prisma's first query would wait for: its engine. Nothing is asked of the server. */
  load(): Promise<void>;
  /** Waits for the queries that run. */
  close(): Promise<void>;
}

/** The longest that one statement of background work may take: less than the server's own limit. */
const STATEMENT_MS = 55_000;

/** The longest that a read waits for a connection to a replica before the primary serves it. */
const REPLICA_WAIT_MS = 1_000;
const MAX_READ_LAG_SECONDS = 10;
const TRANSACTION_MS = 30_000;
/**
 * The longest a timer can be. A shared transaction is ended by the limits of its session: Prisma
 * would hand the session on while SQL runs.
 */
const NEVER_MS = 2 ** 31 - 1;

interface DatabaseSettings {
  readonly connection: DatabaseConnection;
  /** Most connections at once, Prisma's included. */
  readonly poolSize: number;
  /**
   * Milliseconds that a query or a transaction waits for one of them; as long as for the server
   * when left out.
   */
  readonly waitMs?: number;
  /** Found out for each session when left out. */
  readonly preparedStatements?: PreparedStatements | undefined;
  /** Standbys, each with as many connections; none when left out. */
  readonly replicas?: readonly DatabaseConnection[];
  /** The most that one may be behind; ten when left out. */
  readonly maxReadLagSeconds?: number;
}

/** Opens the database, without connecting yet. */
export function openDatabase({
  connection,
  poolSize,
  waitMs = connectTimeout,
  preparedStatements,
  replicas: standbys = [],
  maxReadLagSeconds = MAX_READ_LAG_SECONDS,
}: DatabaseSettings): Database {
  const hosts = new Hosts(connection);
  const poolOf = (of: Hosts, isForReads: boolean) => {
    const one = new SharedPool({
      ...of.current,
      hosts: of,
      isForReads,
      preparedStatements,
      statementMs: STATEMENT_MS,
      max: poolSize,
      connectionTimeoutMillis: isForReads ? Math.min(waitMs, REPLICA_WAIT_MS) : waitMs,
      application_name: 'rollcall',
    });
    // An idle connection that breaks is replaced, and a query that has none to use reports it.
    one.on('error', () => undefined);
    return one;
  };
  const pool = poolOf(hosts, false);
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    errorFormat: 'minimal',
    // Prisma would give up on a connection after two seconds.
    transactionOptions: { maxWait: waitMs, timeout: TRANSACTION_MS },
  });
  const reachability = new Reachability(hosts, pool);
  const replicas = new ReadReplicas(
    standbys.map((standby) => poolOf(new Hosts(standby), true)),
    reachability,
    maxReadLagSeconds,
  );
  return {
    prisma,
    pool,
    slots: pool.slots,
    transaction: (work) =>
      unlessDeadlocked(() => {
        pool.tellNested();
        const taken: { session: pg.PoolClient | undefined } = { session: undefined };
        return firstSession.run(taken, () =>
          prisma.$transaction(
            (transaction) => {
              if (!taken.session) throw new Error('the transaction has no session of the pool');
              return work({ prisma: transaction, client: taken.session });
            },
            { timeout: NEVER_MS },
          ),
        );
      }),
    replicas,
    reachability,
    load: () => prisma.$connect(),
    close: async () => {
      await replicas.close();
      await prisma.$disconnect();
      await pool.end();
      await reachability.close();
    },
  };
}

import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { connectTimeout, type DatabaseConnection } from './connection.js';
import { PrismaClient } from './prisma-client/client.js';

/** The database in use: Prisma for plain rows, the pool for SQL by hand, both on the same connections. */
export interface Database {
  readonly prisma: PrismaClient;
  /** Here `bigint` and `numeric` come as strings, as `pg` has it, and `jsonb` as the value it holds. */
  readonly pool: pg.Pool;
  /** Waits for the queries that run. */
  close(): Promise<void>;
}

/**
 * UTC, as Prisma reads times with no regard to their offset and SQL that writes JSON prints the session's. The limits
 * free what a lost process or a bad plan would hold.
 */
const sessionSettings = `
  SET TIME ZONE 'UTC';
  SET statement_timeout = '60s';
  SET idle_in_transaction_session_timeout = '60s'`;

/** As the pool has it: a transaction waits for a connection as long as a query does, where Prisma would give up after two seconds. */
const TRANSACTION_WAIT_MS = connectTimeout;
const TRANSACTION_MS = 30_000;

/** Opens the database, without connecting yet. @param poolSize most connections at once, Prisma's included */
export function openDatabase(parameters: { connection: DatabaseConnection; poolSize: number }): Database {
  const pool = new pg.Pool({
    ...parameters.connection,
    max: parameters.poolSize,
    connectionTimeoutMillis: connectTimeout,
    application_name: 'rollcall',
    onConnect: async (client) => {
      await client.query(sessionSettings);
    },
  });
  // An idle connection that breaks is replaced, and a query that has none to use reports it.
  pool.on('error', () => undefined);
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool),
    errorFormat: 'minimal',
    transactionOptions: { maxWait: TRANSACTION_WAIT_MS, timeout: TRANSACTION_MS },
  });
  return {
    prisma,
    pool,
    close: async () => {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

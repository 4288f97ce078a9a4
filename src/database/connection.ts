import type { PoolConfig } from 'pg';

/** How to reach a PostgreSQL, in the words of `pg`. */
export type DatabaseConnection = Pick<PoolConfig, 'connectionString' | 'host' | 'port' | 'user' | 'database' | 'ssl'>;

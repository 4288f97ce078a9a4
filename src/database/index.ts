export { type Database, openDatabase, type Transaction } from './client.js';
export { checkConnection, type DatabaseConnection, isUnreachable } from './connection.js';
export { type EmbeddedDatabase, startEmbedded } from './embedded/index.js';
export { migrate } from './migrate.js';
export { Prisma } from './prisma-client/client.js';
export { leaseHolderIsGone, ProcessLease } from './process-lease.js';

export { type Database, openDatabase, type Transaction } from './client.js';
export { bringUpToDate, type Connected, connect, type DatabasePlace } from './connect.js';
export { checkConnection, type DatabaseConnection } from './connection.js';
export { type EmbeddedDatabase, startEmbedded } from './embedded/index.js';
export { isDiskFull, isExhausted, isTimedOut, isUnreachable, isWithoutTurn } from './failure.js';
export { migrate } from './migrate.js';
export { Prisma } from './prisma-client/client.js';
export { leaseHolderIsGone, ProcessLease } from './process-lease.js';
export { inBackground, type RequestUse, requestUse } from './query-slots.js';

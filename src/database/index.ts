export {
  type BackupHeader,
  type BackupReport,
  readHeader,
  restoreBackup,
  writeBackup,
} from './backup/index.js';
export { type Database, openDatabase, type Transaction } from './client.js';
export {
  bringUpToDate,
  connect,
  type DatabasePlace,
  type Found,
  findDatabase,
} from './connect.js';
export { checkConnection } from './connection.js';
export { type EmbeddedDatabase, startEmbedded } from './embedded/index.js';
export {
  failureCode,
  goneOf,
  isDeadlocked,
  isDiskFull,
  isExhausted,
  isForbidden,
  isPassing,
  isTimedOut,
  isUnreachable,
  isWithoutTurn,
} from './failure.js';
export { type DatabaseConnection, isPostgresUrl, splitHosts } from './hosts.js';
export { migrate } from './migrate.js';
export { keepPartitions, type TimePartitions } from './partitions.js';
export { Prisma } from './prisma-client/client.js';
export { LIVING_PROCESSES, leaseHolderIsGone, ProcessLease } from './process-lease.js';
export { inBackground, type RequestUse, requestUse } from './query-slots.js';
export { type Position, PRIMARY, type ReplicaReads } from './read-replicas.js';

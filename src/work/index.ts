export { isFree, LeasedRows, type LeasedRowsSettings } from './leased-rows.repository.js';
export { type JobObserver, type RecurringJob, RecurringJobs } from './recurring-jobs.js';
export { ROLES, type Role } from './role.js';
export { WorkEnd } from './work-end.js';
export { WorkEngine } from './work-engine.js';
export {
  type AnyWorkKind,
  type WorkKind,
  type WorkObserver,
  type WorkResult,
  workKind,
} from './work-kind.js';
export type {
  DueLane,
  DueLanesQuestion,
  TakeRequest,
  WorkDepth,
  WorkQueue,
} from './work-queue.js';

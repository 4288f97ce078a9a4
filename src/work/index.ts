export { type JobObserver, type RecurringJob, RecurringJobs } from './recurring-jobs.js';

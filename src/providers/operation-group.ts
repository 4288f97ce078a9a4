import type { AnyAdapter, OperationName } from '../model/index.js';

/**
 * Routes of a provider that fail together, as far as is visible from outside: each group has a
 * circuit breaker and a retry budget of its own, so that the failure of one stays its own.
 */
export const OPERATION_GROUPS = [
  'inventory',
  'health',
  'detail',
  'engagement',
  'connect',
  'refresh',
  'write',
] as const;
export type OperationGroup = (typeof OPERATION_GROUPS)[number];

/** What every sweep asks. */
export const SWEPT_GROUPS: readonly OperationGroup[] = ['inventory', 'health'];

export const GROUP_OF: Readonly<Record<OperationName, OperationGroup>> = {
  list: 'inventory',
  get: 'inventory',
  verify: 'inventory',
  health: 'health',
  detail: 'detail',
  pause: 'engagement',
  resume: 'engagement',
  activity: 'engagement',
  stats: 'engagement',
  connectStart: 'connect',
  connectComplete: 'connect',
  refresh: 'refresh',
  create: 'write',
  update: 'write',
  disconnect: 'write',
};

/** The groups that a provider offers operations of. */
export function groupsOf(adapter: AnyAdapter): readonly OperationGroup[] {
  const offered = new Set(
    (Object.keys(adapter.operations) as OperationName[]).map((name) => GROUP_OF[name]),
  );
  return OPERATION_GROUPS.filter((group) => offered.has(group));
}

/**
 * What a process does: serve requests and leave background work to others (`api`), the reverse of
 * that (`worker`), or both (`all`).
 */
export const ROLES = ['all', 'api', 'worker'] as const;
export type Role = (typeof ROLES)[number];

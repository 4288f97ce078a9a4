import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * When a file last changed, or a folder or anything in it, in milliseconds since 1970. What is
 * removed changes its folder.
 */
export function changedAt(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const inside = readdirSync(path).map((name) => changedAt(join(path, name)));
  return Math.max(stats.mtimeMs, ...inside);
}

/** When a file last changed; 0 where there is none. */
export function modified(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

import type { Settings } from '../model/index.js';

/**
 * Changes merged over the current settings: objects field by field, everything else (lists too)
 * replaced.
 */
export function mergeSettings(current: Settings, changes: Settings): Settings {
  const merged: Record<string, unknown> = { ...current };
  for (const [name, change] of Object.entries(changes)) {
    const before = merged[name];
    merged[name] =
      isPlainObject(before) && isPlainObject(change) ? mergeSettings(before, change) : change;
  }
  return merged;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

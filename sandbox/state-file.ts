import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { SavedProvider } from './running-provider.js';

const Fields = z.record(z.string(), z.unknown());
const SavedProviders = z.record(
  z.string(),
  z.object({
    key: z.string(),
    accounts: z.object({
      created: z.array(z.string()),
      removed: z.array(z.string()),
      changes: z.array(z.tuple([z.string(), Fields])),
      scheduled: z.array(z.object({ id: z.string(), at: z.number(), fields: Fields })),
    }),
  }),
);
type SavedProviders = Readonly<Record<string, SavedProvider>>;

/**
 * What was saved; nothing where the file is not there yet. Throws, naming the file, where it cannot
 * be used.
 */
export function loadState(file: string): SavedProviders {
  if (!existsSync(file)) return {};
  try {
    return SavedProviders.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`The sandbox cannot read its state file ${file}; remove it to start afresh.`, {
      cause: error,
    });
  }
}

/**
 * Written before the change is answered, and swapped in whole, so that a kill at any instant leaves
 * a good file. Its folder is made where nothing else has.
 */
export function saveState(file: string, state: SavedProviders): void {
  const draft = `${file}.${process.pid}.tmp`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(draft, JSON.stringify(state));
  renameSync(draft, file);
}

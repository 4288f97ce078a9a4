import { adapters as installed } from '../../adapters/index.gen.js';
import type { AnyAdapter } from '../model/index.js';

/** The adapters there are. */
export interface Registry {
  get(provider: string): AnyAdapter | undefined;
  all(): readonly AnyAdapter[];
}

/** @param adapters those in `adapters/` when left out */
export function createRegistry(adapters: readonly AnyAdapter[] = installed): Registry {
  const byId = new Map(adapters.map((adapter) => [adapter.id, adapter]));
  return { get: (provider) => byId.get(provider), all: () => adapters };
}

import { adapters as installed } from '../../adapters/index.gen.js';
import type { AnyAdapter } from '../model/index.js';

/** The adapters there are. */
export interface Registry {
  get(provider: string): AnyAdapter | undefined;
  /** @throws Error for a provider without an adapter */
  require(provider: string): AnyAdapter;
  all(): readonly AnyAdapter[];
}

/** @param adapters those in `adapters/` when left out */
export function createRegistry(adapters: readonly AnyAdapter[] = installed): Registry {
  const byId = new Map(adapters.map((adapter) => [adapter.id, adapter]));
  return {
    get: (provider) => byId.get(provider),
    require: (provider) => {
      const adapter = byId.get(provider);
      if (!adapter) throw new Error(`There is no adapter for the provider "${provider}".`);
      return adapter;
    },
    all: () => adapters,
  };
}

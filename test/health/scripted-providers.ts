import type { Clock } from '../../src/lib/clock.js';
import {
  type ObservedAccount,
  ProviderError,
  type ProviderErrorCode,
} from '../../src/model/index.js';
import { createProviders, createRegistry, type Providers } from '../../src/providers/index.js';

/** What a provider does the next time it is asked. */
export interface Script {
  readonly accounts: readonly Required<ObservedAccount>[];
  /** Ids of listed items that cannot be read. */
  readonly unreadable?: readonly string[];
  /** It answers with this after so many accounts; `null`: it lists them all. */
  readonly failure: { readonly code: ProviderErrorCode; readonly after: number } | null;
  /** Whether it rejects the key whatever is asked, and not by mistake on one call. */
  readonly rejectsKey: boolean;
}

const PAGE = 100;

/** The way out with nobody behind it: lists come from the scripts, by provider. */
export function scriptedProviders(clock: Clock, scripts: ReadonlyMap<string, Script>): Providers {
  const scriptOf = (provider: string) => {
    const script = scripts.get(provider);
    if (!script) throw new Error(`${provider} has no script`);
    return script;
  };
  const checkKey = async (provider: string) => {
    if (scriptOf(provider).rejectsKey)
      throw new ProviderError(provider, 'credential_rejected', 'The key is rejected.', {
        status: 401,
      });
  };
  // No sweep runs out of questions about what its list lacks.
  const adapters = createRegistry()
    .all()
    .map((adapter) => ({
      ...adapter,
      limits: { ...adapter.limits, requests: 1_000_000, perSeconds: 60 },
    }));
  const providers = createProviders({ clock, adapters });
  return {
    ...providers,
    verify: ({ provider }) => checkKey(provider),
    list: async ({ provider }) => {
      await checkKey(provider);
      return { observedAt: clock.now(), accounts: [], quarantined: [], next: null };
    },
    // What the list lacks is gone.
    lookUpUnlisted: async () => 'gone',
    async *walk({ provider }) {
      await checkKey(provider);
      const { accounts, unreadable = [], failure } = scriptOf(provider);
      if (unreadable.length > 0) {
        const quarantined = unreadable.map((id) => ({ id, reason: 'item: not an object' }));
        yield {
          observedAt: clock.now(),
          source: 'list' as const,
          accounts: [],
          quarantined,
          healthFailure: null,
          next: null,
        };
      }
      const listed = accounts.slice(0, failure?.after);
      // Where no account can be asked for, the list has no pages.
      const size = providers.supports(provider, 'get') ? PAGE : Math.max(1, listed.length);
      for (let start = 0; start < listed.length; start += size) {
        const page = listed.slice(start, start + size).map((account) => ({
          account,
          degraded: [],
          remoteData: {},
          observedAt: clock.now(),
          coverage: 'whole' as const,
        }));
        yield {
          observedAt: clock.now(),
          source: 'list' as const,
          accounts: page,
          quarantined: [],
          healthFailure: null,
          next: null,
        };
      }
      if (failure) throw new ProviderError(provider, failure.code, 'It did not work.');
    },
  };
}

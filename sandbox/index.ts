import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { resetAll } from './control.js';
import { creatoraudit } from './creatoraudit/index.js';
import { octopost } from './octopost/index.js';
import { outfame } from './outfame/index.js';
import { postiz } from './postiz/index.js';
import type { Provider, ProviderName } from './provider.js';
import { RunningProvider } from './running-provider.js';
import { listen } from './server.js';
import { socialsyncer } from './socialsyncer/index.js';
import { loadState, saveState } from './state-file.js';
import { zernio } from './zernio/index.js';

export type { Fault } from './faults.js';
export { PROVIDER_NAMES, type ProviderName, type ProviderSettings } from './provider.js';
export type { ProviderCounts, RunningProvider } from './running-provider.js';

const DEFINITIONS: readonly Provider[] = [
  outfame,
  creatoraudit,
  socialsyncer,
  octopost,
  postiz,
  zernio,
];

interface SandboxSettings {
  /** 0 takes any free port; default 4900. */
  readonly port?: number;
  /** Default 127.0.0.1. The control routes need no key, so keep it to loopback. */
  readonly host?: string;
  /**
   * Generated accounts beside the seeded ones, shared evenly by Outfame and CreatorAudit, the two
   * that page; default 0.
   */
  readonly accounts?: number;
  /** Where changes to accounts and keys outlive a restart; left out, they are kept in memory. */
  readonly stateFile?: string;
}

/** The providers, running. */
export interface Sandbox {
  /** `http://127.0.0.1:4900` */
  readonly url: string;
  /** Version path included: `http://127.0.0.1:4900/outfame/v1`. */
  baseUrl(provider: ProviderName): string;
  apiKey(provider: ProviderName): string;
  /** The provider itself: faults, counts, accounts, key and settings without HTTP. */
  provider(provider: ProviderName): RunningProvider;
  /** Everything back to the state of a first start. */
  reset(): void;
  /** Ends all connections, the hanging ones too. */
  close(): Promise<void>;
}

/**
 * Starts the providers on one port. Rejects where the port is taken or the state file
 * unusable.
 */
export async function startSandbox(settings: SandboxSettings = {}): Promise<Sandbox> {
  const { port = 4900, host = '127.0.0.1', accounts = 0, stateFile } = settings;
  const providers = new Map<ProviderName, RunningProvider>();
  const persist = () => {
    if (stateFile === undefined) return;
    saveState(
      stateFile,
      Object.fromEntries([...providers].map(([name, provider]) => [name, provider.save()])),
    );
  };
  const shares: Partial<Record<ProviderName, number>> = {
    outfame: Math.ceil(accounts / 2),
    creatoraudit: Math.floor(accounts / 2),
  };
  const saved = stateFile === undefined ? {} : loadState(stateFile);
  for (const definition of DEFINITIONS) {
    const provider = new RunningProvider(definition, shares[definition.name] ?? 0, persist);
    const state = saved[definition.name];
    if (state) provider.restore(state);
    providers.set(definition.name, provider);
  }

  const server = await listen(providers, host, port);
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  const provider = (name: ProviderName): RunningProvider => {
    const found = providers.get(name);
    if (!found) throw new Error(`There is no sandbox provider ${name}`);
    return found;
  };
  return {
    url,
    baseUrl: (name) => `${url}${provider(name).definition.mountPath}`,
    apiKey: (name) => provider(name).apiKey,
    provider,
    reset: () => resetAll(providers),
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

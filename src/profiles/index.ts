import type { SettleProfiles } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import { idScope } from '../model/index.js';
import type { Providers } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { MembersRepository } from './members.repository.js';
import { ProfileKeeper } from './profile-keeper.js';

export type { ProfileKeeper } from './profile-keeper.js';

interface ProfilesParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly clock: Clock;
}

/** Profiles: one identity on one platform, whichever providers hold accounts of it. */
export function createProfiles({ database, providers, clock }: ProfilesParts) {
  const keeper = new ProfileKeeper({
    database,
    clock,
    idScopeOf: (provider: string, platform: string) => {
      const adapter = providers.adapters.get(provider);
      return adapter === undefined ? 'unknown' : idScope(adapter, platform);
    },
    members: new MembersRepository(providers.adapters),
  });
  const jobs: readonly RecurringJob[] = [
    { name: 'profiles.settle', everyMs: 500, run: () => keeper.settleLeft() },
  ];
  const settleProfiles: SettleProfiles = (client, at) => keeper.settle(client, at);
  return { keeper, settleProfiles, jobs };
}

import type { AccountsService, SettleProfiles } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import type { Cursors } from '../http/cursor.js';
import type { Clock } from '../lib/clock.js';
import { idScope } from '../model/index.js';
import type { Providers, Registry } from '../providers/index.js';
import type { RecurringJob } from '../work/index.js';
import { choiceEndpoints } from './choices.routes.js';
import { MAX_CHOICE_ACCOUNTS } from './choices.schema.js';
import { ChoicesService } from './choices.service.js';
import { ProfileHistoryRepository } from './history.repository.js';
import { MembersRepository } from './members.repository.js';
import { ProfileKeeper } from './profile-keeper.js';
import { ProfilesRepository } from './profiles.repository.js';
import { profileEndpoints } from './profiles.routes.js';
import { ProfilesService } from './profiles.service.js';
import { StaleLinks } from './stale-links.js';
import { readWholeProfile } from './whole-profile.js';

export { byProfile } from './choices.schema.js';
export type { MemberFacts } from './member-facts.js';
export type { MembersRepository } from './members.repository.js';
export { STALE_AFTER_INTERVALS } from './membership.js';
export type { ProfileKeeper } from './profile-keeper.js';
export type { StaleLink, StaleLinks } from './stale-links.js';
export type { MatchedAccount, ReadWholeProfile } from './whole-profile.js';

/** @param parts `adapters`: they say how far a provider's ids reach */
export function createProfileKeeper({
  database,
  adapters,
  clock,
}: {
  readonly database: Database;
  readonly adapters: Registry;
  readonly clock: Clock;
}): ProfileKeeper {
  const members = new MembersRepository(adapters);
  return new ProfileKeeper({ database, clock, idScopeOf: idScopesOf(adapters), members });
}

/** Where the platform user ids that a provider shows are the same person. */
const idScopesOf = (adapters: Registry) => (provider: string, platform: string) => {
  const adapter = adapters.get(provider);
  return adapter === undefined ? 'unknown' : idScope(adapter, platform);
};

interface ProfilesParts {
  readonly database: Database;
  readonly providers: Providers;
  readonly cursors: Cursors;
  readonly clock: Clock;
}

/** Profiles: one identity on one platform, whichever providers hold accounts of it. */
export function createProfiles({ database, providers, cursors, clock }: ProfilesParts) {
  const { adapters } = providers;
  const members = new MembersRepository(adapters);
  const keeper = createProfileKeeper({ database, adapters, clock });
  const profiles = new ProfilesRepository(database);
  const idScopeOf = idScopesOf(adapters);
  const service = new ProfilesService({
    database,
    profiles,
    members,
    history: new ProfileHistoryRepository(database),
    idScopeOf,
    clock,
  });
  const providerIds = adapters.all().map(({ id }) => id);
  const jobs: readonly RecurringJob[] = [
    { name: 'profiles.settle', everyMs: 500, run: () => keeper.settleLeft() },
  ];
  const settleProfiles: SettleProfiles = (client, at) => keeper.settle(client, at);
  const choices = new ChoicesService({ keeper, idScopeOf, clock });
  return {
    keeper,
    members,
    staleLinks: new StaleLinks(profiles, idScopeOf),
    settleProfiles,
    endpoints: { profiles: profileEndpoints(service, cursors, providerIds) },
    readWholeProfile: readWholeProfile(keeper, MAX_CHOICE_ACCOUNTS),
    /** People's choices about profiles. */
    choiceEndpoints: (accounts: AccountsService) => choiceEndpoints(choices, service, accounts),
    jobs,
  };
}

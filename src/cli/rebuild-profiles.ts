import { systemClock } from '../lib/clock.js';
import { createProfileKeeper } from '../profiles/index.js';
import { createRegistry } from '../providers/index.js';
import { type CommandResult, type CommandSettings, onDatabase } from './command.js';

/**
 * `npm run rebuild-profiles`, with the gateways' variables, while they run: decides again on the
 * profile of every account. Profiles keep their ids, unless something was wrong.
 */
export function rebuildProfiles(settings: CommandSettings): Promise<CommandResult> {
  return onDatabase(settings, async ({ database }) => {
    const keeper = createProfileKeeper({
      database,
      adapters: createRegistry(),
      clock: systemClock,
    });
    const { accounts, profiles, moved } = await keeper.rebuild();
    return {
      exitCode: 0,
      lines: [
        `Decided on ${accounts} connected accounts: they are in ${profiles} profiles.`,
        moved === 0
          ? 'Every account was already in its profile.'
          : `${moved} accounts were not, and are now.`,
      ],
    };
  });
}

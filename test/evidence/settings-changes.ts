import fc from 'fast-check';
import { membersOf, withMembers } from '../support/raw-json.js';
import type { ProviderName } from './provider-formats.js';

type Settings = Readonly<Record<string, unknown>>;

const count = fc.nat(1_000_000);
const words = fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 });
const CHANGES: Partial<Record<ProviderName, fc.Arbitrary<Settings>>> = {
  outfame: fc.record(
    {
      targeting_config: fc.record(
        {
          hashtags: words,
          interests: words,
          filters: fc.record(
            { language: fc.option(fc.string({ maxLength: 8 })), min_followers: count },
            { requiredKeys: [] },
          ),
        },
        { requiredKeys: [] },
      ),
      daily_limits: fc.record({ likes: count, comments: count }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  ),
  creatoraudit: fc.record(
    {
      category: fc.option(fc.string({ maxLength: 8 })),
      scrape_interval_hours: fc.integer({ min: 6, max: 720 }),
      metadata: fc.dictionary(
        fc.constantFrom('ig', 'owner_token', 'new', 'e'),
        fc.oneof(fc.string({ maxLength: 8 }), count, fc.boolean()),
      ),
    },
    { requiredKeys: [] },
  ),
};

/** What callers may ask to change; nothing where a provider has no settings. */
export const settingsChanges = (provider: ProviderName): fc.Arbitrary<Settings> =>
  CHANGES[provider] ?? fc.constant({});

/**
 * The text of a value once a change is merged over it: objects member by member, all else replaced.
 * @param told the value as the provider wrote it; `undefined` when it did not
 */
export function mergedText(told: string | undefined, change: unknown): string {
  if (!isObject(change) || !told?.startsWith('{')) return JSON.stringify(change);
  const before = membersOf(told);
  const merged = Object.entries(change).map(
    ([name, value]) => [name, mergedText(before.get(name), value)] as const,
  );
  return merged.length === 0 ? told : withMembers(told, new Map(merged));
}

function isObject(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

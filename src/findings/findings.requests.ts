import { z } from 'zod';
import { commaSeparated, idOf, paging, time, words } from '../http/validate.js';
import { providerId } from '../providers/index.js';
import { FINDING_KINDS } from './finding-kinds.js';
import { FINDING_STATES } from './findings.repository.js';

const word = z.string().min(1).max(200);
const oneOf = <Value extends string>(values: readonly [Value, ...Value[]]) =>
  commaSeparated(z.enum(values, { error: `must be one of: ${values.join(', ')}` }));

/** @param providers those there are adapters for */
export function findingsQuery(providers: readonly string[]) {
  return z.strictObject({
    kind: oneOf(FINDING_KINDS).optional().meta({ description: 'Only findings of these kinds.' }),
    profile_id: commaSeparated(idOf('prof', 'a profile')).optional().meta({
      description:
        'Only findings about these profiles; a former id stands for the profile that has its accounts now, too.',
    }),
    provider: commaSeparated(providerId(providers))
      .optional()
      .meta({ description: 'Only findings about accounts at these providers.' }),
    platform: commaSeparated(word.toLowerCase())
      .optional()
      .meta({ description: 'Only findings about profiles on these platforms.' }),
    state: oneOf(FINDING_STATES)
      .default(['open'])
      .meta({ description: 'Only findings in these states; open ones when omitted.' }),
    since: time
      .optional()
      .meta({ description: 'Only findings whose `since` is at or after this time.' }),
    ...paging,
  });
}

export const dismissalRequest = z
  .strictObject({
    reason: words(1000).meta({ description: 'Why it is intended.' }),
  })
  .meta({ examples: [{ reason: 'The agency publishes videos, we publish the rest.' }] });

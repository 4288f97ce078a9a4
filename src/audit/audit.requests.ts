import { z } from 'zod';
import { commaSeparated, paging, time } from '../http/validate.js';

const word = z.string().min(1).max(200);
/** A ref or a provider's own id is none: entries have ours alone. */
const targetId = word.regex(
  /^[^,:]+$/,
  'must be an id, such as acct_01k9z3m8q4v7x2c5n6b8a1s3d4; GET /v1/accounts/{ref} shows that of a ref',
);

/** What the audit log can be searched by. */
const filterFields = {
  action: commaSeparated(word)
    .optional()
    .meta({ description: 'Only these actions.', examples: [['account.paused']] }),
  target_type: commaSeparated(word)
    .optional()
    .meta({ description: 'Only actions on these types of target.', examples: [['account']] }),
  target_id: commaSeparated(targetId)
    .optional()
    .meta({
      description: 'Only actions on these targets.',
      examples: [['acct_01k9z3m8q4v7x2c5n6b8a1s3d4']],
    }),
  key_id: commaSeparated(word).optional().meta({ description: 'Only actions by these keys.' }),
  request_id: word.optional().meta({ description: 'Only actions of this request.' }),
  since: time.optional().meta({ description: 'Only actions at or after this time.' }),
  until: time.optional().meta({ description: 'Only actions before this time.' }),
};
export type AuditFilter = z.output<z.ZodObject<typeof filterFields>>;

export const auditQuery = z.strictObject({ ...filterFields, ...paging });

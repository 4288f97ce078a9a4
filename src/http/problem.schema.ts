import { z } from 'zod';
import { HEALTH_FAULTS } from '../model/index.js';
import { MAX_ERRORS, MAX_REFS, PROBLEMS, type ProblemCode } from './problem.js';

/** An error as it is answered (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().meta({
      description: 'A URN for the kind of error.',
      examples: ['urn:rollcall:error:not-found'],
    }),
    title: z.string().meta({ examples: ['Not Found'] }),
    status: z.int().meta({ examples: [404] }),
    detail: z.string().meta({ description: 'What happened and what to do.' }),
    code: z
      .enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]])
      .meta({ description: 'The kind of error, for programs.' }),
    instance: z
      .string()
      .meta({ description: 'The path of the request.', examples: ['/v1/accounts/acct_1'] }),
    request_id: z.string(),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .max(MAX_ERRORS)
      .optional()
      .meta({ description: 'The fields that are wrong.' }),
    errors_omitted: z
      .int()
      .optional()
      .meta({ description: 'How many more fields are wrong than `errors` lists.' }),
    provider: z
      .object({
        id: z.string(),
        status: z.int().nullable(),
        code: z.string().nullable(),
        message: z.string().nullable(),
      })
      .optional()
      .meta({ description: "The provider's own error." }),
    fault: z.enum(HEALTH_FAULTS).optional().meta({ description: 'Where the cause is.' }),
    retry_after: z.int().optional().meta({ description: 'Seconds to wait before trying again.' }),
    account_id: z
      .string()
      .optional()
      .meta({ description: 'The account that the request conflicts with.' }),
    profile_id: z
      .string()
      .optional()
      .meta({ description: 'The profile that a profile of the request was merged into.' }),
    refs: z
      .array(z.string())
      .max(MAX_REFS)
      .optional()
      .meta({ description: 'Refs of the accounts concerned.' }),
    connect: z
      .object({ flow: z.string(), instructions: z.string(), url: z.string() })
      .optional()
      .meta({ description: "How to connect an account when the provider's API cannot." }),
  })
  .meta({ id: 'Problem' });

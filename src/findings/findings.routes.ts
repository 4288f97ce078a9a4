import { z } from 'zod';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listOf } from '../http/page.js';
import { action, endpoint } from '../http/route.js';
import { FINDINGS } from './finding-kinds.js';
import { dismissalRequest, findingsQuery } from './findings.requests.js';
import { findingSchema } from './findings.schema.js';
import type { FindingsService } from './findings.service.js';

const byFinding = z.object({
  id: z.string().meta({
    description: 'Id of the finding.',
    examples: ['find_01k9z3m8q4v7x2c5n6b8a1s3d4'],
  }),
});

const KINDS = Object.entries(FINDINGS)
  .map(([kind, { meaning }]) => `| \`${kind}\` | ${meaning} |`)
  .join('\n');

export function findingEndpoints(
  findings: FindingsService,
  cursors: Cursors,
  providers: readonly string[],
) {
  return {
    list: endpoint({
      summary: 'List findings: what a person may want to check, newest first',
      description: `| Kind | Meaning |\n|---|---|\n${KINDS}`,
      isVersioned: true,
      query: findingsQuery(providers),
      answers: { 200: listOf(findingSchema) },
      handle: (call) => {
        const { limit: _limit, cursor: _cursor, include_total: _total, ...filter } = call.query;
        return answerPage(call, cursors, filter, findings.list(call.caller, filter));
      },
    }),

    get: endpoint({
      summary: 'Get a finding',
      params: byFinding,
      answers: { 200: dataOf(findingSchema) },
      handle: async (call) => ({
        status: 200,
        body: { data: await findings.get(call.caller, call.params.id) },
      }),
    }),

    dismiss: action({
      summary: 'Dismiss a finding, with the reason, until it changes',
      description:
        'It is no longer listed unless `state` requests it. If the accounts or the facts change, that is a new, open finding.',
      params: byFinding,
      body: dismissalRequest,
      answers: { 200: dataOf(findingSchema) },
      problems: ['conflict'],
      handle: (call) =>
        call.commit(async (transaction) => {
          const { caller, params, body } = call;
          const data = await findings.dismiss(transaction, caller, params.id, body.reason);
          return { status: 200, body: { data } };
        }),
    }),
  };
}

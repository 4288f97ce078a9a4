import { answerFeed, NO_TOTAL, REWOUND } from '../http/feed.js';
import { dataOf, listOf } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { byAccount } from '../http/validate.js';
import { changesQuery, isTime } from './health.requests.js';
import { accountHistorySchema, changeSchema } from './health.schema.js';
import type { HealthService } from './health.service.js';

export function healthEndpoints(health: HealthService) {
  return {
    ofAccount: endpoint({
      summary: "Get an account's health, its history and its uptime",
      mayLag: true,
      params: byAccount,
      answers: {
        200: dataOf(accountHistorySchema),
      },
      problems: ['ambiguous_reference'],
      handle: async (call) => ({
        status: 200,
        body: { data: await health.of(call.caller, call.params.id) },
      }),
    }),

    changes: endpoint({
      summary:
        'List health changes of all accounts, oldest first. Continue with the last `next_cursor` as `since`: no change is missed',
      mayLag: 'unless_written',
      description: `${NO_TOTAL} ${REWOUND}`,
      query: changesQuery,
      answers: { 200: listOf(changeSchema) },
      problems: ['cursor_mismatch', 'history_rewound'],
      handle: async (call) => {
        const { caller, query } = call;
        return answerFeed(
          call,
          {},
          {
            after: { parameter: 'since', value: query.since },
            read: (since, limit) => {
              const from = since !== undefined && isTime(since) ? new Date(since) : since;
              return health.changes(caller, from, limit);
            },
            cursorOf: (row) => health.cursor(caller, row.position),
          },
        );
      },
    }),
  };
}

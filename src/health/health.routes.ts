import { answerFeed, NO_TOTAL, REWOUND } from '../http/feed.js';
import { dataOf, listOf } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { byAccount } from '../http/validate.js';
import { changesQuery, levelsQuery, startOf } from './health.requests.js';
import { accountHistorySchema, changeSchema, levelsSchema, MAX_LEVELS } from './health.schema.js';
import type { HealthService } from './health.service.js';

/** @param providers the ids of all there are */
export function healthEndpoints(health: HealthService, providers: readonly string[]) {
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
            read: (since, limit) => health.changes(caller, startOf(since), limit),
            cursorOf: (row) => health.cursor(caller, row.position),
          },
        );
      },
    }),

    levels: endpoint({
      summary: 'Get how many accounts were healthy or not over time, by provider',
      description: `Recorded every minute while a gateway runs; the last record of each hour is kept. Disconnected accounts do not count. At most ${MAX_LEVELS} steps in one answer.`,
      query: levelsQuery(providers),
      answers: { 200: dataOf(levelsSchema) },
      handle: async (call) => ({
        status: 200,
        body: { data: await health.levels(call.caller, call.query) },
      }),
    }),
  };
}

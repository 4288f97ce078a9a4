import type { Cursors } from '../http/cursor.js';
import { dataOf, links, listOf } from '../http/page.js';
import { ACTION_PROBLEMS } from '../http/problem.js';
import { contextOf, endpoint } from '../http/route.js';
import { byAccount } from '../http/validate.js';
import type { Providers } from '../providers/index.js';
import type { AccountsService } from './accounts.service.js';
import { activityQuery } from './engagement.requests.js';
import { activitySchema, statsSchema, toActivity, toStats } from './engagement.schema.js';

/**
 * What a provider did for an account. These pass through to the provider: it alone keeps the log.
 */
export function engagementEndpoints(
  accounts: AccountsService,
  providers: Providers,
  cursors: Cursors,
) {
  return {
    activity: endpoint({
      summary: "List an account's engagement log, read from its provider",
      description: 'The provider reports no total: `include_total` is rejected.',
      isPagedByProvider: true,
      params: byAccount,
      query: activityQuery,
      answers: { 200: listOf(activitySchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const { row, access } = await accounts.accessFor(call.caller, call.params.id, 'activity');
        const { limit, cursor, type, date } = call.query;
        const filters = {
          ...(type !== undefined && { type }),
          ...(date !== undefined && { date }),
        };
        const question = ['activity', row.id, filters];
        const page = await providers.activity(
          access,
          {
            id: row.provider_account_id,
            type,
            date,
            limit,
            cursor: cursor === undefined ? undefined : cursors.decode(cursor, question).id,
          },
          { ...contextOf(call), signal: call.signal },
        );
        const next =
          page.next === undefined ? null : cursors.encode({ value: null, id: page.next }, question);
        const pagination = { next_cursor: next, has_next: next !== null, limit };
        return {
          status: 200,
          body: { data: page.items.map(toActivity), pagination, filters },
          headers: { Link: links(call, next) },
        };
      },
    }),

    stats: endpoint({
      summary: "Get an account's engagement statistics for today, read from its provider",
      params: byAccount,
      answers: { 200: dataOf(statsSchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const { row, access } = await accounts.accessFor(call.caller, call.params.id, 'stats');
        const stats = await providers.stats(
          access,
          { id: row.provider_account_id },
          { ...contextOf(call), signal: call.signal },
        );
        return { status: 200, body: { data: toStats(row.id, stats) } };
      },
    }),
  };
}

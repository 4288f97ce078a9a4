import { z } from 'zod';
import type { Answer } from '../http/answer.js';
import type { Caller } from '../http/caller.js';
import type { Cursors } from '../http/cursor.js';
import { orderFields } from '../http/keyset.js';
import { answerPage, dataOf, listOf } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { paging } from '../http/validate.js';
import { byProfile } from './choices.schema.js';
import { profileChangeSchema } from './history.schema.js';
import { PROFILE_ORDER_KEYS, type ProfileFilter, profileFilterFields } from './profile-filter.js';
import type { ProfileRedirect } from './profiles.repository.js';
import { profileSchema, redirectSchema } from './profiles.schema.js';
import { MAX_TOLD_REDIRECTS, type ProfilesService } from './profiles.service.js';

const FORMER_ID =
  'The id of a profile that was merged into another is answered 301: `Location` and `merged_into` name the profile that has its accounts now, without further redirects.';

/** Translates HTTP for reading profiles. */
export function profileEndpoints(
  service: ProfilesService,
  cursors: Cursors,
  providers: readonly string[],
) {
  const listQuery = z.strictObject({
    ...profileFilterFields(providers),
    ...paging,
    ...orderFields(PROFILE_ORDER_KEYS, 'created_at'),
  });

  return {
    list: endpoint({
      summary: 'List and find profiles: one identity on one platform, whichever providers hold it',
      mayLag: true,
      query: listQuery.extend({
        include: z.literal('merged', { error: 'must be: merged' }).optional().meta({
          description:
            'Adds `merged`: profiles that joined others since `updated_since`, oldest first.',
        }),
      }),
      answers: {
        200: listOf(profileSchema).extend({
          merged: z.array(redirectSchema).max(MAX_TOLD_REDIRECTS).optional(),
        }),
      },
      handle: (call) => {
        const { include, ...query } = call.query;
        const { filter, order, direction, echo } = questionOf(query);
        return answerPage(
          call,
          cursors,
          { ...echo, ...(include && { include }) },
          {
            read: (page) => service.page({ caller: call.caller, filter, order, direction, page }),
            count: () => service.count(call.caller, filter),
            ...(include && { top: () => mergedSince(call.caller, filter.updated_since) }),
          },
        );
      },
    }),

    get: endpoint({
      summary: 'Get a profile',
      mayLag: true,
      description: FORMER_ID,
      params: byProfile,
      answers: { 200: dataOf(profileSchema), 301: dataOf(redirectSchema) },
      handle: async (call) => {
        const found = await service.find(call.caller, call.params.id);
        if ('mergedInto' in found) return leadingOn(found, '', call.search);
        return { status: 200, body: { data: found } };
      },
    }),

    history: endpoint({
      summary: 'List the history of a profile, newest first',
      description: `Includes the history of all profiles that were merged into it. ${FORMER_ID}`,
      params: byProfile,
      query: z.strictObject(paging),
      answers: { 200: listOf(profileChangeSchema), 301: dataOf(redirectSchema) },
      handle: async (call) => {
        const found = await service.historyOf(call.caller, call.params.id);
        if ('mergedInto' in found) return leadingOn(found, '/history', call.search);
        return answerPage(call, cursors, {}, found);
      },
    }),
  };

  async function mergedSince(caller: Caller, since: Date | undefined) {
    return { merged: (await service.redirectsSince(caller, since)).map(redirectShown) };
  }

  /** As for accounts: the filter, the sort, and what the answer echoes and the cursor is bound to. */
  function questionOf(query: z.output<typeof listQuery>) {
    const {
      limit: _limit,
      cursor: _cursor,
      include_total: _total,
      order_by,
      order_direction,
      ...filter
    } = query;
    return {
      filter: filter satisfies ProfileFilter,
      order: order_by,
      direction: order_direction,
      echo: { ...filter, order_by, order_direction },
    };
  }
}

/** To the same of the profile that has the accounts now. @param below the path under the profile */
function leadingOn(redirect: ProfileRedirect, below: string, search: URLSearchParams): Answer {
  const query = search.size > 0 ? `?${search}` : '';
  return {
    status: 301,
    headers: { Location: `/v1/profiles/${redirect.mergedInto}${below}${query}` },
    body: { data: redirectShown(redirect) },
  };
}

const redirectShown = ({ id, mergedInto, mergedAt }: ProfileRedirect) => ({
  id,
  type: 'profile',
  merged_into: mergedInto,
  merged_at: mergedAt,
});

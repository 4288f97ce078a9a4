import { z } from 'zod';
import { RawText } from '../http/answer.js';
import type { Cursors } from '../http/cursor.js';
import { orderFields } from '../http/keyset.js';
import { answerPage, dataOf, listOf } from '../http/page.js';
import { ACTION_PROBLEMS, CHANGE_PROBLEMS } from '../http/problem.js';
import { action, type Call, contextOf, endpoint } from '../http/route.js';
import { byAccount, paging } from '../http/validate.js';
import { type AccountFilter, accountFilterFields, ORDER_KEYS } from './account-filter.js';
import type { AccountsRepository } from './accounts.repository.js';
import { accountChange, accountRequest } from './accounts.requests.js';
import { accountHealthSchema, accountSchema } from './accounts.schema.js';
import type { AccountsService } from './accounts.service.js';
import { rationHeaders } from './probes.js';

const include = z.literal('remote_data', { error: 'must be: remote_data' }).optional().meta({
  description: "`remote_data` adds the provider's last raw object, with secrets redacted.",
});

/** Translates HTTP for accounts; what is done stands in the service. */
export function accountEndpoints(
  service: AccountsService,
  repository: AccountsRepository,
  cursors: Cursors,
  providers: readonly string[],
) {
  const listQuery = z.strictObject({
    ...accountFilterFields(providers),
    ...paging,
    ...orderFields(ORDER_KEYS, 'created_at'),
  });
  type ListQuery = z.output<typeof listQuery>;

  const one = (document: string) => new RawText(`{"data":${document}}`);

  const switchTo = async (to: 'pause' | 'resume', call: Call<{ id: string }, unknown, unknown>) => {
    const result = await service.switch(call.caller, call.params.id, to, contextOf(call));
    return call.commit(async ({ client }) => ({
      status: 200,
      body: one((await service.record(client, result)).document),
    }));
  };

  return {
    list: endpoint({
      summary: 'List and find accounts',
      mayLag: true,
      isVersioned: true,
      query: listQuery.extend({ include }),
      answers: { 200: listOf(accountSchema) },
      handle: (call) => {
        const { filter, order, direction, echo } = questionOf(call.query);
        const withRemoteData = call.query.include !== undefined;
        return answerPage(
          call,
          cursors,
          { ...echo, ...(withRemoteData && { include: call.query.include }) },
          {
            read: (page) =>
              repository.page(
                { caller: call.caller, filter, order, direction, page },
                withRemoteData,
              ),
            count: () => repository.count(call.caller, filter),
          },
        );
      },
    }),

    health: endpoint({
      summary: 'List the health of accounts, with a summary over the whole filter',
      mayLag: true,
      isVersioned: true,
      query: listQuery,
      answers: {
        200: listOf(accountHealthSchema).extend({
          summary: z.object({
            total: z.int(),
            healthy: z.int(),
            warning: z.int(),
            unhealthy: z.int(),
            unknown: z.int(),
          }),
        }),
      },
      handle: (call) => {
        const { filter, order, direction, echo } = questionOf(call.query);
        return answerPage(call, cursors, echo, {
          read: (page) =>
            repository.healthPage({ caller: call.caller, filter, order, direction, page }),
          count: () => repository.count(call.caller, filter),
          top: async () => ({ summary: await repository.healthSummary(call.caller, filter) }),
        });
      },
    }),

    get: endpoint({
      summary: 'Get an account',
      mayLag: true,
      isKept: true,
      params: byAccount,
      query: z.strictObject({ include }),
      answers: { 200: dataOf(accountSchema) },
      problems: ['ambiguous_reference'],
      handle: async (call) => {
        const document = await service.document(
          call.caller,
          call.params.id,
          call.query.include !== undefined,
        );
        return { status: 200, body: one(document) };
      },
    }),

    ofIdentity: endpoint({
      summary: "List the team's accounts on one platform identity",
      mayLag: true,
      isVersioned: true,
      params: z.object({
        platform: z.string().meta({ description: 'The platform.' }),
        platform_user_id: z
          .string()
          .meta({ description: 'The id of the profile on the platform.' }),
      }),
      query: z.strictObject(paging),
      answers: { 200: listOf(accountSchema) },
      handle: (call) => {
        const identity = {
          platform: call.params.platform.toLowerCase(),
          platformUserId: call.params.platform_user_id,
        };
        return answerPage(call, cursors, call.params, {
          read: (page) => repository.pageOfIdentity(call.caller, identity, page),
          count: () => repository.countOfIdentity(call.caller, identity),
        });
      },
    }),

    create: action({
      summary: 'Create or track an account at a provider',
      body: accountRequest,
      answers: { 201: dataOf(accountSchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const result = await service.create(
          call.caller,
          call.body,
          contextOf(call),
          call.begunBefore,
        );
        return call.commit(async ({ client }) => {
          const { id, document } = await service.record(client, result);
          return { status: 201, body: one(document), headers: { Location: `/v1/accounts/${id}` } };
        });
      },
    }),

    change: endpoint({
      summary: "Change an account's settings at its provider and its labels in Rollcall",
      params: byAccount,
      body: accountChange,
      answers: { 200: dataOf(accountSchema) },
      problems: CHANGE_PROBLEMS,
      handle: async (call) => {
        const { caller, params, body } = call;
        const document = await service.change(caller, params.id, body, contextOf(call));
        return { status: 200, body: one(document) };
      },
    }),

    probe: action({
      summary: 'Ask the provider for the current state of an account',
      headers: ['X-Probe-Limit', 'X-Probe-Remaining', 'X-Probe-Reset'],
      params: byAccount,
      answers: { 200: dataOf(accountSchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const probed = await service.probe(call.caller, call.params.id, contextOf(call));
        return call.commit(async ({ client }) => ({
          status: 200,
          body: one(probed.document ?? (await service.documentOf(probed.id, false, client))),
          headers: rationHeaders(probed.ration),
        }));
      },
    }),

    pause: action({
      summary: 'Pause an account at its provider',
      params: byAccount,
      answers: { 200: dataOf(accountSchema) },
      problems: CHANGE_PROBLEMS,
      handle: (call) => switchTo('pause', call),
    }),

    resume: action({
      summary: 'Resume an account at its provider',
      params: byAccount,
      answers: { 200: dataOf(accountSchema) },
      problems: CHANGE_PROBLEMS,
      handle: (call) => switchTo('resume', call),
    }),
  };

  /**
   * Splits a list's query into the filter, the sort, and what of both the answer echoes and the
   * cursor is bound to.
   */
  function questionOf(query: ListQuery) {
    const {
      limit: _limit,
      cursor: _cursor,
      include_total: _total,
      order_by,
      order_direction,
      ...filter
    } = query;
    return {
      filter: filter satisfies AccountFilter,
      order: order_by,
      direction: order_direction,
      echo: { ...filter, order_by, order_direction },
    };
  }
}

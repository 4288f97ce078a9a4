import { z } from 'zod';
import type { Transaction } from '../database/index.js';
import type { Connection } from '../database/prisma-client/client.js';
import type { Caller } from '../http/caller.js';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf } from '../http/page.js';
import { PROVIDER_PROBLEMS } from '../http/problem.js';
import { action, contextOf, endpoint } from '../http/route.js';
import { byId, paging } from '../http/validate.js';
import { connectionChange, connectionRequest } from './connections.requests.js';
import { connectionSchema, toAnswer } from './connections.schema.js';
import type { ConnectionsService } from './connections.service.js';
import type { ProviderHooks } from './provider-hooks.js';

/** What follows once a connection has credentials to try; others do it. */
export interface AfterConnecting {
  /**
   * Queues a sweep within the transaction, or restarts a running one; `wakeSweeps` starts it after
   * the commit.
   */
  readonly requestSweep: (
    transaction: Transaction,
    caller: Caller,
    connection: Connection,
  ) => Promise<unknown>;
  readonly wakeSweeps: () => void;
  /** Ends the sweep of a connection that is paused within the transaction. */
  readonly endSweep: (transaction: Transaction, connectionId: string) => Promise<void>;
  /** Aborts the background work with credentials that are gone, in this process at once. */
  readonly abortWork: (connectionId: string) => void;
  /** Has the disconnect steps that wait for working credentials go on. */
  readonly resumeDisconnects: (connectionId: string) => Promise<void>;
}

export function connectionEndpoints(
  connections: ConnectionsService,
  cursors: Cursors,
  afterConnecting: AfterConnecting,
  hooks: ProviderHooks,
) {
  return {
    list: endpoint({
      summary: "List the team's connections",
      isVersioned: true,
      query: z.strictObject(paging),
      answers: { 200: listOf(connectionSchema) },
      handle: (call) =>
        answerPage(
          call,
          cursors,
          {},
          listById(connections.list(call.caller), (row) => toAnswer(row)),
        ),
    }),
    create: action({
      summary: 'Create a connection; its key is verified at the provider first',
      body: connectionRequest,
      answers: { 201: dataOf(connectionSchema) },
      problems: ['conflict', ...PROVIDER_PROBLEMS],
      handle: async (call) => {
        const access = await connections.accept(call.caller, call.body, contextOf(call));
        const answer = await call.commit(async (transaction) => {
          const row = await connections.create(transaction, call.caller, call.body, access);
          await afterConnecting.requestSweep(transaction, call.caller, row);
          return {
            status: 201,
            body: { data: toAnswer(row, hooks.pathOf(row)) },
            headers: { Location: `/v1/connections/${row.id}` },
          };
        });
        afterConnecting.wakeSweeps();
        return answer;
      },
    }),
    get: endpoint({
      summary: 'Get a connection',
      params: byId,
      answers: { 200: dataOf(connectionSchema) },
      handle: async (call) => ({
        status: 200,
        body: { data: toAnswer(await connections.get(call.caller, call.params.id)) },
      }),
    }),
    change: endpoint({
      summary: 'Change a connection; a new key is verified at the provider first',
      description:
        'A paused connection is not swept, and its accounts age to `unknown` / `not_checked`. Requests that would ask its provider are answered 409 `conflict`; only new `credentials` are verified there, unless `verify` is `false`. Disconnect steps wait: a change that is being made at the provider is finished, and nothing further is started. Everything continues after `paused: false`.',
      params: byId,
      body: connectionChange,
      answers: { 200: dataOf(connectionSchema) },
      problems: ['conflict', ...PROVIDER_PROBLEMS],
      handle: async (call) => {
        const { caller, params, body } = call;
        // Another address comes with credentials for it.
        const isReached = body.credentials !== undefined;
        const follow = async (transaction: Transaction, changed: Connection) => {
          if (changed.paused) await afterConnecting.endSweep(transaction, changed.id);
          else if (isReached) await afterConnecting.requestSweep(transaction, caller, changed);
        };
        const row = await connections.change(caller, params.id, body, contextOf(call), follow);
        if (row.paused) connections.abortPaused(row.id, afterConnecting.abortWork);
        else if (isReached) {
          afterConnecting.abortWork(row.id);
          afterConnecting.wakeSweeps();
          await afterConnecting.resumeDisconnects(row.id);
        }
        return { status: 200, body: { data: toAnswer(row, hooks.pathOf(row)) } };
      },
    }),
    delete: endpoint({
      summary:
        'Delete a connection and its accounts from Rollcall; nothing is disconnected at the provider',
      params: byId,
      problems: ['conflict'],
      answers: { 204: null },
      handle: async (call) => {
        await connections.delete(call.caller, call.params.id);
        afterConnecting.abortWork(call.params.id);
        return { status: 204 };
      },
    }),
  };
}

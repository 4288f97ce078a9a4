import { z } from 'zod';
import type { ConnectionsService } from '../connections/index.js';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf } from '../http/page.js';
import { action, endpoint } from '../http/route.js';
import { byId, paging } from '../http/validate.js';
import { sweepSchema, toAnswer } from './sweeps.schema.js';
import type { SweepsService } from './sweeps.service.js';

export function sweepEndpoints(
  sweeps: SweepsService,
  connections: ConnectionsService,
  cursors: Cursors,
) {
  return {
    start: action({
      summary: 'Start a sweep of a connection',
      params: byId,
      answers: { 202: dataOf(sweepSchema) },
      handle: async (call) => {
        const connection = await connections.get(call.caller, call.params.id);
        const answer = await call.commit(async (transaction) => {
          const sweep = await sweeps.request(transaction, call.caller, connection);
          return {
            status: 202,
            body: { data: toAnswer(sweep) },
            headers: { Location: `/v1/connections/${connection.id}/sweeps` },
          };
        });
        sweeps.wake();
        return answer;
      },
    }),
    history: endpoint({
      summary: 'List the sweeps of a connection, newest first',
      isVersioned: true,
      params: byId,
      query: z.strictObject(paging),
      answers: { 200: listOf(sweepSchema) },
      handle: async (call) => {
        const connection = await connections.get(call.caller, call.params.id);
        return answerPage(call, cursors, {}, listById(sweeps.history(connection), toAnswer));
      },
    }),
  };
}

import { z } from 'zod';
import type { ConnectionsService } from '../connections/index.js';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf } from '../http/page.js';
import { action, endpoint } from '../http/route.js';
import { byId, paging } from '../http/validate.js';
import { sweepRequest } from './sweeps.requests.js';
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
      description:
        'After the key or address of a connection was changed, a list with none of the accounts held changes nothing: its sweep is `held`, and its `error` says whose accounts they seem to be. `confirm` accepts that list.',
      params: byId,
      body: sweepRequest,
      answers: { 202: dataOf(sweepSchema) },
      problems: ['conflict'],
      handle: async (call) => {
        const connection = await connections.get(call.caller, call.params.id);
        const answer = await call.commit(async (transaction) => {
          const sweep = await sweeps.request(
            transaction,
            call.caller,
            connection,
            call.body.confirm,
          );
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

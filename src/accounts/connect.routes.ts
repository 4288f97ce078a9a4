import { RawText } from '../http/answer.js';
import { dataOf } from '../http/page.js';
import { ACTION_PROBLEMS } from '../http/problem.js';
import { action, contextOf } from '../http/route.js';
import { accountSchema } from './accounts.schema.js';
import type { AccountsService } from './accounts.service.js';
import { connectCompletion, connectRequest } from './connect.requests.js';
import { connectFlowSchema } from './connect.schema.js';
import type { ConnectService } from './connect.service.js';

export function connectEndpoints(connect: ConnectService, accounts: AccountsService) {
  return {
    start: action({
      summary: "Start an OAuth connect flow; send the account's owner to `auth_url`",
      body: connectRequest,
      answers: {
        201: dataOf(connectFlowSchema),
      },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const flow = await connect.start(call.caller, call.body, contextOf(call));
        const data = {
          type: 'connect_flow',
          auth_url: flow.authUrl,
          state: flow.state,
          expires_at: flow.expiresAt,
        };
        return call.commit(async (transaction) => {
          await connect.save(transaction, flow);
          return { status: 201, body: { data }, headers: { 'Cache-Control': 'no-store' } };
        });
      },
    }),
    complete: action({
      summary: 'Complete a connect flow with the returned code and state',
      body: connectCompletion,
      answers: { 200: dataOf(accountSchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const result = await connect.complete(
          call.caller,
          call.body.state,
          call.body.code,
          contextOf(call),
        );
        return call.commit(async ({ client }) => {
          const { document } = await accounts.record(client, result);
          return { status: 200, body: new RawText(`{"data":${document}}`) };
        });
      },
    }),
  };
}

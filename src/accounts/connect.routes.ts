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
      summary: "Start a connect flow; send the account's owner to `auth_url`",
      body: connectRequest,
      answers: {
        201: dataOf(connectFlowSchema),
      },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const { authUrl, completion } = await connect.start(
          call.caller,
          call.body,
          contextOf(call),
        );
        const data = {
          type: 'connect_flow',
          auth_url: authUrl,
          state: completion?.state ?? null,
          expires_at: completion?.expiresAt ?? null,
        };
        return call.commit(async (transaction) => {
          if (completion) await connect.save(transaction, completion);
          return { status: 201, body: { data }, headers: { 'Cache-Control': 'no-store' } };
        });
      },
    }),
    complete: action({
      summary: 'Complete a connect flow with the returned code and state',
      description:
        'A state is valid for one request. If that request had an Idempotency-Key and was interrupted, send it again: it continues.',
      body: connectCompletion,
      answers: { 200: dataOf(accountSchema) },
      problems: ACTION_PROBLEMS,
      handle: async (call) => {
        const result = await connect.complete(call.caller, call.body, call, contextOf(call));
        return call.commit(async ({ client }) => {
          const { document } = await accounts.record(client, result);
          return { status: 200, body: new RawText(`{"data":${document}}`) };
        });
      },
    }),
  };
}

import { z } from 'zod';
import { RawText } from '../http/answer.js';
import { dataOf, timestamp } from '../http/page.js';
import { ACTION_PROBLEMS } from '../http/problem.js';
import { action, contextOf } from '../http/route.js';
import { words } from '../http/validate.js';
import { accountSchema } from './account.schema.js';
import type { AccountsService } from './accounts.service.js';
import type { ConnectService } from './connect.service.js';

export function connectEndpoints(connect: ConnectService, accounts: AccountsService) {
  return {
    start: action({
      summary: "Start an OAuth connect flow; send the account's owner to `auth_url`",
      body: z
        .strictObject({
          connection_id: z.string().optional(),
          provider: z.string().optional(),
          platform: words(64).toLowerCase(),
          redirect_url: z
            .url({ protocol: /^https?$/, error: 'must be an http or https address' })
            .max(2000),
        })
        .meta({
          examples: [
            { platform: 'instagram', redirect_url: 'https://console.example.com/connected' },
          ],
        }),
      answers: {
        201: dataOf(
          z
            .object({
              type: z.literal('connect_flow'),
              auth_url: z.string(),
              state: z.string(),
              expires_at: timestamp,
            })
            .meta({
              examples: [
                {
                  type: 'connect_flow',
                  auth_url: 'https://www.instagram.com/oauth/authorize?client_id=1',
                  state: 'pX3nV8qT1mR6kZ0wB5yJ2g',
                  expires_at: '2026-02-09T11:55:22.000Z',
                },
              ],
            }),
        ),
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
          await connect.remember(transaction, flow);
          return { status: 201, body: { data }, headers: { 'Cache-Control': 'no-store' } };
        });
      },
    }),
    complete: action({
      summary: 'Complete a connect flow with the returned code and state',
      body: z
        .strictObject({ state: z.string().min(1).max(200), code: z.string().min(1).max(4096) })
        .meta({ examples: [{ state: 'pX3nV8qT1mR6kZ0wB5yJ2g', code: 'AQD-4fJ0s2' }] }),
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

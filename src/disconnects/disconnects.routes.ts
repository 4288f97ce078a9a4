import { z } from 'zod';
import { dataOf } from '../http/page.js';
import { waitPreference } from '../http/prefer.js';
import { endpoint } from '../http/route.js';
import { byAccount, byId } from '../http/validate.js';
import { disconnectSchema, REASON_CODES } from './disconnect.schema.js';
import type { DisconnectsService } from './disconnects.service.js';

const DEFAULT_WAIT_SECONDS = 10;
const LONGEST_WAIT_SECONDS = 30;

export function disconnectEndpoints(disconnects: DisconnectsService) {
  return {
    disconnectAccount: endpoint({
      summary: 'Disconnect an account',
      params: byAccount,
      query: z.strictObject({
        reason_code: z
          .enum(REASON_CODES, { error: `must be one of: ${REASON_CODES.join(', ')}` })
          .default('user_request')
          .meta({ description: 'Why, for the audit.' }),
        reason_note: z.string().max(1000).optional().meta({ description: 'Why, in your own words.' }),
      }),
      answers: { 200: dataOf(disconnectSchema), 202: dataOf(disconnectSchema) },
      problems: ['conflict', 'ambiguous_reference', 'operation_not_supported'],
      handle: async (call) => {
        const reason = { code: call.query.reason_code, note: call.query.reason_note ?? null };
        const id = await disconnects.disconnectAccount(call.caller, call.params.id, reason);
        const preference = waitPreference(call.prefer, DEFAULT_WAIT_SECONDS, LONGEST_WAIT_SECONDS);
        await disconnects.wait(id, preference.seconds, call.signal);
        const data = await disconnects.get(call.caller, id);
        const headers = {
          Location: `/v1/disconnects/${id}`,
          ...(preference.applied !== undefined && { 'Preference-Applied': preference.applied }),
        };
        return { status: data.finished_at === null ? 202 : 200, body: { data }, headers };
      },
    }),
    get: endpoint({
      summary: 'One disconnect and its steps',
      params: byId,
      answers: { 200: dataOf(disconnectSchema) },
      handle: async (call) => ({ status: 200, body: { data: await disconnects.get(call.caller, call.params.id) } }),
    }),
  };
}

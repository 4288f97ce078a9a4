import { z } from 'zod';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf } from '../http/page.js';
import { action, endpoint } from '../http/route.js';
import { paging } from '../http/validate.js';
import { webhookChange, webhookRequest } from './webhooks.requests.js';
import {
  deliverySchema,
  toDelivery,
  toWebhook,
  webhookSchema,
  webhookWithSecret,
} from './webhooks.schema.js';
import type { Revealed, WebhooksService } from './webhooks.service.js';

const id = z.string().meta({ description: 'Id of the webhook.' });
const byId = z.object({ id });
const page = z.strictObject(paging);

export function webhookEndpoints(webhooks: WebhooksService, cursors: Cursors) {
  const reveal = ({ webhook, secret }: Revealed) => ({
    data: { ...toWebhook(webhook), secret },
  });
  return {
    list: endpoint({
      summary: "List the team's webhooks",
      query: page,
      answers: { 200: listOf(webhookSchema) },
      handle: (call) =>
        answerPage(call, cursors, {}, listById(webhooks.list(call.caller), toWebhook)),
    }),
    create: action({
      summary: 'Create a webhook; its secret is shown only in this response',
      body: webhookRequest,
      answers: { 201: dataOf(webhookWithSecret) },
      problems: ['conflict'],
      handle: async (call) => {
        await webhooks.requireAllowed(call.body.url);
        const position = await webhooks.endOfFeed();
        return call.commit(async (transaction) => {
          const made = await webhooks.create(transaction, call.caller, call.body, position);
          return {
            status: 201,
            body: reveal(made),
            headers: { Location: `/v1/webhooks/${made.webhook.id}` },
          };
        });
      },
    }),
    get: endpoint({
      summary: 'Get a webhook',
      params: byId,
      answers: { 200: dataOf(webhookSchema) },
      handle: async (call) => ({
        status: 200,
        body: { data: toWebhook(await webhooks.get(call.caller, call.params.id)) },
      }),
    }),
    change: endpoint({
      summary: 'Change, disable or enable a webhook',
      params: byId,
      body: webhookChange,
      answers: { 200: dataOf(webhookSchema) },
      problems: ['conflict'],
      handle: async (call) => ({
        status: 200,
        body: {
          data: toWebhook(await webhooks.change(call.caller, call.params.id, call.body)),
        },
      }),
    }),
    delete: endpoint({
      summary: 'Delete a webhook',
      params: byId,
      answers: { 204: null },
      handle: async (call) => {
        await webhooks.delete(call.caller, call.params.id);
        return { status: 204 };
      },
    }),
    rotate: action({
      summary:
        'Rotate the secret of a webhook; the new one is shown only in this response, and both sign for a day',
      description:
        'Deliveries are signed with the new secret and the one before it. A second rotation within the day ends the oldest of three secrets at once.',
      params: byId,
      answers: { 200: dataOf(webhookWithSecret) },
      handle: (call) =>
        call.commit(async (transaction) => ({
          status: 200,
          body: reveal(await webhooks.rotate(transaction, call.caller, call.params.id)),
        })),
    }),
    test: action({
      summary: 'Send a test event now, without retries',
      params: byId,
      answers: { 200: dataOf(deliverySchema) },
      handle: async (call) => {
        const note = await webhooks.test(call.caller, call.params.id);
        return call.commit(async (transaction) => ({
          status: 200,
          body: { data: toDelivery(await note(transaction)) },
        }));
      },
    }),
    deliveries: endpoint({
      summary: 'List the deliveries of a webhook of the last 30 days, newest first',
      params: byId,
      query: page,
      answers: { 200: listOf(deliverySchema) },
      handle: async (call) => {
        const webhook = await webhooks.get(call.caller, call.params.id);
        return answerPage(call, cursors, {}, listById(webhooks.history(webhook), toDelivery));
      },
    }),
    replay: action({
      summary: 'Deliver an event again',
      params: z.object({
        id,
        delivery_id: z.string().meta({ description: 'Id of the delivery.' }),
      }),
      answers: { 202: dataOf(deliverySchema) },
      problems: ['conflict'],
      handle: (call) =>
        call.commit(async (transaction) => {
          const delivery = await webhooks.replay(
            transaction,
            call.caller,
            call.params.id,
            call.params.delivery_id,
          );
          const headers = { Location: `/v1/webhooks/${call.params.id}/deliveries` };
          return { status: 202, body: { data: toDelivery(delivery) }, headers };
        }),
    }),
  };
}

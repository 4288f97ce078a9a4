import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf } from '../http/page.js';
import { action, endpoint } from '../http/route.js';
import { byId } from '../http/validate.js';
import { viewChange, viewRequest, viewsQuery } from './views.requests.js';
import { toView, viewSchema } from './views.schema.js';
import type { ViewsService } from './views.service.js';

export function viewEndpoints(views: ViewsService, cursors: Cursors) {
  return {
    list: endpoint({
      summary: "List the team's saved views of the console's pages",
      query: viewsQuery,
      answers: { 200: listOf(viewSchema) },
      handle: (call) => {
        const { page } = call.query;
        const rows = views.list(call.caller, page);
        return answerPage(call, cursors, { ...(page && { page }) }, listById(rows, toView));
      },
    }),
    create: action({
      summary: "Save a view: a name for the filters and columns in a page's address",
      description: 'A team may have 200 views; those of one page have different names.',
      body: viewRequest,
      answers: { 201: dataOf(viewSchema) },
      problems: ['conflict'],
      handle: (call) =>
        call.commit(async (transaction) => {
          const view = await views.create(transaction, call.caller, call.body);
          return {
            status: 201,
            body: { data: toView(view) },
            headers: { Location: `/v1/views/${view.id}` },
          };
        }),
    }),
    get: endpoint({
      summary: 'Get a saved view',
      params: byId,
      answers: { 200: dataOf(viewSchema) },
      handle: async ({ caller, params }) => ({
        status: 200,
        body: { data: toView(await views.get(caller, params.id)) },
      }),
    }),
    change: endpoint({
      summary: 'Change a saved view',
      params: byId,
      body: viewChange,
      answers: { 200: dataOf(viewSchema) },
      problems: ['conflict'],
      handle: async ({ caller, params, body }) => ({
        status: 200,
        body: { data: toView(await views.change(caller, params.id, body)) },
      }),
    }),
    delete: endpoint({
      summary: 'Delete a saved view',
      params: byId,
      answers: { 204: null },
      handle: async ({ caller, params }) => {
        await views.delete(caller, params.id);
        return { status: 204 };
      },
    }),
  };
}

import { z } from 'zod';
import { RawText } from '../http/answer.js';
import { endpoint } from '../http/route.js';
import type { ApiDocument } from './openapi/document.js';

/** @param describe the document; asked for at the first request, when every route is known */
export function documentationEndpoints(describe: () => ApiDocument) {
  let text: string | undefined;
  return {
    document: endpoint({
      summary: 'The OpenAPI 3.1 document of this API',
      answers: { 200: z.looseObject({ openapi: z.string().meta({ examples: ['3.1.0'] }) }) },
      handle: async () => {
        text ??= JSON.stringify(describe());
        return {
          status: 200,
          body: new RawText(text),
          headers: { 'Cache-Control': 'public, no-cache' },
        };
      },
    }),
  };
}

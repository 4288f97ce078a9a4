import { z } from 'zod';
import { RawText } from '../http/answer.js';
import { endpoint } from '../http/route.js';

/** @param document as text */
export function documentationEndpoints(document: string) {
  return {
    document: endpoint({
      summary: 'The OpenAPI 3.1 document of this API',
      answers: { 200: z.looseObject({ openapi: z.string().meta({ examples: ['3.1.0'] }) }) },
      handle: async () => ({
        status: 200,
        body: new RawText(document),
        headers: { 'Cache-Control': 'public, no-cache' },
      }),
    }),
  };
}

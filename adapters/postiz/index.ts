import { z } from 'zod';
import { allAtOnce, defineAdapter, get, path, remove } from '../../src/model/index.js';
import { identifierOf, mapAccount } from './map.js';
import { accountSchema, errorBodySchema } from './schema.js';

/**
 * Schedules posts; cloud, or on a host of one's own (then `base_url` is needed, such as
 * `https://postiz.example.com/api/public/v1`). An account is a channel. Quirks:
 *
 * - The key stands bare in `Authorization`, without `Bearer`.
 * - The list is a bare array without pages, and tells neither the network's id of an account, nor
 *   since when it is connected, nor whether its token works: health is not told.
 * - `identifier` is the network and the way in (`instagram-standalone`); `profile` may be a title.
 * - A delete answers 200 with the whole row, the network's tokens in it: only its `id` is read. It
 *   deletes the channel's posts to come as well, and leaves the grant at the network as it is.
 * - An id that it does not know is answered 500: only the list proves an absence.
 * - Errors have no codes.
 *
 * Facts: docs.postiz.com/public-api and the source (public.integrations.controller.ts).
 */
export const postiz = defineAdapter({
  id: 'postiz',
  name: 'Postiz',
  docs: 'https://docs.postiz.com/public-api',
  baseUrl: 'https://api.postiz.com/public/v1',
  auth: { scheme: 'header', header: 'Authorization' },
  role: 'publisher',
  platforms: [
    'twitter',
    'bluesky',
    'mastodon',
    'linkedin',
    'threads',
    'instagram',
    'facebook',
    'tiktok',
    'youtube',
    'pinterest',
    'reddit',
    'discord',
    'slack',
    'telegram',
    'googlebusiness',
    'farcaster',
  ],
  // The OpenAPI document's figure. The source counts only new posts, so headers may say otherwise.
  limits: { requests: 30, perSeconds: 3_600, concurrency: 2 },
  disconnectEffect: {
    destroysData: true,
    revokesToken: false,
    reversible: false,
    howToReconnect:
      'Connect the channel again in Postiz; as a rule it gets its former id, without the posts that were scheduled.',
  },
  connect: {
    flow: 'link',
    instructions:
      "Start with POST /v1/connect and send the channel's owner to the returned `auth_url`; Postiz takes them back itself, and the next sweep adds the channel.",
    url: 'https://platform.postiz.com',
  },
  account: { schema: accountSchema, map: mapAccount, deciding: ['disabled'] },
  errorBody: {
    schema: errorBodySchema,
    read: ({ msg, message }) => ({ code: null, message: msg ?? [message ?? []].flat().join(' ') }),
  },
  operations: {
    list: { request: () => get(path`/integrations`), statuses: [200], ...allAtOnce() },
    verify: {
      request: () => get(path`/is-connected`),
      response: z.object({ connected: z.literal(true) }),
    },
    connectStart: {
      request: ({ platform }) => get(path`/social/${identifierOf(platform)}`),
      response: z.object({ url: z.url({ protocol: /^https?$/ }) }),
      map: ({ url }) => ({ authUrl: url }),
    },
    disconnect: {
      request: ({ id }) => remove(path`/integrations/${id}`),
      statuses: [200],
      // The deleted row holds the network's tokens: nothing but its id passes.
      response: z.object({ id: z.string() }),
      subject: ({ id }) => id,
    },
  },
});

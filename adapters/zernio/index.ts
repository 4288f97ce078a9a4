import { z } from 'zod';
import {
  allAtOnce,
  defineAdapter,
  get,
  parameter,
  path,
  remove,
  secret,
  signedBody,
} from '../../src/model/index.js';
import { mapAccount, needsDetail } from './map.js';
import { accountSchema, detailSchema, errorBodySchema, reportSchema } from './schema.js';

/** List and bulk health alike. */
const accounts = allAtOnce('accounts');

/**
 * Publishes to many networks (formerly Late): an account is a connected profile whose grant Zernio
 * holds. Quirks:
 *
 * - The list calls an account `_id`, its health `accountId`; health items are no whole accounts.
 * - Without `page` and `limit` the list is whole. Page numbers shift when accounts go, so it is
 *   taken at once. Accounts over the plan's limit are in it only on request.
 * - `needsReconnection` is set only when the network itself called the grant dead.
 * - Which permissions are missing only the health of one account tells.
 * - `profileId` is an id, or the profile itself: Zernio's group of accounts, a brand or a client.
 * - Accounts are connected to a profile, which a connection here names once (`profile_id`).
 * - What becomes of the network's grant and of posts to come after a delete is not documented. An
 *   account that is connected again within the hour is kept; later it is a new one.
 * - Its webhooks sign the body with a secret of their own, and report accounts that are connected
 *   and those that lose their grant.
 *
 * Facts: docs.zernio.com and its OpenAPI document.
 */
export const zernio = defineAdapter({
  id: 'zernio',
  name: 'Zernio',
  docs: 'https://docs.zernio.com',
  baseUrl: 'https://zernio.com/api/v1',
  auth: { scheme: 'bearer' },
  credentials: z.strictObject({
    api_key: secret(),
    profile_id: parameter()
      .optional()
      .describe('The Zernio profile that accounts are connected to; needed for POST /v1/connect.'),
    webhook_secret: secret()
      .optional()
      .describe("The secret of Zernio's webhook to the connection's `hook_path`."),
  }),
  role: 'publisher',
  platforms: [
    'twitter',
    'bluesky',
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
    'snapchat',
    'whatsapp',
  ],
  // The free plan's rate.
  limits: { requests: 60, perSeconds: 60, concurrency: 4 },
  disconnectEffect: {
    destroysData: null,
    revokesToken: null,
    reversible: null,
    howToReconnect:
      'Connect the profile again with POST /v1/connect; after an hour it gets a new id.',
  },
  connect: {
    flow: 'link',
    instructions:
      "Give the connection a `profile_id`, start with POST /v1/connect and send the account's owner to the returned `auth_url`; Zernio takes them back itself, and the next sweep adds the account.",
    url: 'https://zernio.com',
  },
  account: {
    schema: accountSchema,
    map: mapAccount,
    id: ({ _id, accountId }) => _id ?? accountId,
    deciding: ['status', 'tokenValid'],
    needsDetail,
  },
  errorBody: {
    schema: errorBodySchema,
    read: ({ error, code, type }) => ({ code: code ?? type ?? null, message: error }),
    // Classes, and the codes that stand in their place (/guides/error-handling).
    codes: {
      invalid_request_error: 'refused',
      authentication_error: 'credential_rejected',
      permission_error: 'permission_denied',
      insufficient_permissions: 'permission_denied',
      not_found: 'not_found',
      rate_limit_error: 'rate_limited',
    },
  },
  webhook: {
    verify: signedBody('x-zernio-signature', 'webhook_secret'),
    accountsIn: (report) => {
      const { data } = reportSchema.safeParse(report);
      return data ? [data.account.accountId] : null;
    },
  },
  operations: {
    list: {
      request: () => get(path`/accounts`, { includeOverLimit: 'true' }),
      statuses: [200],
      ...accounts,
    },
    health: { request: () => get(path`/accounts/health`), statuses: [200], ...accounts },
    detail: {
      request: ({ id }) => get(path`/accounts/${id}/health`),
      statuses: [200],
      response: detailSchema,
      map: ({ permissions, recommendations }) => ({
        missingRequired: permissions?.missingRequired,
        recommendations,
      }),
      subject: ({ accountId }) => accountId,
    },
    verify: {
      request: () => get(path`/accounts`, { page: 1, limit: 1 }),
      response: accounts.response,
    },
    connectStart: {
      request: ({ platform, redirectUrl }, parameterOf) =>
        get(path`/connect/${platform}`, {
          profileId: parameterOf('profile_id'),
          redirect_url: redirectUrl,
        }),
      response: z.object({ authUrl: z.url({ protocol: /^https?$/ }) }),
      map: ({ authUrl }) => ({ authUrl }),
    },
    disconnect: {
      request: ({ id }) => remove(path`/accounts/${id}`),
      statuses: [200],
      response: z.object({ message: z.string() }),
    },
  },
});

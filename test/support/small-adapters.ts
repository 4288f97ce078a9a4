import { z } from 'zod';
import {
  type AnyAdapter,
  defineAdapter,
  HEALTHY,
  handle,
  items,
  NO_METRICS,
  PERMISSION_MISSING,
  parameter,
  path,
  read,
  secret,
  secretOf,
  signedBody,
  UNREADABLE,
} from '../../src/model/index.js';

const account = z.object({
  _id: read.id(),
  network: read.platform(),
  handle: read.name(),
  dead: read.flag(),
  client: read.name(),
});

/** What a small provider of one key and a bare list needs; tests add what they are about. */
export const bareParts = {
  id: 'bare',
  name: 'Bare',
  docs: 'https://docs.bare.example',
  baseUrl: 'https://api.bare.example/v1',
  auth: { scheme: 'header', header: 'Authorization' },
  platforms: ['instagram'],
  limits: { requests: 6_000, perSeconds: 60, concurrency: 4, pageSize: 100 },
  disconnectEffect: {
    destroysData: null,
    revokesToken: null,
    reversible: false,
    howToReconnect: 'Connect it again.',
  },
  account: {
    schema: account,
    map: (wire: z.output<typeof account>) => ({
      providerAccountId: wire._id,
      platform: wire.network,
      username: handle(wire.handle),
      providerGroup: wire.client === null ? null : { id: wire.client, name: null },
      status: wire.dead === null ? null : ('active' as const),
      verdict: wire.dead === null ? UNREADABLE : HEALTHY,
      advice: [],
      metrics: NO_METRICS,
    }),
    id: (item: Readonly<Record<string, unknown>>) => item._id,
    deciding: ['dead'],
  },
  errorBody: {
    schema: z.object({ msg: z.string() }),
    read: ({ msg }: { msg: string }) => ({ code: null, message: msg }),
    codes: {},
  },
} as const;

const accounts = items(z.unknown());

/** Everything at once, as a bare array; tells health with each account. */
export const bareList = {
  request: () => ({ method: 'GET' as const, path: path`/integrations` }),
  response: accounts,
  map: (all: z.output<typeof accounts>) => ({ items: all, next: undefined }),
};

export const bareDisconnect = {
  request: ({ id }: { id: string }) => ({
    method: 'DELETE' as const,
    path: path`/integrations/${id}`,
  }),
  response: z.object({ _id: z.string() }),
  map: () => true as const,
  subject: ({ _id }: { _id: string }) => _id,
};

/** One key as it is, a bare array, a delete that answers the whole row. */
export const bareAdapter: AnyAdapter = defineAdapter({
  ...bareParts,
  operations: { list: bareList, disconnect: bareDisconnect },
});

/** An account as `bareAdapter` reads it. */
export const bareItem = (_id: unknown, client: string | null = null) => ({
  _id,
  client,
  network: 'instagram',
  handle: `user-${_id}`,
  dead: false,
});

/** Tells which permissions are missing only when it is asked about one account. */
export const detailAdapter: AnyAdapter = defineAdapter({
  ...bareParts,
  id: 'detailed',
  account: {
    ...bareParts.account,
    schema: account.extend({ missing: read.texts() }),
    map: (wire) => ({
      ...bareParts.account.map(wire),
      ...(wire.missing?.length && { verdict: PERMISSION_MISSING }),
      permissions: wire.missing,
    }),
    needsDetail: ({ dead }) => dead !== true,
  },
  operations: {
    list: bareList,
    disconnect: bareDisconnect,
    detail: {
      request: ({ id }) => ({ method: 'GET', path: path`/integrations/${id}` }),
      response: z.object({ missing: items(z.string()) }),
      map: ({ missing }) => ({ missing }),
    },
  },
});

/** Connects accounts by a link, and takes their owners back itself. */
export const linkedAdapter: AnyAdapter = defineAdapter({
  ...bareParts,
  id: 'linked',
  connect: {
    flow: 'link',
    instructions: 'Send the owner to the `auth_url` of POST /v1/connect.',
    url: 'https://docs.bare.example/connect',
  },
  operations: {
    list: bareList,
    disconnect: bareDisconnect,
    connectStart: {
      request: ({ platform: network, redirectUrl }) => ({
        method: 'GET',
        path: path`/social/${network}`,
        query: { back: redirectUrl },
      }),
      response: z.object({ url: z.url() }),
      map: ({ url }) => ({ authUrl: url }),
    },
  },
});

/** Needs a key, a client with its secret, and may take an organisation. */
export const severalAdapter: AnyAdapter = defineAdapter({
  ...bareParts,
  id: 'several',
  auth: [
    { scheme: 'bearer' },
    { scheme: 'header', header: 'X-Client', credential: 'client_id' },
    { scheme: 'header', header: 'X-Client-Secret', credential: 'client_secret' },
  ],
  credentials: z.strictObject({
    api_key: secret(),
    client_id: parameter().describe('From the dashboard.'),
    client_secret: secret(),
    organisation: parameter().optional(),
  }),
  operations: {
    list: {
      ...bareList,
      request: (_page, read) => ({
        method: 'GET',
        path: path`/organisations/${read('organisation') || 'own'}/integrations`,
      }),
    },
    disconnect: bareDisconnect,
  },
});

/** Has an access token that expires and a refresh token that is good for once. */
export const expiringAdapter: AnyAdapter = defineAdapter({
  ...bareParts,
  id: 'expiring',
  auth: { scheme: 'bearer', credential: 'access_token' },
  credentials: z.strictObject({
    client_id: parameter(),
    client_secret: secret(),
    refresh_token: secret(),
    access_token: secret().optional(),
  }),
  errorBody: {
    schema: z.object({ error: z.string() }),
    read: ({ error }) => ({ code: error, message: null }),
    codes: { invalid_grant: 'credential_rejected', slow_down: 'rate_limited', down: 'unavailable' },
  },
  operations: {
    list: bareList,
    disconnect: bareDisconnect,
    refresh: {
      request: (_nothing, read) => ({
        method: 'POST',
        path: path`/token`,
        form: {
          grant_type: 'refresh_token',
          refresh_token: secretOf('refresh_token'),
          client_id: read('client_id'),
          client_secret: secretOf('client_secret'),
        },
      }),
      response: z.object({
        access_token: z.string(),
        refresh_token: z.string(),
        expires_in: z.number(),
      }),
      map: ({ access_token, refresh_token, expires_in }) => ({
        credentials: { access_token, refresh_token },
        expiresInSeconds: expires_in,
      }),
    },
  },
});

const accountReport = z.object({
  type: z.string().startsWith('account.'),
  ids: z.array(z.string()).default([]),
});

/** Reports changes, signed with the key of the connection. */
export const reportingAdapter: AnyAdapter = {
  ...bareAdapter,
  id: 'reporting',
  webhook: {
    verify: signedBody('x-signature', 'api_key'),
    accountsIn: (report) => accountReport.safeParse(report).data?.ids ?? null,
  },
};

import { z } from 'zod';
import { read } from '../../src/model/index.js';

/** A list item, and under it what bulk health and then the account's own health tell of it. */
export const accountSchema = z.object({
  _id: read.id(),
  platform: read.platform(),
  profileId: z.union([read.object(), read.name()]),
  username: read.name(),
  displayName: read.text(),
  profilePicture: read.url(),
  profileUrl: read.url(),
  needsReconnection: read.flag(),
  followersCount: read.count(),
  followersLastUpdated: read.instant(),
  status: read.text(),
  tokenValid: read.flag(),
  tokenExpiresAt: read.instant(),
  needsReconnect: read.flag(),
  issues: read.texts(),
  missingRequired: read.texts(),
  recommendations: read.texts(),
});
export type AccountWire = z.output<typeof accountSchema>;

export const detailSchema = z.object({
  accountId: z.string(),
  permissions: z.looseObject({ missingRequired: z.unknown().optional() }).nullish(),
  recommendations: z.unknown().optional(),
});

export const errorBodySchema = z.object({
  error: z.string(),
  code: z.string().nullish(),
  type: z.string().nullish(),
});

/** Of its webhook's events those that are about accounts as such. */
export const reportSchema = z.object({
  event: z.enum(['account.connected', 'account.disconnected']),
  account: z.object({ accountId: z.string() }),
});

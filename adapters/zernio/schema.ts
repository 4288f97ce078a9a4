import { z } from 'zod';
import {
  count,
  flag,
  id,
  instant,
  items,
  name,
  object,
  platform,
  text,
  texts,
  url,
} from '../../src/model/index.js';

/** A list item, and under it what bulk health and then the account's own health tell of it. */
export const accountSchema = z.object({
  _id: id(),
  platform: platform(),
  profileId: z.union([object(), name()]),
  username: name(),
  displayName: text(),
  profilePicture: url(),
  profileUrl: url(),
  needsReconnection: flag(),
  followersCount: count(),
  followersLastUpdated: instant(),
  status: text(),
  tokenValid: flag(),
  tokenExpiresAt: instant(),
  needsReconnect: flag(),
  issues: texts(),
  missingRequired: texts(),
  recommendations: texts(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** List and bulk health alike, all accounts at once. */
export const accountsSchema = z.object({ accounts: items(z.unknown()) });

export const detailSchema = z.object({
  accountId: z.string(),
  permissions: z.looseObject({ missingRequired: z.unknown().optional() }).nullish(),
  recommendations: z.unknown().optional(),
});

export const connectUrlSchema = z.object({ authUrl: z.url({ protocol: /^https?$/ }) });

export const deletedSchema = z.object({ message: z.string() });

export const errorBodySchema = z.object({
  error: z.string(),
  code: z.string().nullish(),
  type: z.string().nullish(),
});

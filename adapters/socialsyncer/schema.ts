import { z } from 'zod';
import { read } from '../../src/model/index.js';

/**
 * What names an account: the network and the network's own id, which is a number at most networks.
 * Together they are unique; neither is alone.
 */
export const pairSchema = z.object({
  platform: read.id().refine((platform) => !platform.includes('/'), 'contains a slash'),
  accountId: read.id(),
});

/**
 * A list item with its health item laid under it. Without a health item the last four fields are
 * absent.
 */
export const accountSchema = pairSchema.extend({
  username: read.name(),
  // The Accounts reference has it in UTC.
  connectedAt: read.instant({ zoneless: 'utc' }),
  health: read.text(),
  tokenValid: read.flag(),
  permissions: read.texts(),
  recommendations: read.texts(),
});
export type AccountWire = z.output<typeof accountSchema>;

export const errorBodySchema = z.object({
  error: z.string().nullish(),
  code: z.string().nullish(),
});

import { z } from 'zod';
import { flag, id, instant, items, name, text, texts } from '../../src/model/index.js';

/**
 * What names an account: the network and the network's own id, which is a number at most networks.
 * Together they are unique; neither is alone.
 */
export const pairSchema = z.object({
  platform: id().refine((platform) => !platform.includes('/'), 'contains a slash'),
  accountId: id(),
});

/**
 * A list item with its health item laid under it. Without a health item the last four fields are
 * absent.
 */
export const accountSchema = pairSchema.extend({
  username: name(),
  // The Accounts reference has it in UTC.
  connectedAt: instant({ zoneless: 'utc' }),
  health: text(),
  tokenValid: flag(),
  permissions: texts(),
  recommendations: texts(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** List and bulk health alike; all accounts at once, there are no pages. */
export const accountsSchema = z.object({ accounts: items(z.unknown()) });

export const errorBodySchema = z.object({
  error: z.string().nullish(),
  code: z.string().nullish(),
});

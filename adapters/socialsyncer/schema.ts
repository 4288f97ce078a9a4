import { z } from 'zod';

const text = z.string().nullish();

/**
 * What names an account: the network and the network's own id. Together they are unique; neither is
 * alone.
 */
export const pairSchema = z.object({
  platform: z.string().regex(/^[^/]+$/),
  accountId: z.string().min(1),
});

/**
 * A list item with its health item laid over it. Without a health item the last four fields are
 * absent.
 */
export const accountSchema = pairSchema.extend({
  username: text,
  connectedAt: text,
  health: text,
  tokenValid: z.boolean().nullish(),
  permissions: z.array(z.string()).nullish(),
  recommendations: z.array(z.string()).nullish(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** List and bulk health alike; all accounts at once, there are no pages. */
export const accountsSchema = z.object({ accounts: z.array(z.unknown()) });

export const errorBodySchema = z.object({ error: text, code: text });

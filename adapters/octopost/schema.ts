import { z } from 'zod';

const text = z.string().nullish();

export const accountSchema = z.object({
  id: z.string().min(1),
  platform: z.string().min(1).toLowerCase(),
  /** The network's id: a number as a string, a DID (`did:plc:…`) or a URN (`urn:li:person:…`). */
  platform_user_id: text,
  username: text,
  display_name: text,
  avatar_url: text,
  is_active: z.boolean(),
  connected_at: text,
  last_used_at: text,
});
export type AccountWire = z.output<typeof accountSchema>;

/** An account object as it came, for `accountSchema` to read later. */
export const rawAccountSchema = z.looseObject({});

/** All accounts at once; there are no pages. */
export const accountsSchema = z.object({ accounts: z.array(z.unknown()) });

export const errorBodySchema = z.object({
  error: text,
  code: text,
  details: z.object({ retry_after: z.number().nullish() }).nullish(),
});

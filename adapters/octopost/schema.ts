import { z } from 'zod';
import {
  flag,
  id,
  instant,
  items,
  name,
  platform,
  rate,
  text,
  url,
} from '../../src/model/index.js';

/** The Accounts reference has all its times in UTC. */
const time = () => instant({ zoneless: 'utc' });

export const accountSchema = z.object({
  id: id(),
  platform: platform(),
  /** The network's id: a number as a string, a DID (`did:plc:…`) or a URN (`urn:li:person:…`). */
  platform_user_id: name(),
  username: name(),
  display_name: text(),
  avatar_url: url(),
  is_active: flag(),
  connected_at: time(),
  last_used_at: time(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** An account object as it came, for `accountSchema` to read later. */
export const rawAccountSchema = z.looseObject({});

/** All accounts at once; there are no pages. */
export const accountsSchema = z.object({ accounts: items(z.unknown()) });

export const errorBodySchema = z.object({
  error: z.string().nullish(),
  code: z.string().nullish(),
  details: z.object({ retry_after: rate(0).catch(null) }).nullish(),
});

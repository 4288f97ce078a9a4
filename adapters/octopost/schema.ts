import { z } from 'zod';
import { read } from '../../src/model/index.js';

/** The Accounts reference has all its times in UTC. */
const time = () => read.instant({ zoneless: 'utc' });

export const accountSchema = z.object({
  id: read.id(),
  platform: read.platform(),
  /** The network's id: a number as a string, a DID (`did:plc:…`) or a URN (`urn:li:person:…`). */
  platform_user_id: read.name(),
  username: read.name(),
  display_name: read.text(),
  avatar_url: read.url(),
  is_active: read.flag(),
  connected_at: time(),
  last_used_at: time(),
});
export type AccountWire = z.output<typeof accountSchema>;

export const errorBodySchema = z.object({
  error: z.string().nullish(),
  code: z.string().nullish(),
  details: z.object({ retry_after: read.rate(0).catch(null) }).nullish(),
});

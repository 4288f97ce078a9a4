import { z } from 'zod';
import { flag, id, items, name, object, platform, text, url } from '../../src/model/index.js';

export const accountSchema = z.object({
  id: id(),
  identifier: platform(),
  name: text(),
  picture: url(),
  disabled: flag(),
  /** The handle; at some networks a title, or empty. */
  profile: name(),
  /** `{id, name}` */
  customer: object(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** All channels at once; there are no pages. */
export const channelsSchema = items(z.unknown());

export const connectedSchema = z.object({ connected: z.literal(true) });

export const connectUrlSchema = z.object({ url: z.url({ protocol: /^https?$/ }) });

/** The deleted row holds the network's tokens: nothing but its id passes. */
export const deletedSchema = z.object({ id: z.string() });

/** Its own errors have `msg`, those of its framework one `message` or several. */
export const errorBodySchema = z
  .object({
    msg: z.string().nullish(),
    message: z.union([z.string(), z.array(z.string())]).nullish(),
  })
  .refine(({ msg, message }) => msg != null || message != null);

import { z } from 'zod';
import { read } from '../../src/model/index.js';

export const accountSchema = z.object({
  id: read.id(),
  identifier: read.platform(),
  name: read.text(),
  picture: read.url(),
  disabled: read.flag(),
  /** The handle; at some networks a title, or empty. */
  profile: read.name(),
  /** `{id, name}` */
  customer: read.object(),
});
export type AccountWire = z.output<typeof accountSchema>;

/** Its own errors have `msg`, those of its framework one `message` or several. */
export const errorBodySchema = z
  .object({
    msg: z.string().nullish(),
    message: z.union([z.string(), z.array(z.string())]).nullish(),
  })
  .refine(({ msg, message }) => msg != null || message != null);

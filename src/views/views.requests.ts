import { z } from 'zod';
import { paging, words } from '../http/validate.js';

const page = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,49}$/, 'must be the name of a page, such as accounts')
  .meta({ description: "The console's page, as its address begins." });
const query = z
  .string()
  .max(4_000)
  .regex(/^[\x21-\x7e]*$/, 'must be a URL-encoded query')
  .meta({ description: "The query of the page's address, without `?`." });

const isDefault = z.boolean().meta({
  description:
    "The console's navigation opens the page with this view. At most one of a page; setting it replaces another.",
});

const fields = { name: words(100), page, query };
const EXAMPLE = {
  name: 'Broken at Outfame',
  page: 'accounts',
  query: 'provider=outfame&health=unhealthy',
};

export const viewRequest = z
  .strictObject({ ...fields, is_default: isDefault.default(false) })
  .meta({ examples: [EXAMPLE] });
export const viewChange = z
  .strictObject({ ...fields, is_default: isDefault })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one field')
  .meta({ examples: [{ name: EXAMPLE.name }] });
export type ViewRequest = z.output<typeof viewRequest>;
export type ViewChange = z.output<typeof viewChange>;

export const viewsQuery = z.strictObject({
  ...paging,
  page: page.optional().meta({ description: 'Only views of this page.', examples: ['accounts'] }),
});

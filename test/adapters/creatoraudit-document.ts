import { z } from 'zod';
import type { components } from '../../adapters/creatoraudit/provider.gen.js';
import { accountSchema, type ReadPart } from '../../adapters/creatoraudit/schema.js';

type Account = components['schemas']['AccountResponse'];

const misspelt = accountSchema.extend({ folower_count: z.int().nullish() });
const wrongType = accountSchema.extend({ follower_count: z.string().nullish() });
const tooNarrow = accountSchema.extend({ is_active: z.boolean() });

// `tsc --noEmit` is the test: each of these must not compile, and says so when it does.
// @ts-expect-error the document names no such field
export type Misspelt = ReadPart<typeof misspelt, Account>;
// @ts-expect-error the document says integer
export type WrongType = ReadPart<typeof wrongType, Account>;
// @ts-expect-error the document says boolean or null
export type TooNarrow = ReadPart<typeof tooNarrow, Account>;
export type Faithful = ReadPart<typeof accountSchema, Account>;

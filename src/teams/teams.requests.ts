import { z } from 'zod';
import { SCOPES } from '../http/caller.js';
import { paging, time, words, yesOrNo } from '../http/validate.js';
import { providerId } from '../providers/index.js';

/** Providers that one key may be restricted to. */
export const MAX_PROVIDERS = 50;

export const rateLimit = z.strictObject({
  quota: z.int().min(1).max(1_000_000),
  window_seconds: z.int().min(1).max(3600),
});

export const teamRequest = z
  .strictObject({ name: words(100) })
  .meta({ examples: [{ name: 'Social' }] });

/** @param providers the ids that `providers` may name */
export function keyRequest(providers: readonly string[]) {
  return z
    .strictObject({
      name: words(100),
      scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
      expires_at: time.optional(),
      providers: z.array(providerId(providers)).max(MAX_PROVIDERS).optional(),
      rate_limit: rateLimit.optional().meta({
        description:
          "The key's rate limit; only the root key may set it. When omitted, the key gets its creator's.",
      }),
    })
    .meta({
      examples: [
        { name: 'health monitor', scopes: ['read'], expires_at: '2027-01-15T08:00:00.000Z' },
      ],
    });
}
export type KeyRequest = z.output<ReturnType<typeof keyRequest>>;

export const keysQuery = z.strictObject({
  ...paging,
  created_by: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .meta({
      description: 'Only keys that this key created; it may be revoked.',
      examples: ['key_01k9z3m8q4v7x2c5n6b8a1s3d4'],
    }),
});

export const revokeQuery = z.strictObject({
  include_created: yesOrNo.default(false).meta({
    description:
      'Also revokes the keys that this key created, the keys that those created, and so on, and disables the webhooks whose URL any of them set, even if the key itself is already revoked.',
  }),
});

const secretText = z.string().min(1).max(200);
export const signInRequest = z
  .strictObject({
    key: secretText.optional().meta({ description: 'The key to sign in with.' }),
    link: secretText.optional().meta({
      description: 'What follows the `#` in the link that `npm start` prints; it is valid once.',
    }),
  })
  .refine(
    ({ key, link }) => (key === undefined) !== (link === undefined),
    'must contain exactly one of `key` and `link`',
  )
  .meta({
    examples: [{ key: 'rc_01k9z3m8q4v7x2c5n6b8a1s3d4_qW3eR5tY7uI9oP1aS2dF4gH6jK8lZ0xCvB7nM' }],
  });
export type SignInRequest = z.output<typeof signInRequest>;

import { z } from 'zod';
import { words } from '../http/validate.js';
import { MAX_CREDENTIALS, recordOf } from '../model/index.js';

const name = words(100);
/** Which there are is the provider's to say; see `credentials` of `GET /v1/providers/{provider}`. */
const credentials = recordOf(z.string().max(100), z.string().max(4096), MAX_CREDENTIALS).meta({
  description:
    'By name, what the provider needs: `credentials` of `GET /v1/providers/{provider}`. Mostly one `api_key`.',
  examples: [{ api_key: 'oct_live_0123456789abcdef' }],
});
const interval = z.int().min(10).max(86_400);
/** A password in it would be shown with it, and a query would not reach the provider. */
const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .max(2000)
  .refine(
    (address) => !/[@?#]/.test(address),
    'must not contain a user name, password, query or fragment',
  )
  .transform((address) => address.replace(/\/+$/, ''));

export const connectionRequest = z
  .strictObject({
    provider: z.string(),
    name: name.optional(),
    credentials,
    sweep_interval_seconds: interval.optional(),
    base_url: baseUrl.optional(),
    verify: z.boolean().default(true),
  })
  .meta({
    examples: [{ provider: 'octopost', credentials: { api_key: 'oct_live_0123456789abcdef' } }],
  });
export type ConnectionRequest = z.output<typeof connectionRequest>;

export const connectionChange = z
  .strictObject({
    name: name.optional(),
    credentials: credentials.optional(),
    sweep_interval_seconds: interval.optional(),
    base_url: baseUrl.nullable().optional().meta({
      description:
        'Another address is accepted only together with `credentials`: the stored key is not sent to it. Only the root key may set it.',
    }),
    paused: z.boolean().optional().meta({
      description:
        '`true` ends its sweep and other reads at once, and the provider is not called until `false`, after which it is swept soon.',
    }),
    verify: z.boolean().default(true),
  })
  .meta({ examples: [{ credentials: { api_key: 'oct_live_fedcba9876543210' } }] });
export type ConnectionChange = z.output<typeof connectionChange>;

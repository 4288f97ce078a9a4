import { z } from 'zod';
import { words } from '../http/validate.js';

export const connectRequest = z
  .strictObject({
    connection_id: z.string().optional(),
    provider: z.string().optional(),
    platform: words(64).toLowerCase(),
    redirect_url: z
      .url({ protocol: /^https?$/, error: 'must be an http or https address' })
      .max(2000)
      .optional()
      .meta({ description: 'Required where the flow is completed here (`oauth`).' }),
  })
  .meta({
    examples: [{ platform: 'instagram', redirect_url: 'https://console.example.com/connected' }],
  });
export type ConnectRequest = z.output<typeof connectRequest>;

export const connectCompletion = z
  .strictObject({ state: z.string().min(1).max(200), code: z.string().min(1).max(4096) })
  .meta({ examples: [{ state: 'pX3nV8qT1mR6kZ0wB5yJ2g', code: 'AQD-4fJ0s2' }] });
export type ConnectCompletion = z.output<typeof connectCompletion>;

import { z } from 'zod';

export const sweepRequest = z
  .strictObject({
    confirm: z
      .string()
      .optional()
      .meta({ description: 'The id of the held sweep whose list should be accepted.' }),
  })
  .meta({ id: 'SweepRequest', examples: [{}, { confirm: 'swp_01k9z3m8q4v7x2c5n6b8a1s3d4' }] });

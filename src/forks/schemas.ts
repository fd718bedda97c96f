import { z } from 'zod';
import { text } from '../routing/index.js';

/** Signed body of a fork; what is absent or null is taken from the source. */
export const forkBody = z.object({
  name: text.nullish().transform((value) => value ?? undefined),
  visibility: z
    .enum(['public', 'private'])
    .nullish()
    .transform((value) => value ?? undefined),
});

export type ForkInput = z.output<typeof forkBody>;

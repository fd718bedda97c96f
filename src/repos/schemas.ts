import { z } from 'zod';
import { text } from '../routing/index.js';

/** Signed body of a creation; null stands for the default. */
export const createBody = z.object({
  name: text,
  description: text.nullish().transform((value) => value ?? null),
  visibility: z
    .enum(['public', 'private'])
    .nullish()
    .transform((value) => value ?? 'public'),
});

export type CreateInput = z.output<typeof createBody>;

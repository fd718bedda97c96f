import { z } from 'zod';
import { text } from '../routing/index.js';

export const VERDICTS = ['approve', 'request_changes', 'comment'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Signed body of a review; null stands for no text. */
export const reviewBody = z.object({
  verdict: z.enum(VERDICTS),
  body: text.nullish().transform((value) => value ?? null),
});

export type ReviewInput = z.output<typeof reviewBody>;

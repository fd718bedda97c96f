import { z } from 'zod';
import { VERDICTS } from './schemas.js';
import type { Review } from './store.js';

/** A review as it leaves. */
export const reviewView = z.object({
  reviewId: z.string(),
  prId: z.string(),
  reviewerId: z.string(),
  reviewerName: z.string(),
  verdict: z.enum(VERDICTS),
  body: z.string().nullable(),
  createdAt: z.iso.datetime({ precision: 3 }),
});

export function showReview({ createdAt, ...review }: Review): z.output<typeof reviewView> {
  return { ...review, createdAt: createdAt.toISOString() };
}

import { z } from 'zod';

/** What a change amounts to; binary files count as changed, with no lines. */
export const diffStats = z.object({
  filesChanged: z.int().min(0),
  insertions: z.int().min(0),
  deletions: z.int().min(0),
});

export type DiffStats = z.output<typeof diffStats>;

export const NO_CHANGE: DiffStats = { filesChanged: 0, insertions: 0, deletions: 0 };

import { z } from 'zod';
import { text } from '../routing/index.js';

export const STATUSES = ['open', 'merged', 'closed'] as const;
export const STRATEGIES = ['merge', 'squash', 'rebase'] as const;
export type MergeStrategy = (typeof STRATEGIES)[number];

/** The columns count code points where JavaScript counts UTF-16 units. */
const upTo = (max: number) =>
  text.min(1).refine((value) => [...value].length <= max, `must have at most ${max} characters`);

export const MAX_BRANCH_CHARACTERS = 128;
export const MAX_TITLE_CHARACTERS = 512;

/** Signed body of a creation; null stands for no description. Branch names come without `refs/heads/`. */
export const createBody = z.object({
  sourceBranch: upTo(MAX_BRANCH_CHARACTERS),
  targetBranch: upTo(MAX_BRANCH_CHARACTERS),
  title: upTo(MAX_TITLE_CHARACTERS),
  description: text.nullish().transform((value) => value ?? null),
});

export type CreateInput = z.output<typeof createBody>;

/** Signed body of a merge; null stands for the default. */
export const mergeBody = z.object({
  mergeStrategy: z
    .enum(STRATEGIES)
    .nullish()
    .transform((value) => value ?? 'merge'),
});

/** Nothing but the ids of the path is signed. */
export const closeBody = z.object({});

/** Filters of a list. */
export const listQuery = z.object({
  status: z.enum(STATUSES).optional(),
  authorId: text.max(64).optional(),
});

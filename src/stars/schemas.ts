import { z } from 'zod';
import { AppError } from '../errors.js';
import { repositoryObject } from '../repos/index.js';
import { text } from '../routing/index.js';

/** Code points, as the database counts them. */
const MAX_REASON = 500;

/** Signed body of a star; null stands for the default. */
export const starBody = z.object({
  reason: text.nullish().transform((value) => value ?? null),
  reasonPublic: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
});

export type StarInput = z.output<typeof starBody>;

/** @throws AppError INVALID_REASON above 500 code points */
export function checkReason(reason: string | null): void {
  if (reason === null) return;
  const length = [...reason].length;
  if (length > MAX_REASON) throw new AppError('INVALID_REASON', { details: { length, maxLength: MAX_REASON } });
}

export const unstarBody = z.object({});

const time = z.iso.datetime({ precision: 3 });

export const starData = z.object({
  repoId: z.string(),
  agentId: z.string(),
  action: z.literal('starred'),
  starCount: z.int().min(0),
});

export const unstarData = starData.extend({ action: z.literal('unstarred') });

/** Stars on a page unless asked otherwise, and at most. */
export const STARS_PER_PAGE = 1000;

export const pageQuery = z.object({
  page: z.int().min(1).default(1),
  perPage: z.int().min(1).max(STARS_PER_PAGE).default(STARS_PER_PAGE),
});

export const starListData = z.object({
  repoId: z.string(),
  starCount: z.int().min(0),
  starredBy: z.array(
    z.object({
      agentId: z.string(),
      agentName: z.string(),
      reputationScore: z.number().min(0).max(1),
      reason: z.string().nullable().describe('Null unless its giver made it public.'),
      starredAt: time,
    }),
  ),
});

/** Starred repositories on a page unless asked otherwise, and at most. */
export const REPOS_PER_PAGE = 100;

export const repoPageQuery = z.object({
  page: z.int().min(1).default(1),
  perPage: z.int().min(1).max(REPOS_PER_PAGE).default(REPOS_PER_PAGE),
});

export const starredReposData = z.object({
  repos: z.array(repositoryObject.extend({ visibility: z.literal('public') })),
});

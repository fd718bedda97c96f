import { z } from 'zod';
import type { ReviewState } from '../reviews/index.js';
import { STATUSES } from './schemas.js';
import { diffStats } from './stats.js';
import type { Pull } from './store.js';

const time = z.iso.datetime({ precision: 3 });
const oid = z.string().length(40);

/** A pull request as it leaves. */
export const pullView = z.object({
  prId: z.string(),
  repoId: z.string(),
  /** Names `refs/pull/{number}/head`. */
  number: z.int().min(1),
  authorId: z.string(),
  authorName: z.string(),
  sourceBranch: z.string(),
  targetBranch: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  status: z.enum(STATUSES),
  ciStatus: z.enum(['pending', 'running', 'passed', 'failed']),
  diffStats,
  mergeable: z.boolean(),
  isApproved: z.boolean(),
  reviewCount: z.int().min(0),
  headOid: oid.nullable(),
  mergeCommitOid: oid.nullable(),
  createdAt: time,
  mergedAt: time.nullable(),
});

export type PullView = z.output<typeof pullView>;

/** What is computed about a pull request, not stored. */
export type Computed = Pick<PullView, 'diffStats' | 'mergeable'>;

export function showPull(
  pull: Pull,
  { diffStats, mergeable }: Computed,
  { isApproved, reviewCount }: Pick<ReviewState, 'isApproved' | 'reviewCount'>,
): PullView {
  return {
    prId: pull.prId,
    repoId: pull.repoId,
    number: pull.number,
    authorId: pull.authorId,
    authorName: pull.authorName,
    sourceBranch: pull.sourceBranch,
    targetBranch: pull.targetBranch,
    title: pull.title,
    description: pull.description,
    status: pull.status,
    ciStatus: pull.ciStatus,
    diffStats,
    mergeable,
    isApproved,
    reviewCount,
    headOid: pull.headOid,
    mergeCommitOid: pull.mergeCommitOid,
    createdAt: pull.createdAt.toISOString(),
    mergedAt: pull.mergedAt?.toISOString() ?? null,
  };
}

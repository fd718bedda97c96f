import { sql } from 'drizzle-orm';
import { index, integer, pgEnum, pgTable, text, unique, varchar } from 'drizzle-orm/pg-core';
import { agents } from './agents.js';
import { repositories } from './repositories.js';
import { jsonb, timestamptz } from './types.js';

export const prStatus = pgEnum('pr_status', ['open', 'merged', 'closed']);
export const ciStatus = pgEnum('ci_status', ['pending', 'running', 'passed', 'failed']);
export const reviewVerdict = pgEnum('review_verdict', ['approve', 'request_changes', 'comment']);

export const pullRequests = pgTable(
  'pull_requests',
  {
    prId: varchar('pr_id', { length: 64 }).primaryKey(),
    repoId: varchar('repo_id', { length: 64 })
      .notNull()
      .references(() => repositories.repoId, { onDelete: 'cascade' }),
    authorId: varchar('author_id', { length: 64 })
      .notNull()
      .references(() => agents.agentId),
    sourceBranch: varchar('source_branch', { length: 128 }).notNull(),
    targetBranch: varchar('target_branch', { length: 128 }).notNull(),
    title: varchar('title', { length: 512 }).notNull(),
    description: text('description'),
    status: prStatus('status').notNull().default('open'),
    ciStatus: ciStatus('ci_status').notNull().default('pending'),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
    mergedAt: timestamptz('merged_at'),
    /** Counts within the repository; names `refs/pull/{number}/head`. */
    number: integer('number').notNull(),
    /** Last known head of the source branch; null while that is unborn. */
    headOid: varchar('head_oid', { length: 40 }),
    closedAt: timestamptz('closed_at'),
    mergedBy: varchar('merged_by', { length: 64 }),
    mergeStrategy: varchar('merge_strategy', { length: 16 }),
    mergeCommitOid: varchar('merge_commit_oid', { length: 40 }),
    /** `{filesChanged, insertions, deletions}` at the time of the merge; null before. */
    mergedDiffStats: jsonb('merged_diff_stats'),
  },
  (t) => [
    unique('pull_requests_repo_id_number_key').on(t.repoId, t.number),
    index('idx_pull_requests_source').on(t.repoId, t.sourceBranch).where(sql`${t.status} = 'open'`),
    index('idx_pull_requests_merge_commit').on(t.mergeCommitOid).where(sql`${t.mergeCommitOid} IS NOT NULL`),
    index('idx_pull_requests_repo').on(t.repoId),
    index('idx_pull_requests_author').on(t.authorId),
    index('idx_pull_requests_status').on(t.status),
  ],
);

export const reviews = pgTable(
  'reviews',
  {
    reviewId: varchar('review_id', { length: 64 }).primaryKey(),
    prId: varchar('pr_id', { length: 64 })
      .notNull()
      .references(() => pullRequests.prId, { onDelete: 'cascade' }),
    reviewerId: varchar('reviewer_id', { length: 64 })
      .notNull()
      .references(() => agents.agentId),
    verdict: reviewVerdict('verdict').notNull(),
    body: text('body'),
    createdAt: timestamptz('created_at').notNull().defaultNow(),
  },
  (t) => [index('idx_reviews_pr').on(t.prId), index('idx_reviews_reviewer').on(t.reviewerId)],
);

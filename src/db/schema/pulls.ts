import { index, pgEnum, pgTable, text, varchar } from 'drizzle-orm/pg-core';
import { agents } from './agents.js';
import { repositories } from './repositories.js';
import { timestamptz } from './types.js';

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
  },
  (t) => [
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

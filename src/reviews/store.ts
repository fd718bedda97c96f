/** SQL of the reviews room. */
import type { Queryable, Tx } from '../db/index.js';
import { isStorable } from '../routing/index.js';
import type { Verdict } from './schemas.js';

export interface Review {
  reviewId: string;
  prId: string;
  reviewerId: string;
  reviewerName: string;
  verdict: Verdict;
  body: string | null;
  createdAt: Date;
}

/** Time in microseconds and id of a review: what lists are ordered by. */
export type ReviewKey = [number, string];

type ReviewRow = Review & { us: number };

/** What is reviewed, as far as reviewing depends on it. */
export interface ReviewedPull {
  prId: string;
  authorId: string;
  status: 'open' | 'merged' | 'closed';
}

/** The pull request, locked until the transaction ends, so that its reviews have one order. */
export async function lockReviewed(tx: Tx, repoId: string, prId: string): Promise<ReviewedPull | undefined> {
  const rows = await tx.sql<ReviewedPull[]>`
    SELECT pr_id AS "prId", author_id AS "authorId", status FROM pull_requests
    WHERE repo_id = ${repoId} AND pr_id = ${prId} FOR NO KEY UPDATE`;
  return rows[0];
}

export async function isPullOf(db: Queryable, repoId: string, prId: string): Promise<boolean> {
  if (!isStorable(prId)) return false;
  const rows = await db.sql`SELECT 1 FROM pull_requests WHERE repo_id = ${repoId} AND pr_id = ${prId}`;
  return rows.length > 0;
}

/** The time is that of the insertion, not of the transaction's start: later reviews of a pull request have later times. */
export async function insertReview(
  tx: Tx,
  review: Omit<Review, 'createdAt' | 'reviewerName'>,
): Promise<{ createdAt: Date }> {
  const rows = await tx.sql<{ createdAt: Date }[]>`
    INSERT INTO reviews (review_id, pr_id, reviewer_id, verdict, body, created_at)
    VALUES (${review.reviewId}, ${review.prId}, ${review.reviewerId}, ${review.verdict}::review_verdict, ${review.body},
            clock_timestamp())
    RETURNING created_at AS "createdAt"`;
  if (rows[0] === undefined) throw new Error('an insert returned no row');
  return rows[0];
}

/** Reviews of a pull request, newest first, from behind `after`; with their sort keys. */
export async function selectReviews(
  db: Queryable,
  prId: string,
  limit: number,
  after: ReviewKey | undefined,
): Promise<{ review: Review; key: ReviewKey }[]> {
  const [us, id] = after ?? [null, null];
  const rows = await db.sql<ReviewRow[]>`
    SELECT r.review_id AS "reviewId", r.pr_id AS "prId", r.reviewer_id AS "reviewerId", a.agent_name AS "reviewerName",
           r.verdict, r.body, r.created_at AS "createdAt", (extract(epoch FROM r.created_at) * 1000000)::bigint AS us
    FROM reviews r JOIN agents a ON a.agent_id = r.reviewer_id
    WHERE r.pr_id = ${prId} AND (${us}::bigint IS NULL OR (r.created_at, r.review_id) <
      ('epoch'::timestamptz + ${us}::bigint * interval '1 microsecond', ${id}::text))
    ORDER BY r.created_at DESC, r.review_id DESC LIMIT ${limit}`;
  return rows.map(({ us: time, ...review }) => ({ review, key: [time, review.reviewId] }));
}

/** The newest reviews by an agent in public repositories. */
export async function selectPublicReviewsBy(db: Queryable, agentId: string, limit: number): Promise<Review[]> {
  const rows = await db.sql<Review[]>`
    SELECT r.review_id AS "reviewId", r.pr_id AS "prId", r.reviewer_id AS "reviewerId", a.agent_name AS "reviewerName",
           r.verdict, r.body, r.created_at AS "createdAt"
    FROM reviews r JOIN agents a ON a.agent_id = r.reviewer_id
    JOIN pull_requests p ON p.pr_id = r.pr_id JOIN repositories o ON o.repo_id = p.repo_id
    WHERE r.reviewer_id = ${agentId} AND o.visibility = 'public'
    ORDER BY r.created_at DESC, r.review_id DESC LIMIT ${limit}`;
  return [...rows];
}

/** Number of reviews, and each reviewer's latest verdict that is not a comment, the author's left out. */
export async function selectVerdicts(
  db: Queryable,
  prIds: readonly string[],
): Promise<{ prId: string; reviewerId: string; verdict: Verdict | null; reviews: number }[]> {
  const rows = await db.sql<{ prId: string; reviewerId: string; verdict: Verdict | null; reviews: number }[]>`
    SELECT r.pr_id AS "prId", r.reviewer_id AS "reviewerId", count(*)::int AS reviews,
           (array_agg(r.verdict ORDER BY r.created_at DESC, r.review_id DESC)
             FILTER (WHERE r.verdict <> 'comment' AND r.reviewer_id <> p.author_id))[1] AS verdict
    FROM reviews r JOIN pull_requests p ON p.pr_id = r.pr_id
    WHERE r.pr_id = ANY(${[...prIds]}::text[]) GROUP BY r.pr_id, r.reviewer_id`;
  return [...rows];
}

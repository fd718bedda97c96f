import { randomUUID } from 'node:crypto';
import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { findRepositoryById } from '../repos/index.js';
import { auditProof, isStorable, type WorkResult } from '../routing/index.js';
import type { ReviewInput } from './schemas.js';
import { insertReview, lockReviewed } from './store.js';
import { showReview } from './view.js';

/**
 * Adds a review. Reviews are never changed: a reviewer who thinks otherwise later adds another one.
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED, PR_NOT_FOUND, VALIDATION_ERROR when the pull request is not open,
 *   SELF_APPROVAL_NOT_ALLOWED
 */
export async function createReview(
  tx: Tx,
  call: SignedCall,
  { repoId, prId, verdict, body }: ReviewInput & { repoId: string; prId: string },
): Promise<WorkResult> {
  const { agentId: reviewerId, agentName: reviewerName } = call.principal;
  const repo = await findRepositoryById(tx, repoId);
  if (repo === undefined) throw new AppError('REPO_NOT_FOUND', { details: { repoId } });
  await requireRole(tx, repo, reviewerId, 'read');
  const pull = isStorable(prId) ? await lockReviewed(tx, repoId, prId) : undefined;
  if (pull === undefined) throw new AppError('PR_NOT_FOUND', { details: { prId } });
  if (pull.status !== 'open') {
    throw new AppError('VALIDATION_ERROR', {
      message: `The pull request is ${pull.status}; only open ones are reviewed.`,
      details: { prId, status: pull.status },
    });
  }
  if (verdict === 'approve' && pull.authorId === reviewerId) {
    throw new AppError('SELF_APPROVAL_NOT_ALLOWED', { details: { prId } });
  }
  const review = { reviewId: randomUUID(), prId, reviewerId, verdict, body };
  const { createdAt } = await insertReview(tx, review);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'pr_review',
    resourceType: 'review',
    resourceId: review.reviewId,
    data: { review_id: review.reviewId, pr_id: prId, repo_id: repoId, verdict },
    topics: ['webhook'],
  });
  return { status: 201, data: showReview({ ...review, reviewerName, createdAt }) };
}

/** What a merge demands beyond an open pull request and the role. */
import { AppError } from '../errors.js';
import type { ReviewState } from '../reviews/index.js';
import type { Pull } from './store.js';

/** @throws AppError MERGE_BLOCKED with every reason that waits for somebody else: reviewers or CI */
export function assertReady(pull: Pull, reviews: ReviewState): void {
  const reasons: string[] = [];
  if (reviews.changesRequestedBy.length > 0) reasons.push('changes requested');
  else if (!reviews.isApproved) reasons.push('not approved');
  if (pull.ciStatus !== 'passed') reasons.push(`CI ${pull.ciStatus}`);
  if (reasons.length > 0) throw blocked(pull, reviews, reasons);
}

export function blocked(pull: Pull, reviews: ReviewState, reasons: string[]): AppError {
  return new AppError('MERGE_BLOCKED', {
    message: `The pull request cannot be merged: ${reasons.join(', ')}.`,
    details: { prId: pull.prId, approved: reviews.isApproved, ciStatus: pull.ciStatus, reasons },
  });
}

import type { Queryable } from '../db/index.js';
import { selectVerdicts } from './store.js';

/** What the reviews of a pull request add up to. */
export interface ReviewState {
  /** Reviews of any verdict, the author's included. */
  reviewCount: number;
  /** Some reviewer's latest verdict is approve, and nobody's is request_changes; comments and the author do not count. */
  isApproved: boolean;
  /** Ids of the agents whose latest verdict is approve, sorted. */
  approvedBy: string[];
  /** Ids of the agents whose latest verdict is request_changes, sorted. */
  changesRequestedBy: string[];
}

/** States by pull request id; every id asked for has one. */
export async function reviewStates(db: Queryable, prIds: readonly string[]): Promise<Map<string, ReviewState>> {
  const states = new Map(
    prIds.map((prId): [string, ReviewState] => [
      prId,
      { reviewCount: 0, isApproved: false, approvedBy: [], changesRequestedBy: [] },
    ]),
  );
  if (prIds.length === 0) return states;
  for (const { prId, reviewerId, verdict, reviews } of await selectVerdicts(db, prIds)) {
    const state = states.get(prId);
    if (state === undefined) continue;
    state.reviewCount += reviews;
    if (verdict === 'approve') state.approvedBy.push(reviewerId);
    if (verdict === 'request_changes') state.changesRequestedBy.push(reviewerId);
  }
  for (const state of states.values()) {
    state.isApproved = state.approvedBy.length > 0 && state.changesRequestedBy.length === 0;
    state.approvedBy.sort();
    state.changesRequestedBy.sort();
  }
  return states;
}

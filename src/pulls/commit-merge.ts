/** The one transaction of a merge: target ref, pack, pull request, followers, audit, outbox. */
import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import { insertIndexedPack } from '../catalog/index.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import type { Oid } from '../git/oid.js';
import type { IndexResult } from '../packs/index.js';
import { readRefs, updateRefs } from '../refs/index.js';
import type { Repository } from '../repos/index.js';
import { type ReviewState, reviewStates } from '../reviews/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { assertOpen, existingPull, found } from './access.js';
import { branchRef } from './branches.js';
import { type ExaminedHeads, followPulls } from './follow.js';
import { assertReady, blocked } from './gate.js';
import type { MergeStrategy } from './schemas.js';
import type { DiffStats } from './stats.js';
import { lockPull, type Pull, recordMerge } from './store.js';
import type { Change } from './strategies.js';

export interface PreparedMerge {
  repo: Repository;
  pull: Pull;
  mergeStrategy: MergeStrategy;
  /** Heads of source and target that were merged. */
  headOid: Oid;
  targetOid: Oid;
  change: Change;
  mergedDiffStats: DiffStats;
  /** The objects of the change, stored. */
  pack: IndexResult;
  examined: ExaminedHeads;
}

/**
 * Locks in the order of every ref change: repository (shared), target ref, repository row, then the pull request. A concurrent push or
 * merge therefore comes before or after as a whole, and whoever loses is told so.
 * @throws AppError ACCESS_DENIED, ALREADY_MERGED, PR_CLOSED, MERGE_BLOCKED, CONFLICT when a branch moved meanwhile
 */
export async function commitMerge(tx: Tx, call: SignedCall, merge: PreparedMerge): Promise<WorkResult> {
  const { repo, mergeStrategy, headOid, change } = merge;
  const { repoId } = repo;
  const { prId, sourceBranch, targetBranch } = merge.pull;
  const { agentId } = call.principal;
  await requireRole(tx, repo, agentId, 'write');
  const moved = { refName: branchRef(targetBranch), newOid: change.head };
  const update = { ...moved, oldOid: merge.targetOid, peeled: undefined };
  const before = await existingPull(tx, repoId, prId);
  const approvals = await reviewState(tx, prId);
  const by = { kind: 'merge', approvals: approvals.approvedBy.length, ciPassed: before.ciStatus === 'passed' } as const;
  const [verdict] = (await updateRefs(tx, repoId, [update], { atomic: true, forced: new Set(), by })).verdicts;
  if (!verdict?.ok) {
    const now = await existingPull(tx, repoId, prId);
    assertOpen(now);
    if (verdict?.rule !== undefined) throw blocked(now, approvals, [verdict.reason]);
    throw branchMoved(targetBranch);
  }
  await insertIndexedPack(tx, repoId, merge.pack, [change.head]);
  const pull = found(await lockPull(tx, repoId, prId), prId);
  assertOpen(pull);
  const source = branchRef(sourceBranch);
  if ((await readRefs(tx, repoId, [source])).get(source) !== headOid) throw branchMoved(sourceBranch);
  const reviews = await reviewState(tx, prId);
  assertReady(pull, reviews);

  const mergedAt = await tx.now();
  const mergeCommitOid = change.head;
  const { mergedDiffStats } = merge;
  await recordMerge(tx, prId, { mergedBy: agentId, mergedAt, mergeStrategy, mergeCommitOid, mergedDiffStats });
  const ciTopics = await followPulls(tx, repoId, [moved], merge.examined);
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'pr_merge',
    resourceType: 'pull_request',
    resourceId: prId,
    data: {
      pr_id: prId,
      repo_id: repoId,
      merge_strategy: mergeStrategy,
      merge_commit_oid: mergeCommitOid,
      source_branch: sourceBranch,
      target_branch: targetBranch,
      author_id: pull.authorId,
      approving_reviewers: reviews.approvedBy,
    },
    topics: ['reputation', 'analytics', 'webhook', ...ciTopics],
  });
  return {
    status: 200,
    data: { prId, repoId, mergeStrategy, mergedAt: mergedAt.toISOString(), mergeCommitOid },
  };
}

async function reviewState(tx: Tx, prId: string): Promise<ReviewState> {
  const state = (await reviewStates(tx, [prId])).get(prId);
  if (state === undefined) throw new Error('every id asked for has a state');
  return state;
}

function branchMoved(branch: string): AppError {
  return new AppError('CONFLICT', {
    message: `The branch ${branch} moved while the merge was made; look at it again and merge anew.`,
    details: { branch },
  });
}

import { requireRole } from '../access/index.js';
import type { SignedCall } from '../auth/index.js';
import { loadSnapshot, storeObjects } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import type { Oid } from '../git/oid.js';
import { readRefs } from '../refs/index.js';
import { type ReviewState, reviewStates } from '../reviews/index.js';
import type { WorkResult } from '../routing/index.js';
import { assertOpen, existingPull, readableRepository } from './access.js';
import { statsOf } from './assess.js';
import { branchRef } from './branches.js';
import { storedTrees } from './ci-state.js';
import { commitMerge } from './commit-merge.js';
import { positionOf } from './comparison.js';
import { examineHeads } from './follow.js';
import { assertReady, blocked } from './gate.js';
import type { MergeStrategy } from './schemas.js';
import type { Pull } from './store.js';
import { type Change, type MergeTask, makeChange, NothingToMerge } from './strategies.js';

/**
 * Merges a pull request. The gate is passed here, for clear answers, and once more under the locks of the transaction;
 * what the merge makes is stored before that, where nobody sees it until the commit.
 * @throws AppError in the order of the contract: REPO_NOT_FOUND, PR_NOT_FOUND, ALREADY_MERGED, PR_CLOSED, ACCESS_DENIED,
 *   MERGE_BLOCKED, MERGE_CONFLICTS; CONFLICT when a branch moved meanwhile; PAYLOAD_TOO_LARGE
 */
export async function prepareMerge(
  ctx: AppContext,
  call: SignedCall,
  { repoId, prId, mergeStrategy }: { repoId: string; prId: string; mergeStrategy: MergeStrategy },
): Promise<(tx: Tx) => Promise<WorkResult>> {
  const { agentId, agentName } = call.principal;
  const repo = await readableRepository(ctx.db, repoId, agentId);
  const pull = await existingPull(ctx.db, repoId, prId);
  assertOpen(pull);
  await requireRole(ctx.db, repo, agentId, 'write');
  const reviews = await stateOf(ctx, prId);
  assertReady(pull, reviews);

  const { headOid, targetOid } = await heads(ctx, pull, reviews);
  const snapshot = await loadSnapshot(ctx, repoId);
  const pair = { head: positionOf(snapshot, headOid), target: positionOf(snapshot, targetOid) };
  if (snapshot.graph.isAncestor(pair.head, pair.target)) throw nothing(pull, reviews);
  const seconds = Math.floor((await ctx.db.now()).getTime() / 1000);
  const merger = { name: agentName, email: `${agentId}@agents.gitclaw`, time: seconds, timezone: '+0000' };
  const change = await changeOrNothing(ctx, mergeStrategy, { snapshot, pull, pair, merger }, reviews, pull);
  const mergedDiffStats = await statsOf(ctx, snapshot, pair);
  const pack = await storeObjects(ctx, snapshot, change.objects, [change.head]);

  const made = new Map(change.objects.map(({ oid, content }) => [oid, content]));
  const stored = storedTrees(ctx, snapshot);
  const examined = await examineHeads(
    ctx,
    repoId,
    [{ refName: branchRef(pull.targetBranch), newOid: change.head }],
    () => change.tree,
    async (oid) => made.get(oid) ?? stored(oid),
  );
  return (tx) =>
    commitMerge(tx, call, { repo, pull, mergeStrategy, headOid, targetOid, change, mergedDiffStats, pack, examined });
}

async function stateOf(ctx: AppContext, prId: string): Promise<ReviewState> {
  const state = (await reviewStates(ctx.db, [prId])).get(prId);
  if (state === undefined) throw new Error('every id asked for has a state');
  return state;
}

/** @throws AppError MERGE_BLOCKED when the branches are one, or one of them does not exist */
async function heads(ctx: AppContext, pull: Pull, reviews: ReviewState): Promise<{ headOid: Oid; targetOid: Oid }> {
  const [source, target] = [branchRef(pull.sourceBranch), branchRef(pull.targetBranch)];
  const refs = await readRefs(ctx.db, pull.repoId, [source, target]);
  const [headOid, targetOid] = [refs.get(source), refs.get(target)];
  if (source === target || headOid === undefined || targetOid === undefined) throw nothing(pull, reviews);
  return { headOid, targetOid };
}

async function changeOrNothing(
  ctx: AppContext,
  strategy: MergeStrategy,
  task: MergeTask,
  reviews: ReviewState,
  pull: Pull,
): Promise<Change> {
  try {
    return await makeChange(ctx, strategy, task);
  } catch (error) {
    throw error instanceof NothingToMerge ? nothing(pull, reviews) : error;
  }
}

function nothing(pull: Pull, reviews: ReviewState) {
  return blocked(pull, reviews, ['nothing to merge']);
}

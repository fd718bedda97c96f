import { randomUUID } from 'node:crypto';
import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import type { Oid } from '../git/oid.js';
import { holdRefs, movePullRefs } from '../refs/index.js';
import type { Repository } from '../repos/index.js';
import { auditProof, StaleWork, type WorkResult } from '../routing/index.js';
import { readableRepository } from './access.js';
import { branchHeads, branchRef, checkBranchExists } from './branches.js';
import { ciTopics, type FirstCiStatus, firstCiStatus, storedTrees } from './ci-state.js';
import { positionOf } from './comparison.js';
import type { CreateInput } from './schemas.js';
import { compute } from './show.js';
import { insertPull, nextNumber, type Pull } from './store.js';
import { type Computed, showPull } from './view.js';

/** What is known before the transaction. */
interface Prepared {
  repo: Repository;
  /** Number and time come from the transaction. */
  pull: Omit<Pull, 'number' | 'createdAt'> & { ciStatus: FirstCiStatus };
  targetHead: Oid | undefined;
  computed: Computed;
}

/**
 * Opens a pull request and writes its ref.
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED, BRANCH_NOT_FOUND
 */
export async function prepareCreate(
  ctx: AppContext,
  call: SignedCall,
  { repoId, ...input }: CreateInput & { repoId: string },
): Promise<(tx: Tx) => Promise<WorkResult>> {
  const { agentId: authorId, agentName: authorName } = call.principal;
  const repo = await readableRepository(ctx.db, repoId, authorId);
  const heads = await branchHeads(ctx, repo);
  for (const branch of [input.sourceBranch, input.targetBranch]) checkBranchExists(repo, heads, branch);
  const snapshot = await loadSnapshot(ctx, repoId);
  const headOid = heads.get(input.sourceBranch) ?? null;
  const rootTree = headOid === null ? undefined : snapshot.graph.tree(positionOf(snapshot, headOid));
  const pull = {
    prId: randomUUID(),
    repoId,
    authorId,
    authorName,
    ...input,
    status: 'open' as const,
    ciStatus: await firstCiStatus(rootTree, storedTrees(ctx, snapshot)),
    headOid,
    mergedAt: null,
    mergeStrategy: null,
    mergeCommitOid: null,
    mergedDiffStats: null,
  };
  const computed = await compute(ctx, snapshot, pull, heads);
  return (tx) => createPull(tx, call, { repo, pull, targetHead: heads.get(input.targetBranch), computed });
}

async function createPull(tx: Tx, call: SignedCall, { repo, pull, targetHead, computed }: Prepared) {
  const { repoId, headOid, sourceBranch, targetBranch, title, ciStatus } = pull;
  await requireRole(tx, repo, pull.authorId, 'read');
  const [source, target] = [branchRef(sourceBranch), branchRef(targetBranch)];
  const held = await holdRefs(tx, repoId, [source, target]);
  if (held.get(source) !== (headOid ?? undefined) || held.get(target) !== targetHead) throw new StaleWork();
  const number = await nextNumber(tx, repoId);
  if (headOid !== null) await movePullRefs(tx, repoId, [{ number, from: undefined, to: headOid }]);
  const createdAt = await insertPull(tx, { ...pull, number });
  const { filesChanged, insertions, deletions } = computed.diffStats;
  await appendAudit(tx, {
    ...auditProof(call),
    action: 'pr_create',
    resourceType: 'pull_request',
    resourceId: pull.prId,
    data: {
      pr_id: pull.prId,
      repo_id: repoId,
      source_branch: sourceBranch,
      target_branch: targetBranch,
      title,
      diff_stats: { files_changed: filesChanged, insertions, deletions },
      mergeable: computed.mergeable,
    },
    topics: ['webhook', ...ciTopics([ciStatus])],
  });
  const reviews = { isApproved: false, reviewCount: 0 };
  return { status: 201, data: showPull({ ...pull, number, createdAt }, computed, reviews) };
}

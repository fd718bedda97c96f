/** Pull requests that pushes to `refs/for/<branch>` open, in the transaction of the push. */
import { randomUUID } from 'node:crypto';
import { appendAudit, type NewAuditEvent } from '../audit/index.js';
import type { Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import type { Oid } from '../git/oid.js';
import { movePullRefs } from '../refs/index.js';
import type { Repository } from '../repos/index.js';
import { branchHeads } from './branches.js';
import { ciTopics, type FirstCiStatus, firstCiStatus, storedTrees } from './ci-state.js';
import { positionOf } from './comparison.js';
import { compute } from './show.js';
import { findOpenPull, insertPull, nextNumber } from './store.js';
import type { Computed } from './view.js';

/** A pull request as a push asks for it; its head is what the push brings. */
export interface ProposedPull {
  repoId: string;
  authorId: string;
  /** Without `refs/heads/`, like the target. */
  sourceBranch: string;
  targetBranch: string;
  title: string;
  headOid: Oid;
}

export interface PreparedProposal extends ProposedPull {
  ciStatus: FirstCiStatus;
  computed: Computed;
}

/**
 * Looks at the change before the transaction.
 * @param snapshot with the pack of the push
 */
export async function prepareProposal(
  ctx: AppContext,
  repo: Repository,
  snapshot: Snapshot,
  pull: ProposedPull,
): Promise<PreparedProposal> {
  const heads = new Map(await branchHeads(ctx, repo)).set(pull.sourceBranch, pull.headOid);
  const rootTree = snapshot.graph.tree(positionOf(snapshot, pull.headOid));
  const open = { ...pull, status: 'open', mergeCommitOid: null, mergeStrategy: null, mergedDiffStats: null } as const;
  const [ciStatus, computed] = await Promise.all([
    firstCiStatus(rootTree, storedTrees(ctx, snapshot)),
    compute(ctx, snapshot, open, heads),
  ]);
  return { ...pull, ciStatus, computed };
}

export interface ProposedResult {
  prId: string;
  number: number;
  /** False when the agent's open pull request of these branches got a new head; that is followPulls' work. */
  created: boolean;
}

/**
 * Opens the pull request unless the agent has an open one from this source to this target. Call it after updateRefs moved
 * the source branch and followPulls the heads, with the creations of refs held (holdRefs) before.
 * @param proof columns that tie the audit row to the push
 */
export async function proposePull(
  tx: Tx,
  proposal: PreparedProposal,
  proof: Pick<NewAuditEvent, 'signature' | 'keyId' | 'envelope'>,
): Promise<ProposedResult> {
  const { computed, ...pull } = proposal;
  const { repoId, authorId, sourceBranch, targetBranch, title, headOid, ciStatus } = pull;
  const open = await findOpenPull(tx, pull);
  if (open !== undefined) return { ...open, created: false };
  const number = await nextNumber(tx, repoId);
  await movePullRefs(tx, repoId, [{ number, from: undefined, to: headOid }]);
  const prId = randomUUID();
  await insertPull(tx, { ...pull, prId, number, description: null });
  const { filesChanged, insertions, deletions } = computed.diffStats;
  await appendAudit(tx, {
    ...proof,
    agentId: authorId,
    action: 'pr_create',
    resourceType: 'pull_request',
    resourceId: prId,
    data: {
      pr_id: prId,
      repo_id: repoId,
      source_branch: sourceBranch,
      target_branch: targetBranch,
      title,
      diff_stats: { files_changed: filesChanged, insertions, deletions },
      mergeable: computed.mergeable,
    },
    topics: ['webhook', ...ciTopics([ciStatus])],
  });
  return { prId, number, created: true };
}

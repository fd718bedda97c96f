/** Finds out which earlier merges a merged pull request takes back. */
import { appendAudit } from '../audit/index.js';
import { loadSnapshot, readObject, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { parseCommit } from '../git/objects/index.js';
import type { OutboxEvent } from '../outbox/index.js';
import { findHead, lockUnreverted } from './store.js';

/** A revert is a commit or a few; reading the messages of a whole imported history would hold up everybody's scores. */
const MAX_COMMITS = 50;

/** What `git revert` writes, also when it reverts a merge ("This reverts commit <oid>, reversing"). */
const REVERTED = /^This reverts commit ([0-9a-f]{40})\b/gm;

/** A commit that says it takes back another one. */
export interface Revert {
  commitOid: string;
  revertedOid: string;
}

/**
 * The reverts among the commits of a merged pull request, newest first, by their messages; its merge commit counts
 * too, since a squash has no other. None when the repository or the commits are gone.
 */
export async function findReverts(ctx: AppContext, event: OutboxEvent): Promise<Revert[]> {
  const { repo_id: repoId, merge_commit_oid: mergeOid, merge_strategy: strategy } = event.data;
  if (typeof repoId !== 'string' || typeof mergeOid !== 'string') return [];
  const snapshot = await loadSnapshot(ctx, repoId);
  const head = await findHead(ctx.db, event.resourceId);
  const reverts: Revert[] = [];
  for (const oid of commitsOf(snapshot, mergeOid, head, strategy === 'merge')) {
    const object = await readObject(ctx, snapshot, oid);
    if (object?.type !== 'commit') continue;
    for (const [, revertedOid] of parseCommit(object.data).message.matchAll(REVERTED)) {
      if (revertedOid !== undefined) reverts.push({ commitOid: oid, revertedOid });
    }
  }
  return reverts;
}

/** A two-parent merge contains the source branch; the other strategies leave the source's own commits outside. */
function commitsOf({ graph }: Snapshot, mergeOid: string, head: string | undefined, isMerge: boolean): string[] {
  const merge = graph.indexOf(mergeOid);
  if (merge < 0) return [];
  const [target, source] = graph.parents(merge);
  const tip = head === undefined ? -1 : graph.indexOf(head);
  const include = isMerge ? (source ?? -1) : tip;
  const exclude = isMerge ? (target ?? -1) : merge;
  if (include < 0 || exclude < 0) return [mergeOid];
  const own = graph.reachable([include], [exclude]);
  return [merge, ...own.slice(-MAX_COMMITS).reverse()].map((index) => graph.oid(index));
}

/**
 * Records `pr_reverted` for every merge that was taken back, once per pull request whoever finds out how often. The
 * scores follow from that event through the outbox.
 */
export async function recordReverts(tx: Tx, event: OutboxEvent, reverts: readonly Revert[]): Promise<void> {
  const repoId = event.data.repo_id;
  if (reverts.length === 0 || typeof repoId !== 'string') return;
  const pulls = await lockUnreverted(
    tx,
    repoId,
    reverts.map(({ revertedOid }) => revertedOid),
  );
  for (const { prId, mergeCommitOid, data } of pulls) {
    await appendAudit(tx, {
      agentId: 'system',
      signature: 'system',
      action: 'pr_reverted',
      resourceType: 'pull_request',
      resourceId: prId,
      data: {
        pr_id: prId,
        repo_id: repoId,
        merge_commit_oid: mergeCommitOid,
        author_id: data.author_id,
        approving_reviewers: data.approving_reviewers,
        reverted_by_pr_id: event.resourceId,
        revert_commit_oid: reverts.find(({ revertedOid }) => revertedOid === mergeCommitOid)?.commitOid,
      },
      topics: ['reputation'],
    });
  }
}

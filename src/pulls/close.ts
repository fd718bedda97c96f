import { requireRole } from '../access/index.js';
import { appendAudit } from '../audit/index.js';
import type { SignedCall } from '../auth/index.js';
import { loadSnapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { reviewStates } from '../reviews/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { assertOpen, existingPull, found, readableRepository } from './access.js';
import { branchHeads } from './branches.js';
import { compute } from './show.js';
import { lockPull, recordClose } from './store.js';
import { showPull } from './view.js';

/**
 * Closes a pull request without merging it: for its author and for whoever may write.
 * @throws AppError REPO_NOT_FOUND, PR_NOT_FOUND, ALREADY_MERGED, PR_CLOSED, ACCESS_DENIED
 */
export async function prepareClose(
  ctx: AppContext,
  call: SignedCall,
  { repoId, prId }: { repoId: string; prId: string },
): Promise<(tx: Tx) => Promise<WorkResult>> {
  const { agentId } = call.principal;
  const repo = await readableRepository(ctx.db, repoId, agentId);
  const pull = await existingPull(ctx.db, repoId, prId);
  assertOpen(pull);
  const heads = await branchHeads(ctx, repo);
  const computed = await compute(ctx, await loadSnapshot(ctx, repoId), { ...pull, status: 'closed' }, heads);
  return async (tx) => {
    const current = found(await lockPull(tx, repoId, prId), prId);
    assertOpen(current);
    await requireRole(tx, repo, agentId, agentId === current.authorId ? 'read' : 'write');
    await recordClose(tx, prId, await tx.now());
    const state = (await reviewStates(tx, [prId])).get(prId);
    await appendAudit(tx, {
      ...auditProof(call),
      action: 'pr_close',
      resourceType: 'pull_request',
      resourceId: prId,
      data: { pr_id: prId, repo_id: repoId },
      topics: ['webhook'],
    });
    const reviews = state ?? { isApproved: false, reviewCount: 0 };
    return { status: 200, data: showPull({ ...current, status: 'closed' }, computed, reviews) };
  };
}

import { requireRole } from '../access/index.js';
import type { SignedCall } from '../auth/index.js';
import { loadSnapshot, type Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import type { Oid } from '../git/oid.js';
import { assertOpen, existingPull, foundPull, lockPull, positionOf, readableRepository } from '../pulls/index.js';
import { holdRepository } from '../refs/index.js';
import { auditProof, StaleWork, type WorkResult } from '../routing/index.js';
import { unreadable } from './config-file.js';
import { createRun } from './create-run.js';
import { loadConfig } from './load-config.js';

/**
 * Starts a run for the head of a pull request, or for a commit below it, and cancels the one at work.
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED, PR_NOT_FOUND, PR_CLOSED, ALREADY_MERGED, REF_NOT_FOUND when there is no
 *   such commit in the pull request, INVALID_CI_CONFIG
 */
export async function prepareTrigger(
  ctx: AppContext,
  call: SignedCall,
  { repoId, prId, commitSha: asked }: { repoId: string; prId: string; commitSha: Oid | null },
): Promise<(tx: Tx) => Promise<WorkResult>> {
  const { agentId } = call.principal;
  const repo = await readableRepository(ctx.db, repoId, agentId);
  await requireRole(ctx.db, repo, agentId, 'write');
  const pull = await existingPull(ctx.db, repoId, prId);
  assertOpen(pull);
  const { headOid } = pull;
  if (headOid === null) throw noCommit(`The branch ${pull.sourceBranch} has no commit yet.`, { prId });
  const commitSha = asked ?? headOid;
  const snapshot = await loadSnapshot(ctx, repoId);
  const loaded = await loadConfig(ctx, snapshot, commitOf(snapshot, headOid, commitSha));
  if (loaded.kind === 'none') throw unreadable('there is none in the root of the commit');
  if (loaded.kind === 'unreadable') throw new AppError('INVALID_CI_CONFIG', { message: loaded.why });
  return async (tx) => {
    // Before the pull request, as a deletion locks them; the new run refers to both.
    await holdRepository(tx, repoId);
    const current = foundPull(await lockPull(tx, repoId, prId), prId);
    assertOpen(current);
    if (current.headOid !== headOid) throw new StaleWork();
    await requireRole(tx, repo, agentId, 'write');
    const request = { prId, repoId, commitSha, headOid, loaded, trigger: 'manual', proof: auditProof(call) };
    const { runId } = await createRun(tx, request);
    return { status: 202, data: { runId, status: 'pending', message: 'The run waits for a runner.' } };
  };
}

/** Only what the pull request brings may run in its name: objects of other forks may lie in the same packs. */
function commitOf(snapshot: Snapshot, headOid: Oid, commitSha: Oid): number {
  const head = positionOf(snapshot, headOid);
  const commit = snapshot.graph.indexOf(commitSha);
  if (commit >= 0 && (commit === head || snapshot.graph.isAncestor(commit, head))) return commit;
  throw noCommit('The commit is not part of the pull request.', { commitSha });
}

function noCommit(message: string, details: Record<string, string>): AppError {
  return new AppError('REF_NOT_FOUND', { message, details });
}

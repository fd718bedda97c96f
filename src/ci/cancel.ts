import { requireRole } from '../access/index.js';
import type { SignedCall } from '../auth/index.js';
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { AppError } from '../errors.js';
import { foundPull, lockPull, readableRepository } from '../pulls/index.js';
import { auditProof, type WorkResult } from '../routing/index.js';
import { cancelRun } from './create-run.js';
import { isFinal } from './run.js';
import { lockRun } from './store.js';

/**
 * Cancels a run that has not ended; its runner stops within seconds.
 * @throws AppError REPO_NOT_FOUND, ACCESS_DENIED, PR_NOT_FOUND, CI_RUN_NOT_FOUND, CONFLICT when it has ended
 */
export async function prepareCancel(
  ctx: AppContext,
  call: SignedCall,
  { repoId, prId, runId }: { repoId: string; prId: string; runId: string },
): Promise<(tx: Tx) => Promise<WorkResult>> {
  const { agentId } = call.principal;
  const repo = await readableRepository(ctx.db, repoId, agentId);
  return async (tx) => {
    await requireRole(tx, repo, agentId, 'write');
    foundPull(await lockPull(tx, repoId, prId), prId);
    const run = await lockRun(tx, prId, runId);
    if (run === undefined) throw new AppError('CI_RUN_NOT_FOUND', { details: { runId } });
    if (isFinal(run.status)) {
      const message = `The run is ${run.status} already.`;
      throw new AppError('CONFLICT', { message, details: { runId, status: run.status } });
    }
    await cancelRun(tx, run, auditProof(call), 'cancelled');
    return { status: 200, data: { runId, status: 'cancelled', message: 'The run is cancelled.' } };
  };
}

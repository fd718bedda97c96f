/** Removes the storage of deleted repositories. They are found by the notes their deletion left, never by listing. */
import { claimRemoval, finishRemoval, type RemovalStep, releaseRemoval } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { takeOverPacks } from '../forks/index.js';
import { repositoryPrefix } from '../storage/index.js';

const RETRY_SECS = 30;

/**
 * Takes steps until none is due. Each may be done twice without harm, so a node that dies in the middle costs only time.
 * @returns how many steps were finished
 */
export async function removeDeletedRepositories(ctx: AppContext, stop: AbortSignal): Promise<number> {
  let finished = 0;
  while (!stop.aborted) {
    const due = await claimRemoval(ctx.db);
    if (due === undefined) break;
    try {
      if (await take(ctx, due.repoId, due.step, stop)) {
        await finishRemoval(ctx.db, due.repoId, due.step);
        finished += 1;
      } else await releaseRemoval(ctx.db, due.repoId, due.step, 0);
    } catch (error) {
      ctx.log.warn({ ...due, err: error }, 'storage of a deleted repository could not be removed, will be tried again');
      await releaseRemoval(ctx.db, due.repoId, due.step, RETRY_SECS);
    }
  }
  return finished;
}

/** @returns false when it was stopped half-way */
async function take(ctx: AppContext, repoId: string, step: RemovalStep, stop: AbortSignal): Promise<boolean> {
  // Asked before every step: nothing that a fork reads may ever go.
  if (!(await takeOverPacks(ctx, repoId, stop))) return false;
  if (step === 'take-over') return true;
  const keys = await ctx.objects.deletePrefix(repositoryPrefix(repoId));
  ctx.log.info({ repoId, step, keys }, 'storage of a deleted repository removed');
  return true;
}

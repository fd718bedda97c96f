/**
 * Stores the objects of large packs loose, so that the bucket alone is a readable git object directory.
 * Any number of nodes take packs in turns; progress is kept per batch, so a stopped node costs one batch.
 */
import { claimUnpack, recordUnpack, releaseUnpack, storeLoose, type UnpackTask } from '../catalog/index.js';
import type { AppContext } from '../context.js';

const RETRY_SECS = 30;

/**
 * Unpacks waiting packs until none is left.
 * @param stop ends the work after the batch at hand
 * @returns the number of packs finished
 */
export async function unpackPending(ctx: AppContext, stop: AbortSignal): Promise<number> {
  let finished = 0;
  while (!stop.aborted) {
    const task = await claimUnpack(ctx.db);
    if (task === undefined) break;
    try {
      if (await unpackOne(ctx, task, stop)) finished += 1;
    } catch (error) {
      ctx.log.warn({ repoId: task.repoId, pack: task.hash, err: error }, 'unpacking failed, will be tried again');
      await releaseUnpack(ctx.db, task, RETRY_SECS);
    }
  }
  return finished;
}

async function unpackOne(ctx: AppContext, task: UnpackTask, stop: AbortSignal): Promise<boolean> {
  const pack = await ctx.packCache.pin(task.repoId, task.hash);
  try {
    for (let next = task.next; next < task.objects; ) {
      if (stop.aborted) {
        await releaseUnpack(ctx.db, task, 0);
        return false;
      }
      const batch = await ctx.engine.unpack(pack, next, ctx.spool.folder);
      await storeLoose(ctx, task.repoId, batch.loose);
      next = batch.next;
      if (!(await recordUnpack(ctx.db, task, next, next >= task.objects))) return false;
      ctx.log.debug({ repoId: task.repoId, pack: task.hash, done: next, of: task.objects }, 'unpacked');
    }
    ctx.log.info({ repoId: task.repoId, pack: task.hash, objects: task.objects }, 'pack unpacked');
    return true;
  } finally {
    pack.release();
  }
}

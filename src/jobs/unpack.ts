/**
 * Stores the objects of large packs loose, so that the bucket alone is a readable git object directory.
 * Any number of nodes take packs in turns; progress is kept per batch, so a stopped node costs one batch.
 */
import {
  claimUnpack,
  recordUnpack,
  releaseUnpack,
  removeBodies,
  storeLooseInBackground,
  type UnpackTask,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { whenQuiet } from '../foreground.js';
import type { UnpackBatch } from '../packs/index.js';

const RETRY_SECS = 30;

/** How long a batch waits for a moment in which nobody is served. */
const LONGEST_WAIT_MS = 1000;

/**
 * Unpacks waiting packs, of one repository or of all, until none is left.
 * @param stop ends the work after the batch at hand
 * @returns the number of packs finished
 */
export async function unpackPending(ctx: AppContext, stop: AbortSignal, repoId?: string): Promise<number> {
  let finished = 0;
  while (!stop.aborted) {
    const task = await claimUnpack(ctx.db, repoId);
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
  const root = ctx.objects.localRoot();
  const into = root === undefined ? undefined : { root, repoId: task.repoId };
  const read = async (from: number) => {
    await whenQuiet(ctx, LONGEST_WAIT_MS);
    return ctx.engine.unpack(pack, from, ctx.spool.folder, into);
  };
  let ahead: Promise<UnpackBatch> | undefined;
  try {
    for (let next = task.next; next < task.objects; ) {
      if (stop.aborted) {
        await releaseUnpack(ctx.db, task, 0);
        return false;
      }
      const batch = await (ahead ?? read(next));
      next = batch.next;
      // Made while this one is stored; a rejection is met when its turn comes.
      ahead = next < task.objects ? read(next) : undefined;
      ahead?.catch(() => {});
      await storeLooseInBackground(ctx, task.repoId, batch.loose);
      if (!(await recordUnpack(ctx.db, task, next, next >= task.objects))) return false;
      ctx.log.debug({ repoId: task.repoId, pack: task.hash, done: next, of: task.objects }, 'unpacked');
    }
    ctx.log.info({ repoId: task.repoId, pack: task.hash, objects: task.objects }, 'pack unpacked');
    return true;
  } finally {
    const unused = await ahead?.catch(() => undefined);
    if (unused !== undefined) await removeBodies(ctx, unused.loose);
    pack.release();
  }
}

/** Makes the pack of a fetch ready on the local disk. */
import { type Snapshot, withPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { filePack, memoryPack, type PackBytes } from './pack-bytes.js';
import { type PlanInput, planPack } from './plan.js';

/** `close` must be called once, when the pack was sent or is not needed. */
export interface PreparedPack extends PackBytes {
  objects: number;
}

/** Packs of at most this size come from the worker in memory: a file would cost more than the pack itself. */
const MEMORY_BYTES = 1024 * 1024;

/**
 * Plans and builds. A single stored pack that is exactly what is wanted is handed out as it lies in the store or its
 * cache; everything else is built by the pack engine, larger packs into a working file, so that a slow client holds up
 * nothing.
 * @throws AppError OBJECT_CORRUPTED when a needed object cannot be read, and what the object store throws
 */
export async function preparePack(ctx: AppContext, snapshot: Snapshot, input: PlanInput): Promise<PreparedPack> {
  const plan = planPack(snapshot, input);
  const { single } = plan;
  if (single !== undefined && input.ofsDelta) {
    const pinned = await ctx.packCache.pin(single.storedIn, single.hash);
    const release = async () => pinned.release();
    return { ...(await opened(pinned.packPath, release)), objects: single.objects };
  }
  const path = ctx.spool.newFile('pack');
  const built = await withPacks(ctx, snapshot, plan.needed, (packs) => {
    const { single: _, needed: __, ...request } = plan;
    return ctx.engine.build({ ...request, packs, outPath: path, inMemoryUpTo: MEMORY_BYTES });
  });
  const { objects, data } = built;
  return { ...(data === undefined ? await opened(path, () => ctx.spool.remove(path)) : memoryPack(data)), objects };
}

/** A file that is let go when it is closed, or cannot be opened. */
async function opened(path: string, release: () => Promise<void>): Promise<PackBytes> {
  try {
    const file = await filePack(path);
    return { ...file, close: () => file.close().finally(release) };
  } catch (error) {
    await release();
    throw error;
  }
}

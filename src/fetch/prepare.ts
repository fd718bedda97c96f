/** Makes the pack of a fetch ready on the local disk. */
import { type Snapshot, withPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { type PlanInput, planPack } from './plan.js';

export interface PreparedPack {
  path: string;
  objects: number;
  bytes: number;
  /** Must be called once, when the file was sent or is not needed. */
  release(): Promise<void>;
}

/**
 * Plans and builds. A single stored pack that is exactly what is wanted is handed out as it lies in the store or its
 * cache; everything else is written to a working file by the pack engine, which a slow client then cannot hold up.
 * @throws AppError OBJECT_CORRUPTED when a needed object cannot be read, and what the object store throws
 */
export async function preparePack(ctx: AppContext, snapshot: Snapshot, input: PlanInput): Promise<PreparedPack> {
  const plan = planPack(snapshot, input);
  const { single } = plan;
  if (single !== undefined && input.ofsDelta) {
    const pinned = await ctx.packCache.pin(single.storedIn, single.hash);
    return {
      path: pinned.packPath,
      objects: single.objects,
      bytes: single.bytes,
      release: async () => pinned.release(),
    };
  }
  const path = ctx.spool.newFile('pack');
  const built = await withPacks(ctx, snapshot, plan.needed, (packs) => {
    const { single: _, needed: __, ...request } = plan;
    return ctx.engine.build({ ...request, packs, outPath: path });
  });
  return { path, objects: built.objects, bytes: built.bytes, release: () => ctx.spool.remove(path) };
}

/** Makes the pack of a fetch ready on the local disk. */
import { readFile } from 'node:fs/promises';
import { type Snapshot, withPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import type { ReadyPack } from '../packs/index.js';
import { filePack, memoryPack, type PackBytes } from './pack-bytes.js';
import { type Plan, type PlanInput, planPack } from './plan.js';
import { planName } from './plan-name.js';

/** `close` must be called once, when the pack was sent or is not needed. */
export interface PreparedPack extends PackBytes {
  objects: number;
}

/** Packs of at most this size are sent from memory: a file would cost more than the pack itself. */
const MEMORY_BYTES = 1024 * 1024;

/**
 * Plans and builds. A single stored pack that is exactly what is wanted is handed out as it lies in the store or its
 * cache; everything else is built by the pack engine, larger packs into a working file, so that a slow client holds up
 * nothing. What is built and what is small is kept for the next client that is to be sent the same.
 * @throws AppError OBJECT_CORRUPTED when a needed object cannot be read, and what the object store throws
 */
export async function preparePack(ctx: AppContext, snapshot: Snapshot, input: PlanInput): Promise<PreparedPack> {
  const plan = planPack(snapshot, input);
  const { single } = plan;
  if (single === undefined || !input.ofsDelta) return built(ctx, snapshot, plan);
  if (single.bytes > MEMORY_BYTES) {
    const pinned = await ctx.packCache.pin(single.storedIn, single.hash);
    const release = async () => pinned.release();
    return { ...(await opened(pinned.packPath, release)), objects: single.objects };
  }
  const { pack, release } = await ctx.packCache.ready.acquire(single.storedIn, single.hash, async () => {
    const pinned = await ctx.packCache.pin(single.storedIn, single.hash);
    const data = await readFile(pinned.packPath).finally(pinned.release);
    return { objects: single.objects, data };
  });
  return prepared(pack, release);
}

async function built(ctx: AppContext, snapshot: Snapshot, plan: Plan): Promise<PreparedPack> {
  const { pack, release } = await ctx.packCache.ready.acquire(snapshot.repoId, planName(plan), async () => {
    const path = ctx.spool.newFile('pack');
    const { objects, bytes, data } = await withPacks(ctx, snapshot, plan.needed, (packs) => {
      const { single: _, needed: __, ...request } = plan;
      return ctx.engine.build({ ...request, packs, outPath: path, inMemoryUpTo: MEMORY_BYTES });
    });
    return { objects, ...(data === undefined ? { path, bytes } : { data }) };
  });
  return prepared(pack, release);
}

async function prepared(pack: ReadyPack, release: () => Promise<void>): Promise<PreparedPack> {
  const { objects } = pack;
  if ('path' in pack) return { ...(await opened(pack.path, release)), objects };
  return { ...memoryPack(pack.data), objects, close: release };
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

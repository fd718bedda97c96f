/**
 * What becomes of packs when the repository that holds them for its forks is deleted: they are copied to the prefix of the
 * oldest fork, pack by pack, and every row that reads them is pointed there in one transaction.
 *
 * A crash leaves packs that are handed over and packs that are not, both readable. A copy without a row is found by its
 * `staged_packs` row. Files at the old place stay for a day, for requests that began before.
 */
import { handOver, nextSharedPack, renewRemoval, type SharedPack, stagePack } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { CONTENT_TYPES, packKey } from '../storage/index.js';

/** @returns true when no fork reads from the repository's prefix any more, false when `stop` came first */
export async function takeOverPacks(ctx: AppContext, repoId: string, stop: AbortSignal): Promise<boolean> {
  while (!stop.aborted) {
    const shared = await nextSharedPack(ctx.db, repoId);
    if (shared === undefined) return true;
    await renewRemoval(ctx.db, repoId, 'take-over');
    await copyPack(ctx, repoId, shared);
    await ctx.faultPoint('take-over.copied');
    const taken = await ctx.db.transaction((tx) => handOver(tx, repoId, shared));
    ctx.log.info({ repoId, pack: shared.hash, heir: shared.heirId, taken }, 'shared pack taken over');
  }
  return false;
}

async function copyPack(ctx: AppContext, repoId: string, { hash, heirId }: SharedPack): Promise<void> {
  await stagePack(ctx.db, heirId, hash);
  const pack = await ctx.packCache.pin(repoId, hash);
  try {
    const put = (path: string, extension: 'pack' | 'idx' | 'meta') =>
      ctx.objects.putFile(packKey(heirId, hash, extension), path, { contentType: CONTENT_TYPES[extension] });
    await put(pack.packPath, 'pack');
    await Promise.all([put(pack.idxPath, 'idx'), put(pack.metaPath, 'meta')]);
  } finally {
    pack.release();
  }
}

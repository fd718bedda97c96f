/** Removes files of packs whose push never committed. They are found by their `staged_packs` row, never by listing. */
import { ABANDONED_AFTER_HOURS, deleteStagedPack, lockAbandonedPacks } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { packKey } from '../storage/index.js';

/**
 * One round. The row stays locked while the files go, so a repeat of the same push waits and then writes them anew.
 * @returns how many packs were removed
 */
export async function removeAbandonedPacks(ctx: AppContext): Promise<number> {
  return ctx.db.transaction(async (tx) => {
    const staged = await lockAbandonedPacks(tx, ABANDONED_AFTER_HOURS);
    let removed = 0;
    for (const { repoId, hash, visible } of staged) {
      if (!visible) {
        await ctx.objects.delete(
          (['idx', 'meta', 'pack'] as const).map((extension) => packKey(repoId, hash, extension)),
        );
        removed += 1;
      }
      await deleteStagedPack(tx, repoId, hash);
    }
    return removed;
  });
}

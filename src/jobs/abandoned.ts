/**
 * Removes what pushes stored that never committed: files of packs, and the loose objects beside them that no other push
 * made visible. They are found by their `staged_packs` row, never by listing.
 */
import {
  ABANDONED_AFTER_HOURS,
  type AbandonedPack,
  abandonedWithLoose,
  deleteStagedPack,
  lockAbandonedPack,
  lockAbandonedPacks,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { packKey } from '../storage/index.js';
import { batches, deleteUnneeded } from './loose.js';

/**
 * One round. Rows stay locked while files go, so a repeat of the same push waits and then writes them anew.
 * @returns how many packs were removed
 */
export async function removeAbandonedPacks(ctx: AppContext): Promise<number> {
  const plain = await ctx.db.transaction(async (tx) => {
    const staged = await lockAbandonedPacks(tx, ABANDONED_AFTER_HOURS);
    let removed = 0;
    for (const pack of staged) {
      if (!pack.visible) {
        await deleteFiles(ctx, pack);
        removed += 1;
      }
      await deleteStagedPack(tx, pack.repoId, pack.hash);
    }
    return removed;
  });
  let removed = 0;
  for (const pack of await abandonedWithLoose(ctx.db, ABANDONED_AFTER_HOURS)) {
    if (await removeWithLoose(ctx, pack)) removed += 1;
  }
  return plain + removed;
}

/** @returns false when it is not abandoned any more, or must be tried again later; what is gone by then is written anew */
async function removeWithLoose(ctx: AppContext, pack: AbandonedPack & { loose: Uint8Array }): Promise<boolean> {
  const { repoId, hash } = pack;
  let [left, deleted] = [pack.loose.length, 0];
  for (const batch of batches(pack.loose)) {
    left -= batch.length;
    const done = await ctx.db.transaction(async (tx) => {
      let isOurs = false;
      const mayGo = async () => {
        const locked = await lockAbandonedPack(tx, pack, ABANDONED_AFTER_HOURS);
        if (locked?.visible === true) await deleteStagedPack(tx, repoId, hash);
        isOurs = locked?.visible === false;
        return isOurs;
      };
      const count = await deleteUnneeded(ctx, tx, repoId, batch, hash, mayGo);
      if (!isOurs) return undefined;
      if (left === 0) {
        await deleteFiles(ctx, pack);
        await deleteStagedPack(tx, repoId, hash);
      }
      return count;
    });
    if (done === undefined) return false;
    deleted += done;
  }
  ctx.log.info({ repoId, pack: hash, loose: deleted }, 'what a push stored that never committed was removed');
  return true;
}

function deleteFiles(ctx: AppContext, { repoId, hash }: AbandonedPack): Promise<void> {
  return ctx.objects.delete((['idx', 'meta', 'pack'] as const).map((extension) => packKey(repoId, hash, extension)));
}

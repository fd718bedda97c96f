import type { AppContext } from '../context.js';
import { bundleKey } from '../storage/index.js';
import { deleteBundle, lockOldBundles } from './store.js';

/** Removes bundles that were never finished, and retired ones when the last link to them has expired. @returns how many */
export async function removeOldBundles(ctx: AppContext): Promise<number> {
  return ctx.db.transaction(async (tx) => {
    const old = await lockOldBundles(tx, ctx.config.GITCLAW_LINK_SECS);
    await ctx.objects.delete(old.map(({ repoId, bundleId }) => bundleKey(repoId, bundleId)));
    for (const { bundleId } of old) await deleteBundle(tx, bundleId);
    return old.length;
  });
}

/** Deletes loose objects that only one pack of a repository held. They are named by its index, never found by listing. */
import { setImmediate as breathe } from 'node:timers/promises';
import { allPacks, holdLoose } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { looseKey } from '../storage/index.js';

/** Objects looked up at a time; about a millisecond of the event loop for each ten packs. */
const BATCH = 1000;

/**
 * Deletes the loose objects of a pack that no other pack of the repository has, active or retired.
 * @returns how many; undefined when a push is writing loose objects now, so that it must be tried again later
 */
export async function deleteLooseOf(ctx: AppContext, repoId: string, hash: string): Promise<number | undefined> {
  const { idx } = await ctx.packCache.readSmall(repoId, hash);
  let deleted = 0;
  for (let from = 0; from < idx.count; from += BATCH) {
    const done = await ctx.db.transaction(async (tx) => {
      if (!(await holdLoose(tx, repoId))) return undefined;
      // Asked within the lock: whoever stored a pack before has committed it, or would have been seen writing.
      const others = (await allPacks(tx, repoId)).filter((pack) => pack.hash !== hash);
      let alone = Array.from({ length: Math.min(BATCH, idx.count - from) }, (_, i) => from + i);
      for (const other of others) {
        const { idx: held } = await ctx.packCache.readSmall(other.storedIn, other.hash);
        alone = alone.filter((position) => held.find(idx.bytes, idx.oidOffset(position)) < 0);
      }
      if (alone.length > 0) await ctx.objects.delete(alone.map((position) => looseKey(repoId, idx.oid(position))));
      return alone.length;
    });
    if (done === undefined) return undefined;
    deleted += done;
    await breathe();
  }
  return deleted;
}

/** Check `storage_comparison`: the object store holds the packs of the catalog and no others. It deletes nothing. */
import { ABANDONED_AFTER_HOURS } from '../catalog/index.js';
import { type Check, MAX_DRIFTS, ofRepository } from './contract.js';
import { eachRepository } from './each-repository.js';
import { comparePrefix } from './prefix.js';

/** Each costs a listing of everything below its prefix. */
const REPOSITORIES = 50;
/** Beyond the time in which files of a push that never committed are removed. */
const SETTLED_MS = 2 * ABANDONED_AFTER_HOURS * 3_600_000;

export const storageComparison: Check = {
  type: 'storage_comparison',
  everySecs: (config) => config.RECONCILE_STORAGE_SECS,
  pauseSecs: 5,
  async run(ctx, cursor, stop) {
    const settledBefore = new Date((await ctx.db.now()).getTime() - SETTLED_MS);
    return eachRepository(ctx, { cursor, limit: REPOSITORIES, stop }, async (repoId, drifts) => {
      const { keys, missing, wrongSize, unknown } = await comparePrefix(ctx, repoId, settledBefore);
      for (const key of missing) drifts.push(ofRepository('missing_key', repoId, { key }));
      for (const wrong of wrongSize) drifts.push(ofRepository('wrong_size', repoId, { ...wrong }));
      for (const { key } of unknown.slice(0, MAX_DRIFTS)) drifts.push(ofRepository('unknown_key', repoId, { key }));
      return keys;
    });
  },
};

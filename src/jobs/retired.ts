/** Removes packs that took no part any more for long enough: first their row, by a note, then their files. */
import { noteRetired } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { removeAbandonedPacks } from './abandoned.js';

/** @returns how many packs lost their row or their files */
export async function removeRetiredPacks(ctx: AppContext, stop: AbortSignal): Promise<number> {
  const noted = await repeat(stop, () => noteRetired(ctx.db, ctx.config.GITCLAW_PACK_GRACE_SECS));
  await ctx.faultPoint('retire.noted');
  const removed = await repeat(stop, () => removeAbandonedPacks(ctx));
  return Math.max(noted, removed);
}

/** Calls until nothing was done. @returns the sum */
async function repeat(stop: AbortSignal, work: () => Promise<number>): Promise<number> {
  let sum = 0;
  while (!stop.aborted) {
    const count = await work();
    if (count === 0) break;
    sum += count;
  }
  return sum;
}

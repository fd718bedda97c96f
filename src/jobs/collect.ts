/**
 * Garbage collection: what no ref reaches is condemned, waits, is looked at again, and is deleted, loose objects too.
 * Repositories are found by notes: refs that were rewritten or deleted, and packs that were retired.
 */
import {
  claimCollection,
  deleteFormerTips,
  dueRetired,
  forgetSnapshot,
  type Graces,
  loadSnapshot,
  MAINTENANCE_LEASE_SECS,
  noteOneRetired,
  pinAll,
  type RetiredPack,
  reinstatePack,
  releaseMaintenance,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { oidToBytes } from '../git/oid.js';
import { collectPacks } from './collect-packs.js';
import { readRoots } from './collect-roots.js';
import { deleteLooseOf } from './loose.js';
import { withLease } from './with-lease.js';

/** When something must be waited for: packs that are not loose yet, pushes that write loose objects. */
const RETRY_SECS = 60;

/** Does what is due. Any number of nodes may do it at once. @returns how many repositories were finished */
export async function collectGarbage(ctx: AppContext, stop: AbortSignal): Promise<number> {
  const { GITCLAW_GC_AFTER_SECS: after, GITCLAW_GC_GRACE_SECS, GITCLAW_PACK_GRACE_SECS } = ctx.config;
  const graces = { superseded: GITCLAW_PACK_GRACE_SECS, condemned: GITCLAW_GC_GRACE_SECS };
  let finished = 0;
  while (!stop.aborted) {
    const repoId = await claimCollection(ctx.db, MAINTENANCE_LEASE_SECS, after, graces);
    if (repoId === undefined) break;
    let isDone = false;
    try {
      isDone = await withLease(ctx, repoId, () => collectOne(ctx, repoId, after, graces, stop));
    } catch (error) {
      ctx.log.warn({ repoId, err: error }, 'garbage could not be collected, will be tried again');
    }
    if (isDone) finished += 1;
    await releaseMaintenance(ctx.db, repoId, isDone ? 0 : RETRY_SECS);
  }
  return finished;
}

/** Removes and collects what is due of a claimed repository. @returns false when something must wait */
export async function collectOne(
  ctx: AppContext,
  repoId: string,
  after: number,
  graces: Graces,
  stop: AbortSignal,
): Promise<boolean> {
  const removed = await removeDue(ctx, repoId, graces, stop);
  const roots = await readRoots(ctx, repoId, after);
  if (roots === undefined) return true;
  if (roots.expired.length === 0) return removed;
  const { outcome } = await collectPacks(ctx, repoId, roots);
  if (outcome === 'later') return false;
  await deleteFormerTips(ctx.db, repoId, roots.expired);
  return removed;
}

/** @returns false when some must wait */
async function removeDue(ctx: AppContext, repoId: string, graces: Graces, stop: AbortSignal): Promise<boolean> {
  const due = await dueRetired(ctx.db, repoId, graces);
  if (due.some(({ state }) => state === 'condemned') && (await isNeeded(ctx, repoId, due))) return false;
  for (const { hash, state } of due) {
    if (stop.aborted) return false;
    const loose = await deleteLooseOf(ctx, repoId, hash);
    if (loose === undefined) return false;
    await ctx.db.transaction((tx) => noteOneRetired(tx, repoId, hash));
    if (state === 'condemned') ctx.log.info({ repoId, pack: hash, loose }, 'a condemned pack was removed');
  }
  return true;
}

/**
 * The last look before anything is deleted: all that objects in use name must be in use too. Should it ever not be so, the
 * condemned pack that has it comes back.
 */
async function isNeeded(ctx: AppContext, repoId: string, due: readonly RetiredPack[]): Promise<boolean> {
  const { packs } = await loadSnapshot(ctx, repoId);
  const dangling = await pinAll(ctx, packs, (pinned) => ctx.engine.findDangling({ packs: pinned, among: [] }));
  if (dangling === undefined) return false;
  ctx.log.error({ repoId, oid: dangling }, 'an object in use names one that was condemned');
  for (const { hash, state } of due) {
    if (state !== 'condemned') continue;
    const { idx } = await ctx.packCache.readSmall(repoId, hash);
    if (idx.find(oidToBytes(dangling), 0) < 0) continue;
    await ctx.db.transaction((tx) => reinstatePack(tx, repoId, hash));
    forgetSnapshot(ctx, repoId);
    ctx.log.error({ repoId, pack: hash }, 'a condemned pack is in use again');
    break;
  }
  return true;
}

/**
 * Compaction: keeps the number of packs of every repository small while pushes come and makes it one when they pause.
 *
 * Repositories are found by the row that their pushes leave. Pushes are not blocked: only the exchange of the rows takes
 * the lock that their commits take, for milliseconds.
 */
import {
  chooseRun,
  claimMaintenance,
  ExchangeRefused,
  finishMaintenance,
  loadSnapshot,
  type MaintenanceTask,
  releaseMaintenance,
  unpackedHashes,
} from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { mergePacks } from './merge-packs.js';
import { withLease } from './with-lease.js';

const RETRY_SECS = 30;

/** Packs that are not stored loose yet are left alone until they are. */
const UNPACK_PAUSE_SECS = 2;

/** Merges what is due. Any number of nodes may do it at once. @returns how many merges were made */
export async function compactPacks(ctx: AppContext, stop: AbortSignal): Promise<number> {
  let merges = 0;
  while (!stop.aborted) {
    const task = await claimMaintenance(ctx.db);
    if (task === undefined) break;
    try {
      merges += await withLease(ctx, task.repoId, () => compactOne(ctx, task, stop));
    } catch (error) {
      if (!(error instanceof ExchangeRefused))
        ctx.log.warn({ repoId: task.repoId, err: error }, 'packs could not be merged, will be tried again');
      await releaseMaintenance(ctx.db, task.repoId, error instanceof ExchangeRefused ? 1 : RETRY_SECS);
    }
  }
  return merges;
}

/** Merges what there is to merge of a claimed repository, and gives it back. @returns how many merges were made */
export async function compactOne(ctx: AppContext, task: MaintenanceTask, stop: AbortSignal): Promise<number> {
  const { repoId, pause } = task;
  for (let merges = 0; ; merges++) {
    if (stop.aborted) {
      await releaseMaintenance(ctx.db, repoId);
      return merges;
    }
    const snapshot = await loadSnapshot(ctx, repoId);
    const unpacked = await unpackedHashes(ctx.db, repoId);
    const own = snapshot.packs.filter(({ storedIn }) => storedIn === repoId);
    const candidates = snapshot.packs.map(({ hash, bytes, objects, storedIn }) => ({
      bytes,
      objects,
      mergeable: storedIn === repoId && unpacked.has(hash),
    }));
    const run = chooseRun(candidates, pause);
    if (run === undefined) {
      const isLoose = own.every(({ hash }) => unpacked.has(hash));
      if (isLoose) await finishMaintenance(ctx.db, repoId, chooseRun(candidates, 'long') === undefined);
      else await releaseMaintenance(ctx.db, repoId, UNPACK_PAUSE_SECS);
      return merges;
    }
    await mergePacks(ctx, snapshot, snapshot.packs.slice(run.from, run.to));
  }
}

import type { AppContext } from '../context.js';
import { countOpenRuns, deleteOldChunks } from './store.js';

/** Followers of a run read its last output within seconds of its end; the log itself stays. */
const KEEP_MINUTES = 10;

/** Deletes output that is in the logs by now. @returns how many rows went */
export function removeOldChunks(ctx: AppContext): Promise<number> {
  return deleteOldChunks(ctx.db, KEEP_MINUTES);
}

/** Sets the gauge `ci_runs{status}`. @returns how many runs have not ended */
export async function measureRuns(ctx: AppContext): Promise<number> {
  const counts = await countOpenRuns(ctx.db);
  ctx.metrics.ciRuns.set({ status: 'pending' }, counts.pending);
  ctx.metrics.ciRuns.set({ status: 'running' }, counts.running);
  return counts.pending + counts.running;
}

import type { AppContext } from '../context.js';
import { deleteOldChunks } from './store.js';

/** Followers of a run read its last output within seconds of its end; the log itself stays. */
const KEEP_MINUTES = 10;

/** Deletes output that is in the logs by now. @returns how many rows went */
export function removeOldChunks(ctx: AppContext): Promise<number> {
  return deleteOldChunks(ctx.db, KEEP_MINUTES);
}

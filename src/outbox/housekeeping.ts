/** Jobs that keep the outbox small and seen. */
import type { AppContext } from '../context.js';
import { countEvents, deleteProcessed } from './store.js';

/** Processed rows are kept this long, for whoever asks what became of an event. Dead letters stay until an operator acts. */
const KEEP_DAYS = 7;
/** Rows deleted in one statement, so that no lock is held long. */
const DELETE_LIMIT = 1_000;

/** @returns how many rows went */
export async function removeProcessedEvents(ctx: AppContext, stop: AbortSignal): Promise<number> {
  let removed = 0;
  while (!stop.aborted) {
    const count = await deleteProcessed(ctx.db, KEEP_DAYS, DELETE_LIMIT);
    removed += count;
    if (count < DELETE_LIMIT) break;
  }
  return removed;
}

/** Sets the gauge `outbox_events{topic,status}`. @returns how many rows wait, are in work or are dead */
export async function measureOutbox(ctx: AppContext): Promise<number> {
  const counts = await countEvents(ctx.db);
  ctx.metrics.outboxEvents.reset();
  for (const { topic, status, count } of counts) ctx.metrics.outboxEvents.set({ topic, status }, count);
  return counts.reduce((sum, { count }) => sum + count, 0);
}

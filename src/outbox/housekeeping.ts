/** Jobs that keep the outbox small and seen. */
import type { AppContext } from '../context.js';
import { countEvents, deleteDeadLetters, deleteProcessed, readLag } from './store.js';

/** Processed rows are kept this long, for whoever asks what became of an event. */
const KEEP_DAYS = 7;
/** Dead letters wait this long for an operator; what they were about stays in the audit log. */
const KEEP_DEAD_DAYS = 30;
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

/** @returns how many rows went */
export async function removeOldDeadLetters(ctx: AppContext, stop: AbortSignal): Promise<number> {
  let removed = 0;
  while (!stop.aborted) {
    const count = await deleteDeadLetters(ctx.db, KEEP_DEAD_DAYS, DELETE_LIMIT);
    removed += count;
    if (count < DELETE_LIMIT) break;
  }
  if (removed > 0) ctx.log.warn({ removed, days: KEEP_DEAD_DAYS }, 'dead letters that nobody looked at were removed');
  return removed;
}

/** Sets the gauges `outbox_events{topic,status}` and `outbox_lag_seconds`. @returns how many rows wait, are in work or are dead */
export async function measureOutbox(ctx: AppContext): Promise<number> {
  const [counts, lag] = [await countEvents(ctx.db), await readLag(ctx.db)];
  ctx.metrics.outboxLag.set(lag);
  ctx.metrics.outboxEvents.reset();
  for (const { topic, status, count } of counts) ctx.metrics.outboxEvents.set({ topic, status }, count);
  return counts.reduce((sum, { count }) => sum + count, 0);
}

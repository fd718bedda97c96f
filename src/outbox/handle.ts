/** One claimed row from start to end. */
import type { AppContext } from '../context.js';
import type { Tx } from '../db/index.js';
import { outboxSpan, type RunningSpan } from '../telemetry/index.js';
import type { OutboxEvent, TopicHandler } from './event.js';
import { failEvent, settleEvent } from './store.js';

/** Runs the handler and settles the row; a failure is noted on the row. @throws AppError DATABASE_ERROR when it cannot be */
export async function handleEvent(
  ctx: AppContext,
  event: OutboxEvent,
  handler: TopicHandler,
  stop: AbortSignal,
): Promise<void> {
  const { topic, outboxId, attempts } = event;
  const span = ctx.tracing?.start(`outbox ${topic}`, {
    kind: 'consumer',
    identity: outboxSpan(event.eventId, topic, attempts),
    attributes: { 'gitclaw.outbox.id': outboxId, 'gitclaw.action': event.action, 'gitclaw.attempt': attempts },
  });
  await (span === undefined
    ? settle(ctx, event, handler, stop)
    : span.run(() => settle(ctx, event, handler, stop, span)));
  span?.end();
}

async function settle(
  ctx: AppContext,
  event: OutboxEvent,
  handler: TopicHandler,
  stop: AbortSignal,
  span?: RunningSpan,
): Promise<void> {
  const { topic, outboxId, attempts } = event;
  try {
    const work = await handler(event, stop);
    const settled = await (work === undefined ? settleEvent(ctx.db, event) : settleWith(ctx, event, work));
    ctx.metrics.outboxHandled.inc({ topic, outcome: settled ? 'processed' : 'lost' });
  } catch (error) {
    span?.fail(error);
    const next = await failEvent(ctx.db, event, reasonOf(error));
    const outcome = next === undefined ? 'lost' : next === 'dead_letter' ? 'dead_letter' : 'retried';
    ctx.metrics.outboxHandled.inc({ topic, outcome });
    const fields = { topic, outboxId, action: event.action, attempts, err: error };
    if (next === 'dead_letter') ctx.log.error(fields, 'an outbox event failed for good and is now a dead letter');
    else ctx.log.warn(fields, 'an outbox event failed, will be tried again');
  }
}

function settleWith(ctx: AppContext, event: OutboxEvent, work: (tx: Tx) => Promise<void>): Promise<boolean> {
  return ctx.db.transaction(async (tx) => {
    // First, so that whoever lost the claim stops here, before it has any effect.
    if (!(await settleEvent(tx, event))) return false;
    await work(tx);
    return true;
  });
}

/** Our own sentences are for clients and say little about what failed inside; the cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

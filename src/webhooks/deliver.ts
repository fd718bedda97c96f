/** Sends deliveries that are due. */
import { getAudit } from '../audit/index.js';
import type { AppContext } from '../context.js';
import {
  type Claimed,
  claimDeliveries,
  deleteOldDeliveries,
  type Outcome,
  returnDelivery,
  settleDelivery,
} from './delivery-store.js';
import type { Resolve } from './destination.js';
import { sendMessage } from './send.js';

/** Requests of a node under way at once. */
const LANES = 10;
/** Deliveries, with the answers they got, are kept this long. */
const KEEP_DAYS = 7;
const DELETE_LIMIT = 1_000;

/**
 * Sends until nothing is due. A receiver may get a delivery twice, when a node dies between its answer and our note of it;
 * `X-GitClaw-Delivery` tells.
 * @param resolve for tests
 * @returns how many attempts were made
 */
export async function sendDeliveries(ctx: AppContext, stop: AbortSignal, resolve?: Resolve): Promise<number> {
  let made = 0;
  while (!stop.aborted) {
    const due = await claimDeliveries(ctx.db, LANES);
    if (due.length === 0) break;
    await Promise.all(due.map((delivery) => attempt(ctx, delivery, stop, resolve)));
    made += due.length;
  }
  return made;
}

/** @returns how many deliveries went */
export async function removeOldDeliveries(ctx: AppContext, stop: AbortSignal): Promise<number> {
  let removed = 0;
  while (!stop.aborted) {
    const count = await deleteOldDeliveries(ctx.db, KEEP_DAYS, DELETE_LIMIT);
    removed += count;
    if (count < DELETE_LIMIT) break;
  }
  return removed;
}

async function attempt(ctx: AppContext, delivery: Claimed, stop: AbortSignal, resolve?: Resolve): Promise<void> {
  const started = performance.now();
  const outcome = await send(ctx, delivery, stop, resolve);
  // A node that stops in the middle of a request learnt nothing about the receiver.
  if (stop.aborted && !outcome.delivered) return returnDelivery(ctx.db, delivery);
  const durationMs = Math.round(performance.now() - started);
  const status = await settleDelivery(ctx.db, delivery, { ...outcome, durationMs });
  ctx.metrics.webhookSeconds.observe(durationMs / 1000);
  ctx.metrics.webhookDeliveries.inc({ outcome: status === 'pending' ? 'retried' : (status ?? 'lost') });
  const { deliveryId, event, repoId, attempts } = delivery;
  const fields = {
    deliveryId,
    event,
    repoId,
    attempts,
    status,
    response: outcome.responseStatus,
    error: outcome.error,
  };
  if (status === 'dead_letter') ctx.log.warn(fields, 'a webhook delivery failed for good and is now a dead letter');
  else ctx.log.debug(fields, 'webhook delivery attempted');
}

async function send(
  ctx: AppContext,
  delivery: Claimed,
  stop: AbortSignal,
  resolve: Resolve | undefined,
): Promise<Omit<Outcome, 'durationMs'>> {
  try {
    const body = await bodyOf(ctx, delivery);
    const allowPrivate = ctx.config.WEBHOOK_ALLOW_PRIVATE;
    const at = Math.floor(ctx.clock.now().getTime() / 1000);
    const options = { allowPrivate, at, turn: delivery.attempts - 1, stop, resolve };
    const { status, body: answer } = await sendMessage({ ...delivery, body }, options);
    const delivered = status >= 200 && status < 300;
    const error = delivered ? null : status >= 300 && status < 400 ? 'redirects are not followed' : `status ${status}`;
    return { delivered, responseStatus: status, responseBody: answer, error };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return {
      delivered: false,
      responseStatus: null,
      responseBody: null,
      error: said.replaceAll('\0', '').slice(0, 500),
    };
  }
}

/** What members of the repository see of the event in the audit log; the same text at every attempt. */
async function bodyOf({ db }: AppContext, { deliveryId, event, repoId, eventId }: Claimed): Promise<string> {
  const audited = await getAudit(db, eventId, 'member');
  return JSON.stringify({ event, deliveryId, repoId, ...audited });
}

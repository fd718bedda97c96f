/** Counting calls. */
import type { AppContext } from '../context.js';
import { asDatabaseError } from '../db/index.js';
import { type Charge, chargeFor, type Quota, rateLimited } from './quota.js';
import { type ChargeRow, deleteOldBuckets, insertCharge, selectUsed } from './store.js';

/** What a limited call needs of the context. Never a transaction: a charge stays, whatever becomes of the call. */
export type LimitsContext = Pick<AppContext, 'config' | 'db'>;

/**
 * Counts a call.
 * @param subject agent id, or {@link addressKey} of the client
 * @returns undefined when the action is not limited
 * @throws AppError RATE_LIMITED with details `{action, limit, window, retryAfter}`; the call is not counted then
 */
export async function chargeCall(
  ctx: LimitsContext,
  subject: string,
  action: string,
  mutates = true,
): Promise<Quota | undefined> {
  const charge = chargeFor(ctx.config, subject, action, mutates);
  if (charge === undefined) return undefined;
  return settleCharge(charge, await insertCharge(ctx.db, charge).catch(rethrow));
}

/** What the caller has left after a charge. @throws AppError RATE_LIMITED when it was refused */
export function settleCharge(charge: Charge, row: ChargeRow): Quota {
  const resetAt = row.oldest + charge.windowSecs;
  if (row.charged === null) throw rateLimited(charge, resetAt, row.now);
  const remaining = Math.max(0, charge.limit - row.before - row.charged);
  return { ...charge, remaining, resetAt, bucket: row.bucket };
}

/**
 * Refuses a caller who has nothing left, without counting the call: for callers who are not proved yet, whose name
 * anybody may use.
 * @throws AppError RATE_LIMITED
 */
export async function assertQuotaLeft(ctx: LimitsContext, subject: string, action: string): Promise<void> {
  const charge = chargeFor(ctx.config, subject, action);
  if (charge === undefined) return;
  const { used, oldest, now } = await selectUsed(ctx.db, charge).catch(rethrow);
  if (used >= charge.limit) throw rateLimited(charge, oldest + charge.windowSecs, now);
}

/** Clean-up for the jobs room. @returns how many rows went */
export function removeOldBuckets(ctx: LimitsContext): Promise<number> {
  return deleteOldBuckets(ctx.db, ctx.config.rateLimits.windowSecs);
}

function rethrow(error: unknown): never {
  throw asDatabaseError(error);
}

/** Removes what has served its time: stored results, rate limit buckets, admin sessions, counts of failed logins. */
import { removeOldSessions } from '../admin/index.js';
import type { AppContext } from '../context.js';
import { removeOldBuckets } from '../limits/index.js';

/** Frees nonces whose stored result has expired. @returns how many rows went */
export async function removeExpiredResults(ctx: AppContext): Promise<number> {
  const rows = await ctx.db.sql`DELETE FROM idempotency_results WHERE expires_at < now()`;
  return rows.count;
}

/** @returns how many rows went */
export async function removeExpiredLimits(ctx: AppContext): Promise<number> {
  return (await removeOldBuckets(ctx)) + (await removeOldSessions(ctx));
}

/** Frees nonces whose stored result has expired. */
import type { AppContext } from '../context.js';

/** @returns how many rows went */
export async function removeExpiredResults(ctx: AppContext): Promise<number> {
  const rows = await ctx.db.sql`DELETE FROM idempotency_results WHERE expires_at < now()`;
  return rows.count;
}

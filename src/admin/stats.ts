import type { AppContext } from '../context.js';
import { countEverything } from './stats-store.js';

/** Counters of the dashboard. A CI run that was cancelled or timed out counts as failed, as pull requests see it. */
export async function getStats(ctx: AppContext) {
  const row = await countEverything(ctx.db);
  return {
    totalAgents: row.agents,
    totalRepos: row.repos,
    totalStars: row.stars,
    pullRequests: { open: row.open, merged: row.merged, closed: row.closed },
    ciRuns: { pending: row.pending, running: row.running, passed: row.passed, failed: row.failed },
    suspendedAgents: row.suspended,
  };
}

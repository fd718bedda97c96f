/** Recomputes the trending scores: at start, every five minutes, and sooner after a star. */
import type { AppContext } from '../context.js';
import type { Database } from '../db/index.js';
import type { TopicHandler } from '../outbox/index.js';
import { lastComputed, replaceScores, tryLock, waitForLock } from './store.js';
import { WINDOWS, type Window } from './window.js';

const REGULAR_SECS = 300;
/** However many stars are given, the scores are recomputed at most this often. */
const SOON_SECS = 60;

/**
 * Recomputes every window, one transaction each, unless scores of the last `minAgeSecs` are there or another node is at
 * it: of any number of nodes that call this at once, one does the work. It needs two connections.
 * @returns whether this call recomputed
 */
export async function refreshTrending(ctx: AppContext, minAgeSecs: number): Promise<boolean> {
  if (await isFresh(ctx, minAgeSecs)) return false;
  // The transaction does nothing itself: it holds the lock while the windows commit one by one.
  return ctx.db.transaction(async (election) => {
    if (!(await tryLock(election)) || (await isFresh(ctx, minAgeSecs))) return false;
    const at = await ctx.db.now();
    for (const window of WINDOWS) await ctx.db.transaction((tx) => replaceScores(tx, window, at));
    ctx.log.debug({ at }, 'trending scores recomputed');
    return true;
  });
}

/** Recomputes every window from the stars and scores there are, as of `at`. @returns scores per window */
export async function rebuildTrending(db: Database, at: Date): Promise<Record<Window, number>> {
  const counts = {} as Record<Window, number>;
  await db.transaction(async (tx) => {
    await waitForLock(tx);
    for (const window of WINDOWS) counts[window] = await replaceScores(tx, window, at);
  });
  return counts;
}

/** The longest window is computed last and holds whatever any other holds. */
async function isFresh(ctx: AppContext, minAgeSecs: number): Promise<boolean> {
  const last = await lastComputed(ctx.db, '30d');
  return last !== undefined && last.secondsAgo < minAgeSecs;
}

export interface TrendingSchedule {
  /** Consumer of the outbox topic `trending`: asks for a recomputation soon. Lost with the node, when the regular one comes. */
  handler: TopicHandler;
  /** To be called every few seconds. @returns 1 when it recomputed, else 0 */
  run(ctx: AppContext): Promise<number>;
}

export function createTrendingSchedule(): TrendingSchedule {
  let started = false;
  let asked = false;
  // Where nothing has scores there is nothing to see in the table that they are fresh.
  let emptyUntil = Number.NEGATIVE_INFINITY;
  return {
    async handler() {
      asked = true;
    },
    async run(ctx) {
      const wasAsked = asked || !started;
      if (!wasAsked && performance.now() < emptyUntil) return 0;
      started = true;
      asked = false;
      const done = await refreshTrending(ctx, wasAsked ? SOON_SECS : REGULAR_SECS).catch((error: unknown) => {
        asked = wasAsked;
        throw error;
      });
      // Asked for too early: the next call asks again.
      if (!done) asked = wasAsked;
      else if ((await lastComputed(ctx.db, '30d')) === undefined) emptyUntil = performance.now() + REGULAR_SECS * 1000;
      return done ? 1 : 0;
    },
  };
}

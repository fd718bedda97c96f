import type { Queryable } from '../db/index.js';
import { findTrending, lastComputed, type TrendingRow } from './store.js';
import type { Window } from './window.js';

export interface TrendingView {
  window: Window;
  repos: (Omit<TrendingRow, 'createdAt'> & { createdAt: string })[];
  computedAt: string;
}

/**
 * What trends, best first. Scores are as of `computedAt`; a window without scores was found empty when the longest one
 * was computed, and when that is empty too, now.
 */
export async function listTrending(db: Queryable, window: Window, limit: number): Promise<TrendingView> {
  const [rows, computed] = await Promise.all([findTrending(db, window, limit), lastComputed(db, window)]);
  const at = computed?.at ?? (await lastComputed(db, '30d'))?.at ?? (await db.now());
  return {
    window,
    repos: rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() })),
    computedAt: at.toISOString(),
  };
}

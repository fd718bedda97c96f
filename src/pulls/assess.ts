/**
 * Size and mergeability of pull requests, computed on read and remembered per pair of commits: a list shows hundreds,
 * and a pair's answer never changes.
 */
import { LRUCache } from 'lru-cache';
import type { Snapshot } from '../catalog/index.js';
import type { AppContext } from '../context.js';
import { AppError } from '../errors.js';
import { planMerge } from '../git/merge/index.js';
import { type Comparison, comparedTrees } from './comparison.js';
import { type DiffStats, NO_CHANGE } from './stats.js';
import { diffTrees, mergeTrees } from './trees.js';

/** Pairs remembered per node; one costs about 300 bytes. */
const CACHED_PAIRS = 50_000;

/** What ran out of time under load may fit a little later, milliseconds. */
const TOO_LARGE_TTL_MS = 60_000;

interface Caches {
  stats: LRUCache<string, Promise<DiffStats>>;
  clean: LRUCache<string, Promise<boolean>>;
}

const caches = new WeakMap<AppContext, Caches>();

function cachesOf(ctx: AppContext): Caches {
  let found = caches.get(ctx);
  if (found === undefined) {
    found = { stats: new LRUCache({ max: CACHED_PAIRS }), clean: new LRUCache({ max: CACHED_PAIRS }) };
    caches.set(ctx, found);
  }
  return found;
}

/** Statistics of merge base … head. A diff beyond the limits of the pack engine counts as no change. */
export function statsOf(ctx: AppContext, snapshot: Snapshot, pair: Comparison): Promise<DiffStats> {
  return remembered(cachesOf(ctx).stats, keyOf(snapshot, pair), NO_CHANGE, async () => {
    const trees = comparedTrees(snapshot, pair);
    if (trees.oldTree === trees.newTree) return NO_CHANGE;
    const { files, insertions, deletions } = await diffTrees(ctx, snapshot, trees, 'stat');
    return { filesChanged: files.length, insertions, deletions };
  });
}

/** True when the three-way merge of head into target has no conflict. A merge beyond the engine's limits has one. */
export function mergesCleanly(ctx: AppContext, snapshot: Snapshot, pair: Comparison): Promise<boolean> {
  const { graph } = snapshot;
  return remembered(cachesOf(ctx).clean, keyOf(snapshot, pair), false, async () => {
    const { head, target } = pair;
    if (graph.isAncestor(target, head) || graph.isAncestor(head, target)) return true;
    const { steps } = await mergeTrees(ctx, snapshot, [planMerge(graph, target, head)]);
    return steps.every((step) => step.conflicts.length === 0);
  });
}

function keyOf({ graph }: Snapshot, { head, target }: Comparison): string {
  return graph.oid(head) + graph.oid(target);
}

function remembered<T>(
  cache: LRUCache<string, Promise<T>>,
  key: string,
  whenTooLarge: T,
  compute: () => Promise<T>,
): Promise<T> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const computed = compute().catch((error: unknown) => {
    if (!(error instanceof AppError && error.code === 'PAYLOAD_TOO_LARGE')) {
      cache.delete(key);
      throw error;
    }
    cache.set(key, Promise.resolve(whenTooLarge), { ttl: TOO_LARGE_TTL_MS });
    return whenTooLarge;
  });
  cache.set(key, computed);
  return computed;
}

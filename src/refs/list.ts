/** Reading refs, with a cache per node that the repository's `refs_version` keeps honest. */
import { LRUCache } from 'lru-cache';
import type { AppContext } from '../context.js';
import { type Ref, selectRefs } from './store.js';

/** Refs kept per node over all repositories; one costs about 200 bytes. */
const CACHED_REFS = 500_000;

const caches = new WeakMap<AppContext, LRUCache<string, { version: string; refs: readonly Ref[] }>>();

/**
 * All refs of a repository in git's order.
 * @param version `refs_version` as the caller has just read it; the answer is at least as new
 */
export async function listRefs(
  ctx: AppContext,
  repoId: string,
  version: string | number | bigint,
): Promise<readonly Ref[]> {
  const known = knownRefs(ctx, repoId, version);
  if (known !== undefined) return known;
  const loaded = await selectRefs(ctx.db, repoId);
  cacheOf(ctx).set(repoId, loaded);
  return loaded.refs;
}

/** All refs as of exactly this version, if this node has them. */
export function knownRefs(
  ctx: AppContext,
  repoId: string,
  version: string | number | bigint,
): readonly Ref[] | undefined {
  const known = cacheOf(ctx).get(repoId);
  return known?.version === String(version) ? known.refs : undefined;
}

function cacheOf(ctx: AppContext): LRUCache<string, { version: string; refs: readonly Ref[] }> {
  let cache = caches.get(ctx);
  if (cache === undefined) {
    cache = new LRUCache({ maxSize: CACHED_REFS, sizeCalculation: (entry) => entry.refs.length + 1 });
    caches.set(ctx, cache);
  }
  return cache;
}

/** Forgets a repository, after it was deleted. */
export function forgetRefs(ctx: AppContext, repoId: string): void {
  caches.get(ctx)?.delete(repoId);
}

/** Reading refs, with a cache per node that the repository's `refs_version` keeps honest. */
import { LRUCache } from 'lru-cache';
import type { AppContext } from '../context.js';
import { ZERO_OID } from '../git/oid.js';
import { type Ref, selectRefs } from './store.js';
import type { RefUpdate } from './update.js';

/** Refs kept per node over all repositories; one costs about 200 bytes. */
const CACHED_REFS = 500_000;

/** Updates that create more refs than this are read back: each has to find its place in the list. */
const MAX_CREATED = 100;

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

/**
 * Carries the refs that this node knows over to the version that a transaction of its own has just committed.
 * @param version what that transaction made of the one before
 * @param updates everything that it did to refs
 */
export function followRefs(ctx: AppContext, repoId: string, version: number, updates: readonly RefUpdate[]): void {
  const known = knownRefs(ctx, repoId, version - 1);
  if (known === undefined) return;
  const refs = applied(known, updates);
  if (refs !== undefined) cacheOf(ctx).set(repoId, { version: String(version), refs });
}

function applied(known: readonly Ref[], updates: readonly RefUpdate[]): readonly Ref[] | undefined {
  const open = new Map(updates.map(({ refName: name, newOid: oid, peeled }) => [name, { name, oid, peeled }]));
  const refs: Ref[] = [];
  for (const ref of known) {
    const moved = open.get(ref.name) ?? ref;
    open.delete(ref.name);
    if (moved.oid !== ZERO_OID) refs.push(moved);
  }
  if (open.size > MAX_CREATED) return undefined;
  for (const created of open.values()) {
    if (created.oid !== ZERO_OID) refs.splice(placeOf(created.name, refs), 0, created);
  }
  return refs;
}

/** Where a name belongs in git's order, that of the bytes. */
function placeOf(name: string, refs: readonly Ref[]): number {
  const bytes = Buffer.from(name);
  let from = 0;
  let to = refs.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (bytes.compare(Buffer.from(refs[middle]!.name)) < 0) to = middle;
    else from = middle + 1;
  }
  return from;
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

/**
 * What a node knows of a repository's objects: its packs and its commit graph, as of one `refs_version`.
 *
 * Postgres holds one row per pack, with the commits and tags of that pack in one column. A snapshot is read once per
 * version and grown by the rows that are new, so a busy repository costs one small query per request.
 */
import { LRUCache } from 'lru-cache';
import type { AppContext } from '../context.js';
import { CommitGraph } from '../git/index.js';
import type { Oid } from '../git/oid.js';
import { unpackOids } from '../git/oid.js';
import { allExist, loadPackRows } from './store.js';

/** One stored pack. */
export interface StoredPack {
  hash: string;
  /** The repository under whose prefix the files lie; packs of forks may lie elsewhere. */
  storedIn: string;
  /** Order in which packs became visible; later packs may refer to objects of earlier ones, never the other way. */
  seq: number;
  bytes: number;
  objects: number;
  /** True when every object of the pack is reachable from its tips. */
  tight: boolean;
  tips: Oid[];
  /** Commits of the pack are at these positions of the graph: `from` included, `to` excluded. */
  commits: { from: number; to: number };
}

export interface Snapshot {
  repoId: string;
  /** Oldest first. */
  packs: readonly StoredPack[];
  graph: CommitGraph;
}

/** Graphs kept per node, in commits; one costs about 100 bytes. */
const CACHED_COMMITS = 2_000_000;

const caches = new WeakMap<AppContext, LRUCache<string, Snapshot>>();

function cacheOf(ctx: AppContext): LRUCache<string, Snapshot> {
  let cache = caches.get(ctx);
  if (cache === undefined) {
    cache = new LRUCache({ maxSize: CACHED_COMMITS, sizeCalculation: (snapshot) => snapshot.graph.size + 100 });
    caches.set(ctx, cache);
  }
  return cache;
}

/**
 * The packs and graph of a repository, at least as new as the call.
 *
 * Rows become visible in `seq` order, because a push takes the repository's row lock before it inserts its pack; so
 * asking for what follows the last known row misses nothing.
 */
export async function loadSnapshot(ctx: AppContext, repoId: string): Promise<Snapshot> {
  const cache = cacheOf(ctx);
  const cached = cache.get(repoId);
  const known = cached !== undefined && (await isCurrent(ctx, cached)) ? cached : undefined;
  const last = known?.packs.at(-1)?.seq;
  const found = await loadPackRows(ctx.db, repoId, last ?? 0);
  if (known !== undefined && last !== undefined && found[0]?.seq !== last) {
    // The packs it was made of are gone: the repository was deleted.
    cache.delete(repoId);
    return loadSnapshot(ctx, repoId);
  }
  const rows = last === undefined ? found : found.slice(1);
  if (known !== undefined && rows.length === 0) return known;
  let graph = known?.graph ?? CommitGraph.fromSegments([]);
  const packs = [...(known?.packs ?? [])];
  for (const row of rows) {
    const from = graph.size;
    graph = graph.withSegment(row.segment);
    packs.push({
      hash: row.hash,
      storedIn: row.storedIn,
      seq: row.seq,
      bytes: row.bytes,
      objects: row.objects,
      tight: row.tight,
      tips: unpackOids(row.tips),
      commits: { from, to: graph.size },
    });
  }
  const snapshot = { repoId, packs, graph };
  cache.set(repoId, snapshot);
  return snapshot;
}

/** Shared packs move only after the repository that holds them was deleted, so a snapshot is good while all holders live. */
async function isCurrent(ctx: AppContext, { repoId, packs }: Snapshot): Promise<boolean> {
  const holders = new Set(packs.map((pack) => pack.storedIn));
  holders.delete(repoId);
  return holders.size === 0 || allExist(ctx.db, [...holders]);
}

/** Forgets a repository, after it was deleted. */
export function forgetSnapshot(ctx: AppContext, repoId: string): void {
  cacheOf(ctx).delete(repoId);
}
